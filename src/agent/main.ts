import { runCheck } from './check.ts';
import { currentOwner, inPod } from './in-pod.ts';
import { runRestore } from './restorer.ts';
import { runSidecar } from './sidecar.ts';
import { runTrigger } from './trigger.ts';

export { runCheck } from './check.ts';
export { spawnQuietly } from './in-pod.ts';
export { runRestore } from './restorer.ts';
export { runSidecar } from './sidecar.ts';
export { runTrigger } from './trigger.ts';

/* What is put into workloads, and what the operator's own Jobs run. */

/** `stash agent sidecar`. Resolves with the exit status, after SIGTERM or SIGINT. */
export async function sidecar(options: { configurations: string[]; directories: string[] }): Promise<number> {
  return inPod(options.directories, (agent) =>
    runSidecar({ ...agent, configurations: options.configurations }),
  );
}

/** `stash agent restore`. Resolves with the exit status, once there is nothing left to wait for. */
export async function restore(options: { sessions: string[]; directories: string[] }): Promise<number> {
  return inPod(options.directories, (agent) =>
    runRestore({ ...agent, sessions: options.sessions, owner: currentOwner() }),
  );
}

/** `stash agent check`. Resolves with the exit status. */
export async function check(options: { repository: string }): Promise<number> {
  return inPod([], (agent) => runCheck({ ...agent, repository: options.repository }));
}

/** `stash agent trigger`. Resolves with the exit status. */
export async function trigger(options: { configuration: string }): Promise<number> {
  return inPod([], (agent) => runTrigger({ ...agent, ...options, jobName: process.env.JOB_NAME ?? '' }));
}
