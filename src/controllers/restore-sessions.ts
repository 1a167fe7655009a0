import { findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { RESTORE_SESSIONS } from '../api/resources.ts';
import type { RestoreHost, RestoreSession } from '../api/restore-session.ts';
import { isOver, SUCCEEDED } from '../api/sessions.ts';
import { inject } from '../injection/inject.ts';
import { keyOf } from '../kube/object.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { agentPods } from './agent-pods.ts';
import { outcome } from './backup-sessions.ts';
import { workloadKey } from './caches.ts';
import { type Context, instantOf, timestamp } from './context.ts';
import type { HostWatch } from './host-watch.ts';
import { isUsable } from './repository-readiness.ts';
import { applyStatus, type HostNow, isSettled, type StatusChange } from './session-status.ts';
import { settleHosts } from './settle.ts';
import { wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';

/** How often a session that runs is looked at, and one that waits for its pod; in milliseconds. */
const WATCH_EVERY = 10_000;
const LOOK_FOR_POD_EVERY = 1_000;

/** What is applied together may arrive in any order: so long a session waits for its Repository, in milliseconds. */
const ARRIVAL = 30_000;

/**
 * How far is this RestoreSession? Waits for a pod whose init container is there to restore, freezes it as the host, settles it if it
 * is lost, and ends the session. That the workload gets the init container is the work of another.
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
    const { namespace, name } = session.metadata;
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
    const earlier = caches.restoreSessions
      .byIndex('workload', workloadKey(namespace, ref))
      .find((other) => other.metadata.uid !== session.metadata.uid && other.status?.phase === 'Running');
    if (earlier !== undefined) {
      return wait(session, 'Queued', `the session ${earlier.metadata.name} restores into the same workload`);
    }
    const workload = caches.workloads.byIndex('workload', workloadKey(namespace, ref))[0];
    if (workload === undefined) {
      return wait(
        session,
        'WorkloadNotFound',
        `there is no ${ref.kind} "${ref.name}" in namespace ${namespace} yet`,
      );
    }
    const fault = injectionProblem(session, workload);
    if (fault !== undefined) return end(session, 'Failed', fault.reason, `${fault.path}: ${fault.message}`);

    const [pod] = await agentPods(client, workload, { role: 'restore', name });
    if (pod === undefined) {
      const message =
        workload.spec.replicas === 0
          ? `${ref.kind} "${ref.name}" is scaled to zero; it is restored as its first pod starts`
          : `no pod of ${ref.kind} "${ref.name}" is there to restore into yet`;
      return wait(session, 'NoAgent', message);
    }
    const now = clock.now();
    const host: HostNow = {
      host: 'host-0',
      podName: pod.metadata.name,
      ...(pod.metadata.uid !== undefined && { podUID: pod.metadata.uid }),
    };
    const change: StatusChange = {
      phase: 'Running',
      startTime: timestamp(now),
      deadline: timestamp(now + parseDuration(session.spec.timeout)),
      hosts: [host],
      conditions: [outcome('Unknown', 'Running', `${host.host} is restored in pod ${pod.metadata.name}`)],
    };
    await applyStatus(client, RESTORE_SESSIONS, session, change, now);
    const note = `the restore runs in pod ${pod.metadata.name}`;
    context.events.record({
      type: 'Normal',
      reason: 'RestoreStarted',
      action: 'StartSession',
      note,
      regarding: session,
    });
    return { requeueAfter: WATCH_EVERY };
  }

  async function proceed(session: RestoreSession): Promise<Outcome | undefined> {
    const settled = await settleHosts<RestoreHost>(context, hosts, session, session.status?.hosts ?? []);
    if (settled.changed) {
      await applyStatus(client, RESTORE_SESSIONS, session, { hosts: settled.hosts }, clock.now());
      return { requeueAfter: 0 };
    }
    if (!settled.hosts.every(isSettled)) return { requeueAfter: WATCH_EVERY };
    const failed = settled.hosts.filter(({ phase }) => phase === 'Failed');
    const [first] = failed;
    if (first === undefined) {
      const restored = (session.status?.stats ?? []).map(
        ({ directory, snapshot }) => `${directory} from snapshot ${snapshot}`,
      );
      const remarks = settled.hosts.flatMap(({ message }) => message ?? []);
      return end(
        session,
        'Succeeded',
        'RestoreSucceeded',
        [`restored ${restored.join(', ')}`, ...remarks].join('; '),
      );
    }
    const message = failed
      .map(({ host, message: why }) => `${host}: ${why ?? 'no reason was given'}`)
      .join('; ');
    return end(session, 'Failed', first.reason ?? 'RestoreFailed', message);
  }

  function injectionProblem(session: RestoreSession, workload: Workload) {
    const { namespace, name } = workload.metadata;
    const wanted = wantedFor(caches, namespace ?? '', workload.kind, name);
    return inject(workload, wanted, context.injection).problems.find(
      (problem) => problem.subject === 'RestoreSession' && problem.name === session.metadata.name,
    );
  }

  async function wait(session: RestoreSession, reason: string, message: string): Promise<Outcome> {
    const known = findCondition(session.status?.conditions, SUCCEEDED);
    if (session.status?.phase !== 'Pending' || known?.reason !== reason || known.message !== message) {
      const change: StatusChange = { phase: 'Pending', conditions: [outcome('Unknown', reason, message)] };
      await applyStatus(client, RESTORE_SESSIONS, session, change, clock.now());
    }
    return { requeueAfter: LOOK_FOR_POD_EVERY };
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
