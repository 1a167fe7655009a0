import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModuleSource, ProgramSource } from './catalog.ts';
import { downloadModule, goBuild } from './goToolchain.ts';
import { withTemporaryFolder } from './temporary.ts';

/** Builds one binary from its source with `go`, to `output`. */
export async function buildFromSource(
  go: string,
  source: ModuleSource | ProgramSource,
  output: string,
): Promise<void> {
  await withTemporaryFolder((work) =>
    'program' in source
      ? buildProgram(go, source.program, work, output)
      : buildModule(go, source, work, output),
  );
}

/**
 * Built in the module's own folder with its own go.mod and go.sum, so with the very dependencies that its
 * project chose and tested; only what points out of the module (its siblings in the project's
 * repository, which the module does not contain) is changed, in a copy.
 */
async function buildModule(go: string, source: ModuleSource, work: string, output: string): Promise<void> {
  const folder = await downloadModule(go, `${source.module}@${source.version}`);
  const modfile = join(work, 'go.mod');
  writeFileSync(
    modfile,
    withoutSiblings(readFileSync(join(folder, 'go.mod'), 'utf8'), source.stagingVersion),
  );
  writeFileSync(join(work, 'go.sum'), readFileSync(join(folder, 'go.sum')));
  const ldflags = `-s -w ${source.ldflags ?? ''}`.trim();
  await goBuild(go, [`-modfile=${modfile}`, '-ldflags', ldflags, '-o', output, source.package], folder);
}

async function buildProgram(go: string, program: string, work: string, output: string): Promise<void> {
  writeFileSync(join(work, 'go.mod'), 'module program\n\ngo 1.21\n');
  writeFileSync(join(work, 'main.go'), program);
  await goBuild(go, ['-ldflags', '-s -w', '-o', output, '.'], work);
}

/**
 * Replacements by folders are taken out of a go.mod. Where the requirements behind them name no real version
 * (Kubernetes requires its staging modules at v0.0.0), the published `stagingVersion` replaces them.
 */
export function withoutSiblings(goMod: string, stagingVersion?: string): string {
  return goMod
    .split('\n')
    .flatMap((line) => {
      const found = /^(\s*(?:replace\s+)?)(\S+)(?:\s+v\S+)?\s+=>\s+\.{1,2}\/\S*\s*$/.exec(line);
      if (found === null) return [line];
      const [, start, module] = found;
      return stagingVersion === undefined ? [] : [`${start}${module} => ${module} ${stagingVersion}`];
    })
    .join('\n');
}
