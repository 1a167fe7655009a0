// Runs within the namespaces of a cluster: starts its processes, runs COMMAND, and ends. What is left when it ends,
// the kernel ends: they are all in a process namespace of their own.
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startCluster } from './cluster.ts';
import { type RunningCommand, signalStatus, startCommand } from './command.ts';
import { ClusterFailure } from './failure.ts';
import { installStash } from './install.ts';
import { systemFolders } from './packages.ts';
import type { Plan, Stop } from './plan.ts';
import { stderrProgress } from './progress.ts';

const plan = JSON.parse(readFileSync(process.argv[2] ?? 'plan.json', 'utf8')) as Plan;
let command: RunningCommand | undefined;

function stop(signal: NodeJS.Signals): void {
  if (command === undefined) process.exit(signalStatus(signal));
  command.stop(signal);
}

// Ctrl-C reaches COMMAND too, which alone decides what it means; a signal to this process alone is passed on.
process.on('SIGINT', () => command ?? process.exit(signalStatus('SIGINT')));
process.on('SIGTERM', stop);
process.on('SIGHUP', stop);
process.on('message', (message: Stop) => stop(message.stop));
// The outside is gone: nobody waits for the outcome.
process.on('disconnect', () => process.exit(signalStatus('SIGHUP')));
process.channel?.unref();

try {
  const env = {
    ...process.env,
    PATH: [join(plan.state, 'bin'), process.env.PATH ?? '', ...systemFolders].join(delimiter),
    KUBECONFIG: join(plan.state, 'admin.kubeconfig'),
    STASH_CLUSTER_STATE: plan.state,
  };
  process.env.PATH = env.PATH;
  await startCluster(plan, stderrProgress);
  if (plan.stash) await installStash(plan.checkout, env, stderrProgress);
  command = startCommand(plan.command, plan.cwd, env);
  process.exit(await command.status);
} catch (error) {
  process.stderr.write(`${error instanceof ClusterFailure ? error.message : (error as Error).stack}\n`);
  // What env, xargs and docker give for a failure of their own.
  process.exit(125);
}
