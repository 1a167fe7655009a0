import { type ConditionNow, findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { HookRun } from '../api/hooks.ts';
import { ONLY_HOST } from '../api/hosts.ts';
import { canonicalJSON } from '../api/names.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { RESTORE_SESSIONS } from '../api/resources.ts';
import type { RestoreHost, RestoreSession } from '../api/restore-session.ts';
import { isOver, SUCCEEDED } from '../api/sessions.ts';
import { isOfWorkload, type WorkloadRestore } from '../api/workload-target.ts';
import { inject } from '../injection/inject.ts';
import { wantedBy } from '../injection/wanted-by.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { keyOf } from '../kube/object.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { jobName } from '../tasks/job.ts';
import { podsOf } from './agent-pods.ts';
import { PATIENCE } from './backup-hosts.ts';
import { outcome } from './backup-sessions.ts';
import { type Reach, reachOf } from './claim-reach.ts';
import type { Context } from './context.ts';
import { decideEmptying } from './held-replicas.ts';
import type { HookRuns } from './hook-runs.ts';
import { holderOf, hookTargetOf } from './hook-target.ts';
import type { HostWatch } from './host-watch.ts';
import type { Trouble } from './job-state.ts';
import { isUsable } from './repository-readiness.ts';
import { assignPods, awaitedOf, freezeRestore } from './restore-hosts.ts';
import { inTurn, ownsTarget } from './restore-queue.ts';
import { targetFault } from './restore-target.ts';
import { awaitsHook, deletionOf, hold, isHeld, release } from './session-hold.ts';
import {
  abandoned,
  describeRuns,
  dueAfter,
  dueAfterJob,
  dueBeforeRestore,
  dueInHolder,
  givenUp,
  hooksCondition,
  isHookOver,
  isOf,
} from './session-hooks.ts';
import type { JobOutcome, SessionJobs } from './session-jobs.ts';
import {
  applyStatus,
  describeFailures,
  describeHosts,
  describeRestored,
  type HostNow,
  isSettled,
  MOST_HOSTS,
  type StatusChange,
} from './session-status.ts';
import { settleHosts } from './settle.ts';
import { type TargetGate, type TargetUse, useOfRestore } from './target-gate.ts';
import { isFault } from './task-run.ts';
import { agentOf, wantedFor, withOwn } from './wanted.ts';
import { rolloutHint, scaledToZero, type Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';
import { hostsOf, NODES_WITHOUT_POD, type WorkloadHost } from './workload-hosts.ts';

/** How often a session that runs is looked at, and one that waits for its pod; in milliseconds. */
const WATCH_EVERY = 10_000;
const LOOK_FOR_POD_EVERY = 1_000;

/** How often one that has waited for long is, in milliseconds: a pod waits for this before it starts. */
const LONGEST_WAIT = 5_000;

/** What is applied together may arrive in any order: so long a session waits for its Repository, in milliseconds. */
const ARRIVAL = 30_000;

/** So much longer than its timeout a postRestore hook waits until the container runs, in milliseconds: it may have to be made first. */
const AFTER_RESTORE = 300_000;

/**
 * How far is this RestoreSession? Waits for its turn and for pods whose init containers are there to restore, freezes the hosts,
 * settles those that are lost, and ends the session. That the workload gets the init container, and is scaled, is the work of others.
 */
export function restoreSessions(
  context: Context,
  hosts: HostWatch,
  sessionJobs: SessionJobs,
  hooks: HookRuns,
  targets: TargetGate,
): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const session = caches.restoreSessions.get(key);
    if (session === undefined || isOver(session)) {
      targets.leave('RestoreSession', key);
      hosts.forget(`RestoreSession/${key}`);
      hooks.forget(`RestoreSession/${key}`);
      if (session !== undefined) await release(client, RESTORE_SESSIONS, session);
      return undefined;
    }
    return session.status?.phase === 'Running' ? proceed(session) : start(session);
  };

  async function start(session: RestoreSession): Promise<Outcome | undefined> {
    const { namespace } = session.metadata;
    const { ref } = session.spec.target;
    const deletion = deletionOf(session);
    if (deletion !== undefined) return conclude(session, 'Failed', deletion.reason, deletion.message);
    const age = clock.now() - instantOf(session.metadata.creationTimestamp);
    if (session.spec.cancel)
      return conclude(session, 'Failed', 'Cancelled', 'the session was cancelled before it started');
    if (age > parseDuration(session.spec.timeout)) {
      const waitedFor =
        findCondition(session.status?.conditions, SUCCEEDED)?.message ?? 'the operator did not run';
      return conclude(
        session,
        'Failed',
        'DeadlineExceeded',
        `it could not start within ${session.spec.timeout}: ${waitedFor}`,
      );
    }

    const repository = caches.repositories.get(`${namespace}/${session.spec.repository.name}`);
    const problem = repositoryProblem(session, repository);
    if (problem !== undefined) {
      return age < ARRIVAL
        ? wait(session, problem.reason, problem.message)
        : conclude(session, 'Failed', problem.reason, problem.message);
    }
    const sessions = caches.restoreSessions.byIndex('target', workloadKey(namespace, ref));
    const turn = inTurn(sessions);
    if (turn !== undefined && turn.metadata.uid !== session.metadata.uid) {
      return wait(session, 'Queued', `the session ${turn.metadata.name} restores into the same target first`);
    }
    if (!isOfWorkload(session)) return repository && startTask(session, repository, age);
    const workload = caches.workloads.get(workloadKey(namespace, ref));
    if (workload === undefined) {
      return wait(
        session,
        'WorkloadNotFound',
        `there is no ${ref.kind} "${ref.name}" in namespace ${namespace} yet`,
      );
    }
    const fault = injectionProblem(session, repository, workload);
    if (fault !== undefined)
      return conclude(session, 'Failed', fault.reason, `${fault.path}: ${fault.message}`);
    const unfit = targetFault(workload, session);
    if (unfit !== undefined) return conclude(session, 'Failed', unfit.reason, unfit.message);
    const reach: Reach =
      repository === undefined ? { can: 'Mount' } : await reachOf(context, workload, repository);
    if (reach.can === 'Not') {
      return reach.reason === 'PlacementUnknown'
        ? wait(session, reach.reason, reach.message)
        : conclude(session, 'Failed', reach.reason, reach.message);
    }

    // Before anything is touched, and not before it is known whether the pods can mount the repository: see BEFORE_REACH.
    const obstacle = targets.enter(useOfRestore(session));
    if (obstacle !== undefined) return waitFor(session, obstacle);
    const pods = await podsOf(client, workload);
    const hooked = await runPreRestore(session, async () => dueBeforeRestore(workload, pods));
    if (hooked !== undefined) return hooked;
    const emptying = decideEmptying(workload, session, pods);
    if (emptying !== undefined) return wait(session, emptying.reason, emptying.message, emptying.replicas);
    const seen = hostsOf(workload, pods, agentOf('restore', session, repository));
    if (seen.length > MOST_HOSTS) {
      const message = `${ref.kind} "${ref.name}" has ${seen.length} hosts, and a session has at most ${MOST_HOSTS}`;
      return conclude(session, 'Failed', 'TooManyHosts', message);
    }
    const absence = whyNotYet(session, workload, seen);
    return absence === undefined ? freeze(session, seen) : wait(session, 'NoAgent', absence);
  }

  async function startTask(
    session: RestoreSession,
    repository: Repository,
    age: number,
  ): Promise<Outcome | undefined> {
    const obstacle = targets.enter(useOfRestore(session));
    if (obstacle !== undefined) return waitFor(session, obstacle);
    const resolved = await sessionJobs.resolve(session, session, repository);
    if (!isFault(resolved)) {
      const hooked = await runPreRestore(session, async () => {
        const claim = session.spec.target.ref.name;
        return [
          dueInHolder('preRestore', await holderOf(client, session.metadata.namespace ?? '', claim), claim),
        ];
      });
      if (hooked !== undefined) return hooked;
      if (!isHeld(session)) {
        await hold(client, RESTORE_SESSIONS, session);
        return { requeueAfter: LOOK_FOR_POD_EVERY };
      }
      const job = jobName({ kind: 'RestoreSession', name: session.metadata.name });
      return run(session, [{ host: ONLY_HOST }], 0, job);
    }
    // A target that is still to come, or that another has, is waited for, as a workload is.
    const { reason, message } = resolved;
    const isToCome = ['ClaimNotFound', 'AppBindingNotFound', 'ClaimInUse'].includes(reason) || age < ARRIVAL;
    return isToCome ? wait(session, reason, message) : conclude(session, 'Failed', reason, message);
  }

  /** Why the hosts cannot be frozen yet, as a sentence; undefined where they can. */
  function whyNotYet(
    session: RestoreSession,
    workload: Workload,
    seen: readonly WorkloadHost[],
  ): string | undefined {
    const none = scaledToZero(workload);
    if (none !== undefined) return `${none}; it is restored as its first pod starts`;
    if (!seen.some((each) => 'pod' in each)) {
      const missing = seen.slice(0, 8).flatMap((each) => ('pod' in each ? [] : each.missing));
      return [...missing, rolloutHint(workload)].filter((each) => each !== undefined).join('; ');
    }
    const unknown = seen.find(({ host }) => host === NODES_WITHOUT_POD);
    if (unknown === undefined || 'pod' in unknown) return undefined;
    const since = hosts.unchangedFor(`RestoreSession/${keyOf(session)}/known hosts`, String(seen.length));
    return since < PATIENCE ? unknown.missing : undefined;
  }

  async function freeze(session: RestoreSession, seen: readonly WorkloadHost[]): Promise<Outcome> {
    const frozen = freezeRestore(seen, timestamp(clock.now()));
    return run(session, frozen, awaitedOf(frozen).length > 0 ? LOOK_FOR_POD_EVERY : WATCH_EVERY);
  }

  /** @param job - the name of the Job that is to be made */
  async function run(
    session: RestoreSession,
    frozen: HostNow[],
    requeueAfter: number,
    job?: string,
  ): Promise<Outcome> {
    const now = clock.now();
    const acting = frozen.filter(({ podUID }) => podUID !== undefined || job !== undefined);
    const change: StatusChange = {
      phase: 'Running',
      startTime: timestamp(now),
      deadline: timestamp(now + parseDuration(session.spec.timeout)),
      hosts: frozen,
      ...(job !== undefined && { job }),
      conditions: [outcome('Unknown', 'Running', `under way: ${describeHosts(acting)}`)],
    };
    await applyStatus(client, RESTORE_SESSIONS, session, change, now);
    context.events.record({
      type: 'Normal',
      reason: 'RestoreStarted',
      action: 'StartSession',
      note: `the restore runs: ${describeHosts(acting)}`,
      regarding: session,
    });
    return { requeueAfter };
  }

  async function proceed(session: RestoreSession): Promise<Outcome | undefined> {
    targets.hold(useOfRestore(session));
    const deletion = deletionOf(session);
    const awaited =
      isOfWorkload(session) && deletion === undefined ? awaitedOf(session.status?.hosts ?? []) : [];
    const isToBeAssigned = awaited.length > 0 && !session.spec.cancel && isOfWorkload(session);
    if (isToBeAssigned && (await assign(session))) return { requeueAfter: 0 };
    const settled = await settle(session, awaited.length > 0 ? LOOK_FOR_POD_EVERY : WATCH_EVERY, deletion);
    if (settled.changed) {
      const { hosts: all, condition } = settled;
      const change: StatusChange = {
        hosts: all,
        ...(condition !== undefined && { conditions: [condition] }),
      };
      await applyStatus(client, RESTORE_SESSIONS, session, change, clock.now());
      return { requeueAfter: settled.lookAgainAfter };
    }
    if (!settled.hosts.every(isSettled)) return { requeueAfter: settled.lookAgainAfter };
    const failed = settled.hosts.filter(({ phase }) => phase === 'Failed');
    const [first] = failed;
    const job = session.status?.job;
    if (job !== undefined) {
      const waited = hosts.unchangedFor(`RestoreSession/${keyOf(session)}/end of the Job`, job);
      const isUndone = first !== undefined || session.spec.cancel;
      if (!(await sessionJobs.end(session, isUndone, waited))) return { requeueAfter: LOOK_FOR_POD_EVERY };
    }
    if (first === undefined) {
      const message = describeRestored(session.status?.stats ?? [], settled.hosts);
      return conclude(session, 'Succeeded', 'RestoreSucceeded', message);
    }
    return conclude(session, 'Failed', first.reason ?? 'RestoreFailed', describeFailures(failed));
  }

  async function settle(
    session: RestoreSession,
    lookAgainAfter: number,
    deletion: Trouble | undefined,
  ): Promise<JobOutcome> {
    if (session.status?.job !== undefined) {
      const { namespace } = session.metadata;
      const repository = caches.repositories.get(`${namespace}/${session.spec.repository.name}`);
      return sessionJobs.settle(session, session, repository, deletion);
    }
    const settled = await settleHosts<RestoreHost>(
      context,
      hosts,
      session,
      session.status?.hosts ?? [],
      deletion,
    );
    return { ...settled, lookAgainAfter: settled.changed ? 0 : lookAgainAfter };
  }

  /** Gives hosts that wait their pod, and says in the condition what the others wait for. Answers whether anything was written. */
  async function assign(session: WorkloadRestore): Promise<boolean> {
    const { namespace } = session.metadata;
    const key = workloadKey(namespace, session.spec.target.ref);
    const repository = caches.repositories.get(`${namespace}/${session.spec.repository.name}`);
    const workload = caches.workloads.get(key);
    const pods = workload === undefined ? [] : await podsOf(client, workload);
    const sought = agentOf('restore', session, repository);
    const seen = workload === undefined ? [] : hostsOf(workload, pods, sought);
    const now = clock.now();
    const assigned = assignPods(
      session.status?.hosts ?? [],
      seen,
      (host, presence) =>
        hosts.unchangedFor(`RestoreSession/${keyOf(session)}/presence of ${host}`, presence),
      timestamp(now),
    );
    const waiting = awaitedOf(assigned.hosts).flatMap(({ host }) => {
      const found = seen.find((each) => each.host === host);
      return found !== undefined && 'missing' in found ? `${host} (${found.missing})` : host;
    });
    const acting = assigned.hosts.filter((host) => host.podUID !== undefined && !isSettled(host));
    const message =
      waiting.length === 0
        ? `under way: ${describeHosts(acting)}`
        : [`waits for ${waiting.slice(0, 8).join(', ')}`, (workload && rolloutHint(workload)) ?? []]
            .flat()
            .join('; ');
    const known = findCondition(session.status?.conditions, SUCCEEDED);
    if (!assigned.changed && known?.message === message) return false;
    const conditions = [outcome('Unknown', 'Running', message)];
    await applyStatus(client, RESTORE_SESSIONS, session, { hosts: assigned.hosts, conditions }, now);
    return true;
  }

  function injectionProblem(
    session: WorkloadRestore,
    repository: Repository | undefined,
    workload: Workload,
  ) {
    if (repository === undefined) return undefined;
    const { namespace, name } = workload.metadata;
    const standing = wantedFor(caches, namespace ?? '', workload.kind, name);
    const wanted = withOwn(standing, 'restores', wantedBy(session, repository));
    return inject(workload, wanted, context.injection).problems.find(
      (problem) => problem.subject === 'RestoreSession' && problem.name === session.metadata.name,
    );
  }

  /**
   * Takes the preRestore hook on, before anything is touched: no Job is made, and the workload is neither scaled nor given the init
   * container until it has ended well, see {@link awaitsPreRestore}. Answers nothing where the restore may go on.
   *
   * @param due - its runs, as they are now
   */
  async function runPreRestore(
    session: RestoreSession,
    due: () => Promise<HookRun[]>,
  ): Promise<Outcome | undefined> {
    if (session.spec.hooks?.preRestore === undefined) return undefined;
    if (awaitsHook(session.spec.hooks) && !isHeld(session)) {
      await hold(client, RESTORE_SESSIONS, session);
      return { requeueAfter: LOOK_FOR_POD_EVERY };
    }
    const known = session.status?.hooks ?? [];
    const runs = known.some(isOf('preRestore')) ? known : [...known, ...(await due())];
    const next = advance(session, runs);
    if (next !== known) return note(session, known, next);
    const mine = next.filter(isOf('preRestore'));
    if (!mine.every(isHookOver)) {
      const names = describeRuns(mine.filter((run) => !isHookOver(run)));
      return wait(session, 'HookRunning', `waits for ${names}`);
    }
    const failed = mine.filter(({ phase }) => phase === 'Failed');
    const [first] = failed;
    if (first !== undefined) {
      const message = `nothing was touched, since a hook failed: ${describeRuns(failed)}`;
      return conclude(session, 'Failed', first.reason ?? 'HookFailed', message);
    }
    return undefined;
  }

  /** The session ends so, once its postRestore hook has ended too. */
  async function conclude(
    session: RestoreSession,
    phase: 'Succeeded' | 'Failed',
    reason: string,
    message: string,
  ): Promise<Outcome | undefined> {
    const known = session.status?.hooks ?? [];
    const isBegun = session.status?.phase === 'Running';
    const given = { reason: 'HookFailed', message: 'the session was given up before it had ended' };
    hooks.stop(session, ({ hook }) => hook === 'preRestore');
    const runs = abandoned(known, 'preRestore', given, () => true, timestamp(clock.now()));
    const hostsNow = isBegun ? (session.status?.hosts ?? []) : runs.filter(isOf('preRestore')).map(givenUp);
    const { metadata, spec } = session;
    const { ref } = spec.target;
    const due = isOfWorkload(session)
      ? dueAfter('postRestore', spec.hooks?.postRestore, hostsNow, runs)
      : await dueAfterJob('postRestore', spec.hooks?.postRestore, hostsNow, runs, ref.name, () =>
          holderOf(client, metadata.namespace ?? '', ref.name),
        );
    const next = advance(session, [...runs, ...due], isBegun ? AFTER_RESTORE : 0);
    if (next.every(isHookOver)) return end(session, phase, reason, message, next);
    if (canonicalJSON(next) !== canonicalJSON(known)) return note(session, known, next);
    return { requeueAfter: WATCH_EVERY };
  }

  function advance(session: RestoreSession, runs: HookRun[], patience = 0): HookRun[] {
    const { target, hooks: wanted = {} } = session.spec;
    return hooks.advance(session, runs, {
      hooks: wanted,
      target: hookTargetOf(caches, session.metadata.namespace ?? '', target.ref),
      container: target.container,
      patience,
    });
  }

  async function note(session: RestoreSession, known: HookRun[], next: HookRun[]): Promise<Outcome> {
    await applyStatus(client, RESTORE_SESSIONS, session, { hooks: next }, clock.now());
    hooks.tell(session, known, next);
    return { requeueAfter: 0 };
  }

  function waitFor(session: RestoreSession, { kind, name }: TargetUse): Promise<Outcome> {
    const [reason, does] =
      kind === 'BackupSession'
        ? (['BackupActive', 'backs up the same target'] as const)
        : (['RestoreActive', 'restores into the same target'] as const);
    return wait(session, reason, `the session ${name} ${does}; it is waited for, or cancel it (spec.cancel)`);
  }

  async function wait(
    session: RestoreSession,
    reason: string,
    message: string,
    replicas = session.status?.replicas,
  ): Promise<Outcome> {
    const { status } = session;
    const known = findCondition(status?.conditions, SUCCEEDED);
    const isSaid = status?.phase === 'Pending' && known?.reason === reason && known.message === message;
    if (!isSaid || status?.replicas !== replicas) {
      const change: StatusChange = {
        phase: 'Pending',
        ...(replicas !== undefined && { replicas }),
        conditions: [outcome('Unknown', reason, message)],
      };
      await applyStatus(client, RESTORE_SESSIONS, session, change, clock.now());
    }
    if (!ownsTarget(session, reason)) targets.leave('RestoreSession', keyOf(session));
    const age = clock.now() - instantOf(session.metadata.creationTimestamp);
    return { requeueAfter: Math.min(LONGEST_WAIT, Math.max(LOOK_FOR_POD_EVERY, age / 20)) };
  }

  async function end(
    session: RestoreSession,
    phase: 'Succeeded' | 'Failed',
    reason: string,
    message: string,
    runs: HookRun[],
  ): Promise<undefined> {
    const now = clock.now();
    const condition = outcome(phase === 'Succeeded' ? 'True' : 'False', reason, message);
    const hooked = hooksCondition(runs);
    const conditions: ConditionNow[] = hooked === undefined ? [condition] : [condition, hooked];
    const change: StatusChange = {
      phase,
      completionTime: timestamp(now),
      conditions,
      ...(runs.length > 0 && { hooks: runs }),
    };
    await applyStatus(client, RESTORE_SESSIONS, session, change, now);
    targets.leave('RestoreSession', keyOf(session));
    hooks.tell(session, session.status?.hooks ?? [], runs);
    hooks.forget(`RestoreSession/${keyOf(session)}`);
    hosts.forget(`RestoreSession/${keyOf(session)}`);
    context.log[phase === 'Succeeded' ? 'info' : 'warn'](
      { restoreSession: keyOf(session), phase, reason },
      message,
    );
    context.events.record({
      type: phase === 'Succeeded' ? 'Normal' : 'Warning',
      reason: phase === 'Succeeded' ? 'RestoreSucceeded' : 'RestoreFailed',
      action: 'EndSession',
      note: phase === 'Succeeded' ? message : `${reason}: ${message}`,
      regarding: session,
    });
    return undefined;
  }
}

function repositoryProblem(
  session: RestoreSession,
  repository: Repository | undefined,
): { reason: string; message: string } | undefined {
  const { name } = session.spec.repository;
  if (repository === undefined) {
    const message = `spec.repository.name: there is no Repository "${name}" in namespace ${session.metadata.namespace}`;
    return { reason: 'RepositoryNotFound', message };
  }
  if (isUsable(repository)) return undefined;
  const why =
    findCondition(repository.status?.conditions, REPOSITORY_READY)?.message ?? 'it was not looked at yet';
  return { reason: 'RepositoryNotReady', message: `the Repository "${name}" is not ready: ${why}` };
}
