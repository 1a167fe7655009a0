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
import { isOfWorkload, type WorkloadBackup } from '../api/workload-target.ts';
import { inject } from '../injection/inject.ts';
import { isServed, readRecord } from '../injection/record.ts';
import { wantedBy } from '../injection/wanted-by.ts';
import { timestamp } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { Reconciler } from '../kube/queue.ts';
import { PASSING } from './backup-start.ts';
import { type Reach, reachOf } from './claim-reach.ts';
import type { Context } from './context.ts';
import { hostPathWarning } from './host-path-reach.ts';
import type { RefusalWatch } from './refusal-watch.ts';
import { isUsable } from './repository-readiness.ts';
import { separateVolumes } from './separate-volumes.ts';
import { expiredSessions, lastEnded } from './session-history.ts';
import { isHeld, release } from './session-hold.ts';
import { faultOfTask } from './task-run.ts';
import { agentOf, wantedFor, withOwn } from './wanted.ts';
import type { Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';

/** What is said of where pods are, and for how long it is said, in milliseconds. */
const PLACEMENT = new Set(['ClaimNotShareable', 'PlacementUnknown']);
const LOOK_AGAIN = 60_000;

interface SidecarFound {
  injected: ConditionNow;
  /** What keeps pods of the workload from starting, or its sessions from being good, though it has the sidecar. */
  fault?: { reason: 'ClaimNotShareable' | 'PodsRefused' | 'SeparateVolumes'; message: string };
  /** When to look again, whatever happens, in milliseconds. */
  lookAgainAfter?: number;
}

/** What became of this BackupConfiguration? Whether its workload has the sidecar, and how its last session ended. Trims its history. */
export function configurationStatus(context: Context, refusals: RefusalWatch): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const configuration = caches.configurations.get(key);
    if (configuration === undefined) return;
    const sessions = caches.backupSessions.byIndex('configuration', key);
    if (!sessions.some(isHeld)) await release(client, BACKUP_CONFIGURATIONS, configuration);
    if (configuration.metadata.deletionTimestamp !== undefined) return;
    const requeueAfter = await writeStatus(configuration, sessions);
    for (const { metadata } of expiredSessions(sessions, configuration.spec.backupHistoryLimit)) {
      try {
        await client.delete(BACKUP_SESSIONS, metadata.name, metadata.namespace);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return requeueAfter === undefined ? undefined : { requeueAfter };
  };

  /** Answers after how many milliseconds it is to be looked at again, whatever happens. */
  async function writeStatus(
    configuration: BackupConfiguration,
    sessions: BackupSession[],
  ): Promise<number | undefined> {
    const { namespace, name, generation } = configuration.metadata;
    const before = configuration.status;
    const { injected, fault, lookAgainAfter }: Partial<SidecarFound> = isOfWorkload(configuration)
      ? await sidecarOf(configuration)
      : {};
    const ready = injected === undefined ? taskCondition(configuration) : readyCondition(injected, fault);
    // Nobody says when a pod goes to another node.
    const requeueAfter = PLACEMENT.has(injected?.reason ?? '') ? LOOK_AGAIN : lookAgainAfter;
    const now = timestamp(clock.now());
    const kept = (before?.conditions ?? []).filter(
      ({ type }) => type !== SIDECAR_INJECTED || injected !== undefined,
    );
    const conditions = [injected ?? [], ready]
      .flat()
      .reduce(
        (all, condition) => withCondition(all, { ...condition, observedGeneration: generation ?? 0 }, now),
        kept,
      );
    const status: BackupConfigurationStatus = {
      ...(generation !== undefined && { observedGeneration: generation }),
      ...endOf(sessions, before),
      conditions,
    };
    if (JSON.stringify({ ...before, ...status }) === JSON.stringify(before)) return requeueAfter;
    const told = fault === undefined || PLACEMENT.has(fault.reason) ? injected : ready;
    // What is applied together arrives in any order: only what its author has to mend is worth an Event.
    if (
      told?.status === 'False' &&
      !PASSING.has(told.reason) &&
      findCondition(before?.conditions, told.type)?.message !== told.message
    ) {
      const { reason, message } = told;
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
    return requeueAfter;
  }

  /** Of one that has a task, for which no workload is changed. */
  function taskCondition(configuration: BackupConfiguration): ConditionNow {
    const { namespace } = configuration.metadata;
    const repository = caches.repositories.get(`${namespace}/${configuration.spec.repository.name}`);
    const unusable = repositoryProblem(configuration, repository);
    const no = (reason: string, message: string): ConditionNow => ({
      type: CONFIGURATION_READY,
      status: 'False',
      reason,
      message,
    });
    if (unusable !== undefined || repository === undefined) return no('RepositoryNotReady', unusable ?? '');
    const fault = faultOfTask(caches, configuration, repository);
    return fault === undefined ? READY : no(fault.reason, fault.message);
  }

  async function sidecarOf(configuration: WorkloadBackup): Promise<SidecarFound> {
    const { namespace } = configuration.metadata;
    const { ref } = configuration.spec.target;
    const repository = caches.repositories.get(`${namespace}/${configuration.spec.repository.name}`);
    const workload = caches.workloads.get(workloadKey(namespace, ref));
    const no = (reason: string, message: string) => ({
      injected: { type: SIDECAR_INJECTED, status: 'False' as const, reason, message },
    });
    if (workload === undefined) {
      return no(
        'WorkloadNotFound',
        `spec.target.ref: there is no ${ref.kind} "${ref.name}" in namespace ${namespace}`,
      );
    }
    const unusable = repositoryProblem(configuration, repository);
    if (repository === undefined || unusable !== undefined) return no('RepositoryNotReady', unusable ?? '');
    const reach = await reachOf(context, workload, repository);
    if (reach.can === 'Not') return no(reach.reason, reach.message);
    const problem = problemOf(configuration, repository, workload);
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
    const { refused, lookAgainAfter } = await refusals.look(workload);
    const fault = faultOf(reach, workload, configuration, refused);
    const message = [
      `${ref.kind} "${ref.name}" has the sidecar in its pod template`,
      fault?.message ?? [],
      reach.warning ?? [],
      hostPathWarning(workload, repository) ?? [],
    ].flat();
    const injected = { type: SIDECAR_INJECTED, status: 'True' as const, reason: 'Injected' };
    return {
      injected: { ...injected, message: message.join('; ') },
      ...(fault !== undefined && { fault }),
      ...(lookAgainAfter !== undefined && { lookAgainAfter }),
    };
  }

  function problemOf(configuration: WorkloadBackup, repository: Repository, workload: Workload) {
    const { namespace, name } = workload.metadata;
    const standing = wantedFor(caches, namespace ?? '', workload.kind, name);
    const wanted = withOwn(standing, 'backups', wantedBy(configuration, repository));
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

const READY: ConditionNow = {
  type: CONFIGURATION_READY,
  status: 'True',
  reason: 'Ready',
  message: 'its sessions can run',
};

function faultOf(
  reach: Extract<Reach, { can: 'Mount' }>,
  workload: Workload,
  { spec }: WorkloadBackup,
  refused: string | undefined,
): SidecarFound['fault'] {
  if (reach.fault !== undefined) return { reason: 'ClaimNotShareable', message: reach.fault };
  if (refused !== undefined) {
    const message = `pods of ${workload.kind} "${workload.metadata.name}" cannot be created: ${refused}`;
    return { reason: 'PodsRefused', message };
  }
  const separate = separateVolumes(workload, spec.target);
  if (separate === undefined) return undefined;
  return { reason: 'SeparateVolumes', message: `${separate.path}: ${separate.message}` };
}

function readyCondition(injected: ConditionNow, fault: SidecarFound['fault']): ConditionNow {
  if (injected.status !== 'True') return { ...injected, type: CONFIGURATION_READY };
  if (fault === undefined) return READY;
  return { type: CONFIGURATION_READY, status: 'False', ...fault };
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
