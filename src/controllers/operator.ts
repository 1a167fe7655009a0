import cron from 'node-cron';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import type { Cache } from '../kube/cache.ts';
import { aborted } from '../kube/clock.ts';
import { isConflict } from '../kube/errors.ts';
import { keyOf } from '../kube/object.ts';
import { type QueueDepth, type Reconciler, WorkQueue } from '../kube/queue.ts';
import { agentRoleBindings } from './agent-role-bindings.ts';
import { backupSessions, placeOfSession } from './backup-sessions.ts';
import { configurationStatus } from './configuration-status.ts';
import type { Context } from './context.ts';
import { HostWatch } from './host-watch.ts';
import { CHECK_IN_GATE, integrityChecks, unsettledCheck } from './integrity-checks.ts';
import { placeOf } from './repository-place.ts';
import { repositoryStatus } from './repository-status.ts';
import { restoreSessions } from './restore-sessions.ts';
import { Scheduler } from './scheduler.ts';
import { SessionGate } from './session-gate.ts';
import type { Workload } from './workload.ts';
import { keyOfWorkload, workloadKey } from './workload-caches.ts';
import { workloadInjection } from './workload-injection.ts';
import { workloadReplicas } from './workload-replicas.ts';

export interface SessionLimits {
  sessions: number;
  sessionsPerRepository: number;
}

/** What is told of the queues of the leader. */
export interface QueueObserver {
  onDepth(controller: string, depth: QueueDepth): void;
  /** A reconciliation failed, and not because somebody else wrote at the same time. */
  onError(controller: string): void;
}

/**
 * The work of the leader: one queue a question, fed by the caches; the scheduler's beat. Resolves when `signal` is aborted and what was
 * being done is done.
 */
export async function runControllers(
  context: Context,
  limits: SessionLimits,
  observer: QueueObserver,
  signal: AbortSignal,
): Promise<void> {
  const { caches, client, clock } = context;
  const queue = (name: string, reconcile: Reconciler, workers = 4) =>
    new WorkQueue({
      reconcile,
      workers,
      clock,
      onDepth: (depth) => observer.onDepth(name, depth),
      onError: (key, error, retryMs) => {
        if (!isConflict(error)) observer.onError(name);
        // Somebody else wrote at the same time, an agent as a rule: the next try sees what.
        const level = isConflict(error) ? 'debug' : 'warn';
        context.log[level](
          { controller: name, key, err: error, retryMs },
          'could not be reconciled; trying again',
        );
      },
    });
  const hosts = new HostWatch(client, clock);
  const gate = new SessionGate(limits, (key) =>
    key.startsWith(CHECK_IN_GATE) ? checks.add(key.slice(CHECK_IN_GATE.length)) : backups.add(key),
  );
  const backups: WorkQueue = queue('BackupSession', backupSessions(context, gate, hosts), 16);
  const restores = queue('RestoreSession', restoreSessions(context, hosts), 8);
  const injection = queue('workload', workloadInjection(context));
  const replicas = queue('replicas', workloadReplicas(context));
  const roles = queue('role binding', agentRoleBindings(context));
  const repositories = queue('Repository', repositoryStatus(context));
  const configurations = queue('BackupConfiguration', configurationStatus(context));
  const checks: WorkQueue = queue('integrity check', integrityChecks(context, gate));
  const scheduler = new Scheduler(context);

  /** Whatever concerns a workload concerns its injection, its replicas, and what its configurations and restores say of it. */
  const touchWorkload = (key: string) => {
    injection.add(key);
    replicas.add(key);
    for (const configuration of caches.configurations.byIndex('workload', key))
      configurations.add(keyOf(configuration));
    for (const session of caches.restoreSessions.byIndex('workload', key)) restores.add(keyOf(session));
  };
  const touchTarget = ({ metadata, spec }: BackupConfiguration | RestoreSession) => {
    touchWorkload(workloadKey(metadata.namespace, spec.target.ref));
    roles.add(metadata.namespace ?? '');
  };
  const touchAgents = (workload: Workload) => {
    touchWorkload(keyOfWorkload(workload));
    roles.add(workload.metadata.namespace ?? '');
  };

  const stopListening = [
    listen(caches.backupSessions, (session) => {
      backups.add(keyOf(session));
      const configuration = `${session.metadata.namespace}/${session.spec.backupConfiguration.name}`;
      configurations.add(configuration);
      if (isOver(session)) scheduler.observe(configuration);
      const repository = session.status?.repository?.name;
      if (repository !== undefined) repositories.add(`${session.metadata.namespace}/${repository}`);
    }),
    listen(caches.restoreSessions, (session) => {
      restores.add(keyOf(session));
      checks.add(`${session.metadata.namespace}/${session.spec.repository.name}`);
      touchTarget(session);
    }),
    listen(caches.configurations, (configuration) => {
      scheduler.observe(keyOf(configuration));
      configurations.add(keyOf(configuration));
      touchTarget(configuration);
    }),
    listen(caches.repositories, (repository) => {
      const key = keyOf(repository);
      repositories.add(key);
      checks.add(key);
      roles.add(repository.metadata.namespace ?? '');
      for (const configuration of caches.configurations.byIndex('repository', key))
        touchTarget(configuration);
      for (const session of caches.restoreSessions.byIndex('repository', key)) touchTarget(session);
    }),
    caches.workloads.listen({
      added: touchAgents,
      // Most changes of a workload are of its status, and ask for no other rights.
      updated: (old, workload) =>
        old.metadata.generation === workload.metadata.generation
          ? touchWorkload(keyOfWorkload(workload))
          : touchAgents(workload),
      deleted: touchAgents,
    }),
    listen(caches.claims, ({ metadata }) => {
      for (const repository of caches.repositories.byIndex(
        'claim',
        `${metadata.namespace}/${metadata.name}`,
      )) {
        repositories.add(keyOf(repository));
      }
    }),
    listen(caches.namespaces, ({ metadata }) => {
      for (const repository of caches.repositories.byIndex('namespace', metadata.name))
        repositories.add(keyOf(repository));
    }),
  ];

  const queues = [backups, restores, injection, replicas, roles, repositories, checks, configurations];
  // What runs has its place before anything else gets one, or two might create one repository.
  for (const session of caches.backupSessions.list()) {
    if (session.status?.phase === 'Running') gate.hold(keyOf(session), placeOfSession(caches, session));
  }
  for (const repository of caches.repositories.list()) {
    if (unsettledCheck(repository) !== undefined) {
      gate.close(`${CHECK_IN_GATE}${keyOf(repository)}`, placeOf(repository));
    }
  }
  for (const each of queues) each.start();
  scheduler.start();
  const beat = cron.schedule('* * * * * *', () => scheduler.beat());
  await aborted(signal);
  await beat.destroy();
  for (const stop of stopListening) stop();
  await Promise.all([scheduler.drain(), ...queues.map((each) => each.drain())]);
}

/** Both what an object was and what it is matter: a configuration that changes its target leaves a workload behind. */
function listen<T extends KubernetesObject>(
  cache: Pick<Cache<T>, 'listen'>,
  changed: (object: T) => void,
): () => void {
  return cache.listen({
    added: changed,
    updated: (old, object) => {
      changed(old);
      changed(object);
    },
    deleted: changed,
  });
}
