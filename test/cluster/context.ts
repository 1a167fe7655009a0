import { symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { provide, searchFrom } from './binaries.ts';
import { needed } from './catalog.ts';
import { startCommand } from './command.ts';
import { installStash } from './install.ts';
import type { Options } from './options.ts';
import type { Progress } from './progress.ts';
import { run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';

/**
 * Runs COMMAND against a cluster that the user has. Their kubeconfig is read, for this one context; what COMMAND gets
 * is a copy with this context alone, so that neither it nor we can reach another or change the original.
 */
export async function runInContext(
  options: Options,
  context: string,
  checkout: string,
  progress: Progress,
): Promise<number> {
  const found = await provide(needed.context, searchFrom(process.env, progress), progress);
  return withTemporaryFolder(async (state) => {
    for (const [name, { path }] of found) symlinkSync(path, join(state, name));
    const env = { ...process.env, PATH: `${state}${delimiter}${process.env.PATH ?? ''}` };
    const kubectl = join(state, 'kubectl');
    const view = ['config', 'view', '--raw', '--minify', '--flatten', `--context=${context}`, '-o', 'json'];
    const config = JSON.parse(await run(kubectl, view, { env })) as Record<string, unknown>;
    const file = join(state, 'kubeconfig');
    writeFileSync(file, JSON.stringify({ ...config, 'current-context': context }), { mode: 0o600 });
    const commandEnv = { ...env, KUBECONFIG: file };
    progress.say(`Using the context ${context} of your kubeconfig`);
    if (options.stash) {
      progress.say(
        'Stash will be installed in it; its nodes must be able to get the image that manifests/install.yaml names',
      );
      await installStash(checkout, commandEnv, progress);
    }
    const command = startCommand(options.command, process.cwd(), commandEnv);
    process.on('SIGINT', () => {});
    process.on('SIGTERM', command.stop);
    process.on('SIGHUP', command.stop);
    return await command.status;
  });
}
