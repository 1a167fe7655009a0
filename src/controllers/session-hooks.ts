import type { ConditionNow } from '../api/conditions.ts';
import { HOOKS_SUCCEEDED, type Hook, type HookName, type HookRun, type PostHook } from '../api/hooks.ts';
import { hostNameOf, ONLY_HOST } from '../api/hosts.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { Pod } from './agent-pods.ts';
import { isRunning } from './hook-target.ts';
import { type HostNow, isSettled } from './session-status.ts';
import type { Workload } from './workload.ts';

/*
 * Which hooks of a session are due, and what follows from how they ended.
 *
 * `status.hooks` says of each hook on each host how far it is, so that an operator that takes over runs none again that has ended. One
 * that was in the middle is run again: a hook runs at least once.
 *
 * An agent acts for the host that has its pod's uid. So a host whose preBackup hook has not ended has none yet, and no agent, whatever
 * its age, can begin before.
 */

/** Stands for the host of a preRestore hook where no pod runs: no host is called so. */
export const NO_RUNNING_POD = '(no running pod)';

/** How many hooks of a session a message tells of. */
const MOST_TOLD = 4;

export function isHookOver({ phase }: HookRun): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Skipped';
}

export function isOf(name: HookName): (run: HookRun) => boolean {
  return ({ hook }) => hook === name;
}

/** The hosts of a BackupSession as it starts, those that act first without their pod's uid where a preBackup hook comes before. */
export function heldForHook(
  hook: Hook | undefined,
  frozen: readonly HostNow[],
): { hosts: HostNow[]; hooks?: HookRun[] } {
  if (hook === undefined) return { hosts: [...frozen] };
  const hooks = frozen.filter((host) => !isSettled(host)).map((host) => due('preBackup', host));
  const hosts = frozen.map((host) => {
    const { podUID: _, ...held } = host;
    return isSettled(host) ? host : held;
  });
  return { hosts, hooks };
}

/**
 * The run of the hook `name` for the one host of a Job, whose own pod is none of the application's: in `holder`, which has the claim
 * mounted.
 */
export function dueInHolder(name: HookName, holder: Pod | undefined, claim: string): HookRun {
  const { name: podName, uid: podUID } = holder?.metadata ?? {};
  if (podName !== undefined && podUID !== undefined) return due(name, { host: ONLY_HOST, podName, podUID });
  const message = `no pod that has PersistentVolumeClaim "${claim}" mounted runs, so there is none to run it in`;
  return { hook: name, host: ONLY_HOST, phase: 'Skipped', reason: 'NoRunningPod', message };
}

/**
 * `hosts` with the pod's uid for those whose preBackup hook went well, or is wanted no more, and those Failed where it failed.
 *
 * @param now - an RFC 3339 instant
 */
export function released<H extends HostNow>(hosts: readonly H[], runs: readonly HookRun[], now: string): H[] {
  return hosts.map((host) => {
    if (isSettled(host) || host.podUID !== undefined) return host;
    const run = runs.find(({ hook, host: name }) => hook === 'preBackup' && name === host.host);
    if (run === undefined || !isHookOver(run)) return host;
    // The host of a Job has no pod yet, and gets its own.
    const isOwn = host.podName === run.podName && run.podUID !== undefined;
    if (run.phase !== 'Failed') return isOwn ? { ...host, podUID: run.podUID } : host;
    const reason = run.reason ?? 'HookFailed';
    const message = `nothing was backed up, since the preBackup hook failed in pod ${run.podName}: ${run.message}`;
    return { ...host, phase: 'Failed', reason, message, completionTime: now };
  });
}

/**
 * The runs of the hook `name` that are due and not in `runs` yet: in the pod of each host that is settled, as the hook's policy says.
 * A host that never had a pod has none to run it in.
 */
export function dueAfter(
  name: 'postBackup' | 'postRestore',
  hook: PostHook | undefined,
  hosts: readonly HostNow[],
  runs: readonly HookRun[],
): HookRun[] {
  return hostsDue(name, hook, hosts, runs).flatMap((host) => {
    const podUID = host.podUID ?? runs.find((run) => run.host === host.host)?.podUID;
    return host.podName === undefined || podUID === undefined ? [] : [due(name, { ...host, podUID })];
  });
}

/**
 * The same of a session whose work a Job does: in the very pod in which the hook before ran, or else in the one that has the claim mounted
 * now.
 */
export async function dueAfterJob(
  name: 'postBackup' | 'postRestore',
  hook: PostHook | undefined,
  hosts: readonly HostNow[],
  runs: readonly HookRun[],
  claim: string,
  holder: () => Promise<Pod | undefined>,
): Promise<HookRun[]> {
  const [host] = hostsDue(name, hook, hosts, runs);
  if (host === undefined) return [];
  const { podName, podUID } = runs.find((run) => run.host === host.host) ?? {};
  if (podName !== undefined && podUID !== undefined) return [due(name, { host: host.host, podName, podUID })];
  return [dueInHolder(name, await holder(), claim)];
}

