import {
  type BackupConfiguration,
  type BackupConfigurationStatus,
  CONFIGURATION_READY,
  SIDECAR_INJECTED,
} from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { type ConditionNow, findCondition, withCondition } from '../api/conditions.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { inject } from '../injection/inject.ts';
import { isServed, readRecord } from '../injection/record.ts';
import { timestamp } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import type { Reconciler } from '../kube/queue.ts';
import { PASSING } from './backup-start.ts';
import { type Context, FIELD_MANAGER } from './context.ts';
import { isUsable } from './repository-readiness.ts';
import { expiredSessions, lastEnded } from './session-history.ts';
import { agentOf, wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';

/** What became of this BackupConfiguration? Whether its workload has the sidecar, and how its last session ended. Trims its history. */
export function configurationStatus(context: Context): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const configuration = caches.configurations.get(key);
    if (configuration === undefined || configuration.metadata.deletionTimestamp !== undefined) return;
    const sessions = caches.backupSessions.byIndex('configuration', key);
    await writeStatus(configuration, sessions);
    for (const { metadata } of expiredSessions(sessions, configuration.spec.backupHistoryLimit)) {
      try {
        await client.delete(BACKUP_SESSIONS, metadata.name, metadata.namespace);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  };

  async function writeStatus(configuration: BackupConfiguration, sessions: BackupSession[]): Promise<void> {
    const { namespace, name, generation } = configuration.metadata;
    const before = configuration.status;
    const injected = sidecarCondition(configuration);
    const now = timestamp(clock.now());
    const conditions = [injected, readyCondition(injected)].reduce(
      (all, condition) => withCondition(all, { ...condition, observedGeneration: generation ?? 0 }, now),
      before?.conditions ?? [],
    );
    const status: BackupConfigurationStatus = {
      ...(generation !== undefined && { observedGeneration: generation }),
      ...endOf(sessions, before),
      conditions,
    };
    if (JSON.stringify({ ...before, ...status }) === JSON.stringify(before)) return;
    const known = findCondition(before?.conditions, SIDECAR_INJECTED);
    // What is applied together arrives in any order: only what its author has to mend is worth an Event.
    if (injected.status === 'False' && !PASSING.has(injected.reason) && known?.message !== injected.message) {
      const { reason, message } = injected;
      context.events.record({
        type: 'Warning',
        reason,
        action: 'Inject',
        note: message,
        regarding: configuration,
      });
    }
    try {
      const patch = { status };
      await client.mergePatch(BACKUP_CONFIGURATIONS, name, namespace, patch, {
        subresource: 'status',
        fieldManager: FIELD_MANAGER,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  function sidecarCondition(configuration: BackupConfiguration): ConditionNow {
    const { namespace } = configuration.metadata;
    const { ref } = configuration.spec.target;
    const repository = caches.repositories.get(`${namespace}/${configuration.spec.repository.name}`);
    const workload = caches.workloads.get(workloadKey(namespace, ref));
    const no = (reason: string, message: string): ConditionNow => ({
      type: SIDECAR_INJECTED,
      status: 'False',
      reason,
      message,
    });
    if (workload === undefined) {
      return no(
        'WorkloadNotFound',
        `spec.target.ref: there is no ${ref.kind} "${ref.name}" in namespace ${namespace}`,
      );
    }
    const unusable = repositoryProblem(configuration, repository);
    if (unusable !== undefined) return no('RepositoryNotReady', unusable);
    const problem = problemOf(configuration, workload);
    if (problem !== undefined) return no(problem.reason, `${problem.path}: ${problem.message}`);
    const { served } = agentOf('backup', configuration, repository);
    const record = readRecord(workload.spec.template?.metadata?.annotations);
    if (served === undefined || !isServed(record, 'backup', served)) {
      const how =
        configuration.spec.rollout === 'OnNextUpdate'
          ? 'it comes with the next change of the workload, as spec.rollout says'
          : 'it is on its way';
      return no(
        'RolloutPending',
        `${ref.kind} "${ref.name}" does not have the sidecar for it as it stands; ${how}`,
      );
    }
    const message = `${ref.kind} "${ref.name}" has the sidecar in its pod template`;
    return { type: SIDECAR_INJECTED, status: 'True', reason: 'Injected', message };
  }

  function problemOf(configuration: BackupConfiguration, workload: Workload) {
    const { namespace, name } = workload.metadata;
    const wanted = wantedFor(caches, namespace ?? '', workload.kind, name);
    return inject(workload, wanted, context.injection).problems.find(
      (problem) => problem.subject === 'BackupConfiguration' && problem.name === configuration.metadata.name,
    );
  }
}

function repositoryProblem(
  configuration: BackupConfiguration,
  repository: Repository | undefined,
): string | undefined {
  const { name } = configuration.spec.repository;
  if (repository === undefined) {
    return `spec.repository.name: there is no Repository "${name}" in namespace ${configuration.metadata.namespace}`;
  }
  if (isUsable(repository)) return undefined;
  const why =
    findCondition(repository.status?.conditions, REPOSITORY_READY)?.message ?? 'it was not looked at yet';
  return `the Repository "${name}" is not ready: ${why}`;
}

function readyCondition(injected: ConditionNow): ConditionNow {
  if (injected.status !== 'True') return { ...injected, type: CONFIGURATION_READY };
  return { type: CONFIGURATION_READY, status: 'True', reason: 'Ready', message: 'its sessions can run' };
}

function endOf(
  sessions: BackupSession[],
  before: BackupConfigurationStatus | undefined,
): Partial<BackupConfigurationStatus> {
  const last = lastEnded(sessions);
  if (last?.status?.phase === undefined) return {};
  const good = lastEnded(sessions.filter(({ status }) => status?.phase === 'Succeeded'))?.status
    ?.completionTime;
  const known = before?.lastSuccessfulTime;
  const lastSuccessfulTime = known !== undefined && (good === undefined || known > good) ? known : good;
  return {
    lastSession: last.metadata.name,
    lastPhase: last.status.phase,
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
  };
}
