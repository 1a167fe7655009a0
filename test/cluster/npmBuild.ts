import { chmodSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PackageSource } from './catalog.ts';
import { run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';

/**
 * Builds a program out of the packages that a lock file here names, as one file: the hundreds of packages that it needs are gone
 * afterwards. Their scripts are not run.
 */
export async function buildFromPackages(source: PackageSource, output: string): Promise<void> {
  const locked = fileURLToPath(new URL(source.locked, import.meta.url));
  await withTemporaryFolder(async (work) => {
    for (const file of ['package.json', 'package-lock.json']) cpSync(join(locked, file), join(work, file));
    const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['ci', ...quietly], { cwd: work });
    const { build } = await import('esbuild');
    await build({
      entryPoints: [join(work, 'node_modules', source.entry)],
      outfile: output,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      // Drivers of databases that nobody uses here.
      external: ['pg-hstore'],
      define: { 'import.meta.url': '"file:///"' },
      logLevel: 'error',
    });
  });
  chmodSync(output, 0o755);
}
