import { findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { RESTORE_SESSIONS } from '../api/resources.ts';
import type { RestoreHost, RestoreSession } from '../api/restore-session.ts';
import { isOver, SUCCEEDED } from '../api/sessions.ts';
import { inject } from '../injection/inject.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { keyOf } from '../kube/object.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { podsOf } from './agent-pods.ts';
import { PATIENCE } from './backup-hosts.ts';
import { outcome } from './backup-sessions.ts';
import type { Context } from './context.ts';
import { decideEmptying } from './held-replicas.ts';
import type { HostWatch } from './host-watch.ts';
import { isUsable } from './repository-readiness.ts';
import { assignPods, awaitedOf, freezeRestore } from './restore-hosts.ts';
import { inTurn } from './restore-queue.ts';
import { targetFault } from './restore-target.ts';
import {
  applyStatus,
  describeFailures,
  describeHosts,
  describeRestored,
  isSettled,
  MOST_HOSTS,
  type StatusChange,
} from './session-status.ts';
import { settleHosts } from './settle.ts';
import { agentOf, wantedFor } from './wanted.ts';
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

/**
 * How far is this RestoreSession? Waits for its turn and for pods whose init containers are there to restore, freezes the hosts,
 * settles those that are lost, and ends the session. That the workload gets the init container, and is scaled, is the work of others.
 */
export function restoreSessions(context: Context, hosts: HostWatch): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const session = caches.restoreSessions.get(key);
    if (session === undefined || isOver(session)) {
      hosts.forget(`RestoreSession/${key}`);
      return undefined;
    }
    return session.status?.phase === 'Running' ? proceed(session) : start(session);
  };

  async function start(session: RestoreSession): Promise<Outcome | undefined> {
    const { namespace } = session.metadata;
    const { ref } = session.spec.target;
    const age = clock.now() - instantOf(session.metadata.creationTimestamp);
    if (session.spec.cancel)
      return end(session, 'Failed', 'Cancelled', 'the session was cancelled before it started');
    if (age > parseDuration(session.spec.timeout)) {
      const waitedFor =
        findCondition(session.status?.conditions, SUCCEEDED)?.message ?? 'the operator did not run';
      return end(
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
        : end(session, 'Failed', problem.reason, problem.message);
    }
    const sessions = caches.restoreSessions.byIndex('workload', workloadKey(namespace, ref));
    const turn = inTurn(sessions);
    if (turn !== undefined && turn.metadata.uid !== session.metadata.uid) {
      return wait(
        session,
        'Queued',
        `the session ${turn.metadata.name} restores into the same workload first`,
      );
    }
    const workload = caches.workloads.get(workloadKey(namespace, ref));
    if (workload === undefined) {
      return wait(
        session,
        'WorkloadNotFound',
        `there is no ${ref.kind} "${ref.name}" in namespace ${namespace} yet`,
      );
    }
    const fault = injectionProblem(session, workload);
    if (fault !== undefined) return end(session, 'Failed', fault.reason, `${fault.path}: ${fault.message}`);
    const unfit = targetFault(workload, session);
    if (unfit !== undefined) return end(session, 'Failed', unfit.reason, unfit.message);

    const pods = await podsOf(client, workload);
    const emptying = decideEmptying(workload, session, pods);
    if (emptying !== undefined) return wait(session, emptying.reason, emptying.message, emptying.replicas);
    const seen = hostsOf(workload, pods, agentOf('restore', session, repository));
    if (seen.length > MOST_HOSTS) {
      const message = `${ref.kind} "${ref.name}" has ${seen.length} hosts, and a session has at most ${MOST_HOSTS}`;
      return end(session, 'Failed', 'TooManyHosts', message);
    }
    const absence = whyNotYet(session, workload, seen);
    return absence === undefined ? freeze(session, seen) : wait(session, 'NoAgent', absence);
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
    const now = clock.now();
    const frozen = freezeRestore(seen, timestamp(now));
    const acting = frozen.filter(({ podUID }) => podUID !== undefined);
    const change: StatusChange = {
      phase: 'Running',
      startTime: timestamp(now),
      deadline: timestamp(now + parseDuration(session.spec.timeout)),
      hosts: frozen,
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
    return { requeueAfter: awaitedOf(frozen).length > 0 ? LOOK_FOR_POD_EVERY : WATCH_EVERY };
  }

  async function proceed(session: RestoreSession): Promise<Outcome | undefined> {
    const awaited = awaitedOf(session.status?.hosts ?? []);
    if (awaited.length > 0 && !session.spec.cancel && (await assign(session))) return { requeueAfter: 0 };
    const settled = await settleHosts<RestoreHost>(context, hosts, session, session.status?.hosts ?? []);
    if (settled.changed) {
      await applyStatus(client, RESTORE_SESSIONS, session, { hosts: settled.hosts }, clock.now());
      return { requeueAfter: 0 };
    }
    if (!settled.hosts.every(isSettled)) {
      return { requeueAfter: awaited.length > 0 ? LOOK_FOR_POD_EVERY : WATCH_EVERY };
    }
    const failed = settled.hosts.filter(({ phase }) => phase === 'Failed');
    const [first] = failed;
    if (first === undefined) {
      const message = describeRestored(session.status?.stats ?? [], settled.hosts);
      return end(session, 'Succeeded', 'RestoreSucceeded', message);
    }
    return end(session, 'Failed', first.reason ?? 'RestoreFailed', describeFailures(failed));
  }

  /** Gives hosts that wait their pod, and says in the condition what the others wait for. Answers whether anything was written. */
  async function assign(session: RestoreSession): Promise<boolean> {
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

  function injectionProblem(session: RestoreSession, workload: Workload) {
    const { namespace, name } = workload.metadata;
    const wanted = wantedFor(caches, namespace ?? '', workload.kind, name);
    return inject(workload, wanted, context.injection).problems.find(
      (problem) => problem.subject === 'RestoreSession' && problem.name === session.metadata.name,
    );
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
    const age = clock.now() - instantOf(session.metadata.creationTimestamp);
    return { requeueAfter: Math.min(LONGEST_WAIT, Math.max(LOOK_FOR_POD_EVERY, age / 20)) };
  }

  async function end(
    session: RestoreSession,
    phase: 'Succeeded' | 'Failed',
    reason: string,
    message: string,
  ): Promise<undefined> {
    const now = clock.now();
    const condition = outcome(phase === 'Succeeded' ? 'True' : 'False', reason, message);
    const change: StatusChange = { phase, completionTime: timestamp(now), conditions: [condition] };
    await applyStatus(client, RESTORE_SESSIONS, session, change, now);
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