function hostsDue(
  name: HookName,
  hook: PostHook | undefined,
  hosts: readonly HostNow[],
  runs: readonly HookRun[],
): HostNow[] {
  if (hook === undefined) return [];
  return hosts.filter((host) => {
    if (!isSettled(host) || runs.some((run) => run.hook === name && run.host === host.host)) return false;
    const wanted = host.phase === 'Succeeded' ? 'OnSuccess' : 'OnFailure';
    return hook.executionPolicy === 'Always' || hook.executionPolicy === wanted;
  });
}

/** The runs of a preRestore hook: one for each host of `workload` that has a running pod. */
export function dueBeforeRestore({ kind, metadata }: Workload, pods: readonly Pod[]): HookRun[] {
  const byHost = Map.groupBy(pods.filter(isRunning), ({ metadata: { name }, spec }) =>
    kind === 'Deployment' ? ONLY_HOST : hostNameOf(kind, { podName: name, nodeName: spec.nodeName ?? '' }),
  );
  if (byHost.size === 0) {
    const message = `no pod of ${kind} "${metadata.name}" runs, so there is none to run it in`;
    return [{ hook: 'preRestore', host: NO_RUNNING_POD, phase: 'Skipped', reason: 'NoRunningPod', message }];
  }
  return [...byHost].flatMap(([host, [pod]]) => {
    const { name = '', uid } = pod?.metadata ?? {};
    return uid === undefined ? [] : [due('preRestore', { host, podName: name, podUID: uid })];
  });
}

/** Whether nothing of the restore may be touched yet, for the sake of its preRestore hook. */
export function awaitsPreRestore({ spec, status }: Pick<RestoreSession, 'spec' | 'status'>): boolean {
  if (spec.hooks?.preRestore === undefined || status?.phase === 'Running') return false;
  const runs = (status?.hooks ?? []).filter(isOf('preRestore'));
  return runs.length === 0 || runs.some(({ phase }) => phase !== 'Succeeded' && phase !== 'Skipped');
}

/**
 * `runs`, those of the hook `name` that are not over ended for `why`: their host was given up meanwhile.
 *
 * @param now - an RFC 3339 instant
 */
export function abandoned(
  runs: readonly HookRun[],
  name: HookName,
  why: { reason: string; message: string },
  isGivenUp: (run: HookRun) => boolean,
  now: string,
): HookRun[] {
  return runs.map((run) =>
    run.hook === name && !isHookOver(run) && isGivenUp(run)
      ? { ...run, phase: 'Failed', ...why, completionTime: now }
      : run,
  );
}

/** The host of a preRestore hook, in a session that fails before it restores anything. */
export function givenUp({ host, podName, podUID }: HookRun): HostNow {
  return {
    host,
    ...(podName !== undefined && { podName }),
    ...(podUID !== undefined && { podUID }),
    phase: 'Failed',
  };
}

/** What the hooks of a session came to; undefined where it had none. */
export function hooksCondition(runs: readonly HookRun[]): ConditionNow | undefined {
  if (runs.length === 0) return undefined;
  const failed = runs.filter(({ phase }) => phase === 'Failed');
  if (failed.length > 0) {
    const message = describeRuns(failed);
    return { type: HOOKS_SUCCEEDED, status: 'False', reason: 'HooksFailed', message };
  }
  const skipped = runs.filter(({ phase }) => phase === 'Skipped');
  const done = `hooks that went well: ${runs.length - skipped.length}`;
  const message = skipped.length === 0 ? done : `${done}; skipped: ${describeRuns(skipped)}`;
  return { type: HOOKS_SUCCEEDED, status: 'True', reason: 'HooksSucceeded', message };
}

/** These runs in words, the first few of them. */
export function describeRuns(runs: readonly HookRun[]): string {
  const told = runs
    .slice(0, MOST_TOLD)
    .map(({ hook, host, podName, message }) => {
      const where = podName === undefined ? host : `${host} in pod ${podName}`;
      return message === undefined ? `${hook} of ${where}` : `${hook} of ${where}: ${message}`;
    })
    .join('; ');
  return runs.length > MOST_TOLD ? `${told}; and ${runs.length - MOST_TOLD} more` : told;
}

function due(hook: HookName, { host, podName, podUID }: HostNow): HookRun {
  return {
    hook,
    host,
    ...(podName !== undefined && { podName }),
    ...(podUID !== undefined && { podUID }),
    phase: 'Pending',
  };
}
