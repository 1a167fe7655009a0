import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Found, provide, searchFrom } from './binaries.ts';
import { needed, pushgateway, storageServers } from './catalog.ts';
import {
  busyboxImage,
  pauseImage,
  postgresServerImage,
  stashImage,
  stashPostgresImage,
  taskToolImage,
} from './clusterImages.ts';
import { signalStatus } from './command.ts';
import { containerdTemplate } from './containerd.ts';
import { runInContext } from './context.ts';
import { ClusterFailure } from './failure.ts';
import { requireClusterMachine, thisMachine } from './machine.ts';
import { runInNamespaces } from './namespaces.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { install, packages } from './packages.ts';
import { watchParents } from './parents.ts';
import { type Progress, stderrProgress } from './progress.ts';
import { createState, removeState } from './state.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

async function main(args: readonly string[], progress: Progress): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  if (options.context !== undefined) return runInContext(options, options.context, checkout, progress);
  requireClusterMachine(thisMachine());
  using _watch = watchParents(() => process.kill(process.pid, 'SIGTERM'));
  return await runInOwnCluster(options, progress);
}

async function runInOwnCluster(options: Options, progress: Progress): Promise<number> {
  const mode = options.controlPlane ? 'control-plane' : 'full';
  // Until the cluster starts, a signal ends this process as it would any.
  const endBySignal = (signal: NodeJS.Signals) => process.exit(signalStatus(signal));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, endBySignal);

  await install(packages.namespaces, progress);
  if (mode === 'full') await install(packages.node, progress);
  if (options.stash || options.postgres) await install(packages.images, progress);
  const found = await provide(
    [
      ...needed[mode],
      ...(options.storage ? storageServers : []),
      ...(options.pushgateway ? [pushgateway] : []),
    ],
    searchFrom(process.env, progress),
    progress,
  );
  const containerd =
    mode === 'full'
      ? await containerdTemplate(await clusterImages(found, options, progress), progress)
      : undefined;

  const state = createState();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, endBySignal);
  try {
    for (const [name, { path }] of found) symlinkSync(path, join(state, 'bin', name));
    return await runInNamespaces({
      state,
      mode,
      ...(containerd === undefined ? {} : { containerd }),
      stash: options.stash,
      checkout,
      command: options.command,
      cwd: callersFolder(process.env),
    });
  } finally {
    if (options.keepLogs !== undefined && existsSync(join(state, 'logs'))) {
      cpSync(join(state, 'logs'), options.keepLogs, { recursive: true });
      progress.say(`The cluster's logs are in ${options.keepLogs}`);
    }
    removeState(state);
  }
}

/** npm runs a script in the folder of package.json, and tells where its user stands. */
function callersFolder(env: NodeJS.ProcessEnv): string {
  const ofNpm = env.npm_lifecycle_event === 'cluster' ? env.INIT_CWD : undefined;
  return ofNpm ?? process.cwd();
}

async function clusterImages(
  found: Map<string, Found>,
  { stash, postgres }: Options,
  progress: Progress,
): Promise<string[]> {
  const pathOf = (name: string) => {
    const binary = found.get(name);
    if (binary === undefined) throw new ClusterFailure(`the catalog has no ${name}`);
    return binary.path;
  };
  const images = [await pauseImage(pathOf('pause')), await busyboxImage()];
  if (stash) images.push(await stashImage(pathOf('restic'), progress));
  if (postgres) {
    images.push(
      await stashPostgresImage(pathOf('restic'), progress),
      await postgresServerImage(progress),
      await taskToolImage(pathOf('restic'), pathOf('kubectl'), progress),
    );
  }
  return images;
}

try {
  process.exitCode = await main(process.argv.slice(2), stderrProgress);
} catch (error) {
  process.stderr.write(`${error instanceof ClusterFailure ? error.message : (error as Error).stack}\n`);
  process.exitCode = 125;
}
