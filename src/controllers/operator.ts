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
import { kebab } from '../tasks/names.ts';
import { agentRoleBindings } from './agent-role-bindings.ts';
import { backupSessions, placeOfSession } from './backup-sessions.ts';
import { mountsClaim } from './claim-reach.ts';
import { configurationStatus } from './configuration-status.ts';
import type { Context } from './context.ts';
import { cronJobs } from './cron-jobs.ts';
import { HookRuns } from './hook-runs.ts';
import { HostWatch } from './host-watch.ts';
import { CHECK_IN_GATE, integrityChecks, isBeingChecked } from './integrity-checks.ts';
import { RefusalWatch } from './refusal-watch.ts';
import { creationOf, placeOf } from './repository-place.ts';
import { repositoryStatus } from './repository-status.ts';
import { ownsTarget } from './restore-queue.ts';
import { restoreSessions } from './restore-sessions.ts';
import { Scheduler } from './scheduler.ts';
import { SessionGate } from './session-gate.ts';
import { SessionJobs } from './session-jobs.ts';
import { TargetGate, useOfBackup, useOfRestore } from './target-gate.ts';
import { cronJobKey } from './trigger-job.ts';
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
  const refusals = new RefusalWatch(client, clock);
  const sessionJobs = new SessionJobs(context, hosts);
  const gate = new SessionGate(limits, (key) =>
    key.startsWith(CHECK_IN_GATE) ? checks.add(key.slice(CHECK_IN_GATE.length)) : backups.add(key),
  );
  const targets = new TargetGate(caches.workloads);
  const backupHooks = new HookRuns(context, context.pods, (key) => backups.add(key));
  const restoreHooks = new HookRuns(context, context.pods, (key) => restores.add(key));
  const backups: WorkQueue = queue(
    'BackupSession',
    backupSessions(context, gate, hosts, sessionJobs, backupHooks, targets),
    16,
  );
  const restores: WorkQueue = queue(
    'RestoreSession',
    restoreSessions(context, hosts, sessionJobs, restoreHooks, targets),
    8,
  );
  const injection = queue('workload', workloadInjection(context, refusals));
  const replicas = queue('replicas', workloadReplicas(context));
  const roles = queue('role binding', agentRoleBindings(context));
  const repositories = queue('Repository', repositoryStatus(context));
  const configurations = queue('BackupConfiguration', configurationStatus(context, refusals));
  const checks: WorkQueue = queue('integrity check', integrityChecks(context, gate));
  const timekeepers = queue('CronJob', cronJobs(context));
  const scheduler = new Scheduler(context);

  /** Whatever concerns a workload concerns its injection, its replicas, and what its configurations and restores say of it. */
  const touchWorkload = (key: string) => {
    injection.add(key);
    replicas.add(key);
    for (const configuration of caches.configurations.byIndex('target', key))
      configurations.add(keyOf(configuration));
    for (const session of caches.restoreSessions.byIndex('target', key)) restores.add(keyOf(session));
  };
  const touchTarget = ({ metadata, spec }: BackupConfiguration | RestoreSession) => {
    if (spec.target !== undefined) touchWorkload(workloadKey(metadata.namespace, spec.target.ref));
    roles.add(metadata.namespace ?? '');
  };
  /** What a task is about, where that is no workload. */
  const touchReferred = ({ kind, metadata }: Pick<KubernetesObject, 'kind' | 'metadata'>) => {
    const key = workloadKey(metadata.namespace, { kind, name: metadata.name });
    for (const configuration of caches.configurations.byIndex('target', key))
      configurations.add(keyOf(configuration));
    for (const session of caches.restoreSessions.byIndex('target', key)) restores.add(keyOf(session));
  };
  const touchTask = (name: string) => {
    for (const configuration of caches.configurations.byIndex('task', kebab(name)))
      configurations.add(keyOf(configuration));
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
      const isOfCronJob = caches.configurations.get(configuration)?.spec.scheduler === 'CronJob';
      if (isOver(session) || isOfCronJob) scheduler.observe(configuration);
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
      timekeepers.add(cronJobKey(configuration));
      configurations.add(keyOf(configuration));
      touchTarget(configuration);
      // One that is being deleted ends its session.
      for (const session of caches.backupSessions.byIndex('configuration', keyOf(configuration)))
        if (!isOver(session)) backups.add(keyOf(session));
    }),
    listen(caches.repositories, (repository) => {
      const key = keyOf(repository);
      repositories.add(key);
      checks.add(key);
      roles.add(repository.metadata.namespace ?? '');
      for (const configuration of caches.configurations.byIndex('repository', key)) {
        configurations.add(keyOf(configuration));
        touchTarget(configuration);
      }
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
    listen(caches.cronJobs, (cronJob) => {
      const key = keyOf(cronJob);
      timekeepers.add(key);
      for (const configuration of caches.configurations.byIndex('cronJob', key))
        scheduler.observe(keyOf(configuration));
    }),
    listen(caches.tasks, ({ metadata }) => touchTask(metadata.name)),
    listen(caches.functions, ({ metadata }) => {
      for (const task of caches.tasks.list()) {
        const uses = task.spec.functions.some(({ name }) => kebab(name) === kebab(metadata.name));
        if (uses) touchTask(task.metadata.name);
      }
    }),
    listen(caches.appBindings, touchReferred),
    listen(caches.claims, ({ kind, metadata }) => {
      touchReferred({ kind, metadata });
      // The Repository that a sidecar was given may be gone by now.
      for (const workload of caches.workloads.inNamespace(metadata.namespace ?? ''))
        if (mountsClaim(workload, metadata.name)) injection.add(keyOfWorkload(workload));
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

  const queues = [
    backups,
    restores,
    injection,
    replicas,
    roles,
    repositories,
    checks,
    configurations,
    timekeepers,
  ];
  // What runs has its place before anything else gets one, or two might create one repository, or restore into one claim.
  for (const session of caches.backupSessions.list()) {
    if (session.status?.phase !== 'Running') continue;
    const repository = caches.repositories.get(
      `${session.metadata.namespace}/${session.status.repository?.name}`,
    );
    const creation = repository !== undefined && creationOf(repository, clock.now());
    gate.hold(keyOf(session), placeOfSession(caches, session), creation);
    const configuration = `${session.metadata.namespace}/${session.spec.backupConfiguration.name}`;
    const use = useOfBackup(session, caches.configurations.get(configuration));
    if (use !== undefined) targets.hold(use);
  }
  for (const session of caches.restoreSessions.list()) {
    if (!isOver(session) && ownsTarget(session)) targets.hold(useOfRestore(session));
  }
  for (const repository of caches.repositories.list()) {
    if (isBeingChecked(repository)) {
      gate.close(`${CHECK_IN_GATE}${keyOf(repository)}`, placeOf(repository));
    }
  }
  for (const each of queues) each.start();
  scheduler.start();
  const beat = cron.schedule('* * * * * *', () => scheduler.beat());
  await aborted(signal);
  await beat.destroy();
  backupHooks.close();
  restoreHooks.close();
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
