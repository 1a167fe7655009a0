import { findCondition, withCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { Integrity } from '../api/integrity.ts';
import { DAMAGED, REPOSITORY_INTEGRITY } from '../api/integrity-result.ts';
import type { Repository, RepositoryStatus } from '../api/repository.ts';
import { REPOSITORIES } from '../api/resources.ts';
import { type CheckIdentity, identityOfSidecar, NOBODY } from '../injection/check-pod.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { jobs, pods } from '../kube/resource.ts';
import { formatBytes } from '../restic/sizes.ts';
import { lastDue, nextDue } from '../schedules/due.ts';
import { InvalidScheduleError } from '../schedules/invalid-schedule.ts';
import { parseSchedule } from '../schedules/schedule.ts';
import type { Pod } from './agent-pods.ts';
import { type Context, FIELD_MANAGER } from './context.ts';
import { checkJob, type Job } from './integrity-job.ts';
import { placeOf } from './repository-place.ts';
import { isUsable } from './repository-readiness.ts';
import type { SessionGate } from './session-gate.ts';
import { workloadKey } from './workload-caches.ts';

/** A check among the keys of the gate. */
export const CHECK_IN_GATE = 'integrity/';

/** How often a check that runs is looked at, and one that has to wait; in milliseconds. */
const LOOK_EVERY = 3_000;
const WAIT = 15_000;

/** The Job ends itself at its deadline; so much longer it is waited for, in milliseconds. */
const GRACE = 60_000;

/** The check of `repository` that runs, or has ended and is not told in its conditions yet. */
export function unsettledCheck({ status }: Repository): Integrity | undefined {
  const { integrity, lastCheckTime } = status ?? {};
  const isSettled = integrity?.completionTime !== undefined && integrity.completionTime === lastCheckTime;
  return isSettled ? undefined : integrity;
}

/**
 * Is this Repository sound? A Job finds out, on the Repository's own schedule, alone in the repository: neither a backup nor a retention
 * policy works on it meanwhile. A restore is worth more than a check, and ends it.
 */
export function integrityChecks(context: Context, gate: SessionGate): Reconciler {
  const { client, caches, clock, log } = context;
  return async (key) => {
    const repository = caches.repositories.get(key);
    const gateKey = `${CHECK_IN_GATE}${key}`;
    if (repository === undefined || repository.metadata.deletionTimestamp !== undefined) {
      gate.open(gateKey);
      return undefined;
    }
    const integrity = unsettledCheck(repository);
    if (integrity !== undefined) {
      gate.close(gateKey, placeOf(repository));
      return proceed(repository, integrity);
    }
    return start(repository, key, gateKey);
  };

  async function start(repository: Repository, key: string, gateKey: string): Promise<Outcome | undefined> {
    const { integrityCheck } = repository.spec;
    const rest = (outcome: Outcome | undefined) => {
      gate.open(gateKey);
      return outcome;
    };
    if (integrityCheck === undefined) return rest(undefined);
    const now = clock.now();
    const due = dueOf(repository, now);
    if (due === undefined) return rest(undefined);
    if (due.at > now) return rest({ requeueAfter: due.at - now });
    // There is nothing to check before the first backup.
    if (repository.status?.repositoryID === undefined || !isUsable(repository)) return rest(undefined);
    if (isBeingRestored(key)) return rest({ requeueAfter: WAIT });
    if (!gate.tryClose(gateKey, placeOf(repository))) return { requeueAfter: WAIT };
    const job = checkJob(repository, due.at, identityFor(repository, key), context.injection);
    try {
      await client.create(jobs, job);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const integrity: Integrity = {
      jobName: job.metadata.name,
      scheduledTime: timestamp(due.at),
      startTime: timestamp(now),
      deadline: timestamp(now + parseDuration(integrityCheck.timeout)),
    };
    await write(repository, { integrity: replacing(repository.status?.integrity, integrity) });
    log.info({ repository: key, job: job.metadata.name }, 'a check of the repository was due');
    return { requeueAfter: 1_000 };
  }

  /** The last instant that is due and not handled, or else the next. */
  function dueOf(repository: Repository, now: number): { at: number } | undefined {
    const { integrityCheck } = repository.spec;
    if (integrityCheck === undefined) return undefined;
    const created = instantOf(repository.metadata.creationTimestamp);
    const handled = instantOf(repository.status?.integrity?.scheduledTime) || created;
    try {
      const schedule = parseSchedule(integrityCheck.schedule, integrityCheck.timeZone);
      const at = lastDue(schedule, handled, now, created) ?? nextDue(schedule, now, created);
      return at === undefined ? undefined : { at };
    } catch (error) {
      if (error instanceof InvalidScheduleError) return undefined;
      throw error;
    }
  }

  async function proceed(repository: Repository, integrity: Integrity): Promise<Outcome | undefined> {
    if (integrity.completionTime !== undefined) {
      await settle(repository, integrity);
      return { requeueAfter: 0 };
    }
    const key = `${repository.metadata.namespace}/${repository.metadata.name}`;
    const lost = isBeingRestored(key)
      ? {
          reason: 'RestoreRunning',
          message: 'a restore from the repository began, and is worth more than a check',
        }
      : await lossOf(repository, integrity);
    if (lost !== undefined) {
      await removeJob(repository, integrity);
      await settle(repository, {
        ...integrity,
        phase: 'Failed',
        ...lost,
        completionTime: timestamp(clock.now()),
      });
      return { requeueAfter: 0 };
    }
    if (integrity.podUID === undefined) {
      const pod = await podOf(repository, integrity);
      if (pod?.metadata.uid !== undefined) {
        const { name: podName, uid: podUID } = pod.metadata;
        await write(repository, { integrity: { ...integrity, podName, podUID, phase: 'Running' } });
      }
    }
    return { requeueAfter: LOOK_EVERY };
  }

  /** Why the Job will report no more. Its end is seen later than its report, which is why both are read at once. */
  async function lossOf(
    repository: Repository,
    integrity: Integrity,
  ): Promise<{ reason: string; message: string } | undefined> {
    const { namespace, name } = repository.metadata;
    const job = await found(client.get<Job>(jobs, integrity.jobName, namespace));
    if (job === undefined || job.metadata.deletionTimestamp !== undefined)
      return { reason: 'JobGone', message: `the Job ${integrity.jobName} was deleted` };
    const ended = job.status?.conditions?.find(
      ({ type, status }) => (type === 'Failed' || type === 'Complete') && status === 'True',
    );
    const isOverdue = clock.now() > instantOf(integrity.deadline) + GRACE;
    if (ended === undefined && !isOverdue) return undefined;
    const now = await found(client.get<Repository>(REPOSITORIES, name, namespace));
    if (now?.status?.integrity?.completionTime !== undefined) return undefined;
    if (ended?.reason === 'DeadlineExceeded' || ended === undefined) {
      return {
        reason: 'DeadlineExceeded',
        message: `the check was not done by ${integrity.deadline}; raise spec.integrityCheck.timeout if it needs more time`,
      };
    }
    return {
      reason: 'JobFailed',
      message: `the Job ended without a report: ${ended.message ?? ended.type}; see its log: kubectl logs job/${integrity.jobName}`,
    };
  }

  async function podOf(repository: Repository, { jobName }: Integrity): Promise<Pod | undefined> {
    const { namespace } = repository.metadata;
    const job = await found(client.get<Job>(jobs, jobName, namespace));
    const candidates = await client.list<Pod>(pods, {
      ...(namespace !== undefined && { namespace }),
      labelSelector: `batch.kubernetes.io/job-name=${jobName}`,
    });
    // A label is anybody's to write; the reference to the Job's uid is kept by its controller.
    return candidates.find(({ metadata }) =>
      metadata.ownerReferences?.some(
        ({ kind, uid, controller }) => kind === 'Job' && controller === true && uid === job?.metadata.uid,
      ),
    );
  }

  /** What the check found is what is known of the repository from now on. */
  async function settle(repository: Repository, integrity: Integrity): Promise<void> {
    const { phase, reason, message, completionTime, snapshotCount, sizeBytes } = integrity;
    const isSound = phase === 'Succeeded';
    const isDamaged = reason === DAMAGED;
    const condition = {
      type: REPOSITORY_INTEGRITY,
      status: isSound ? 'True' : isDamaged ? 'False' : 'Unknown',
      reason: isSound ? 'Checked' : (reason ?? 'CheckFailed'),
      message: isSound ? 'restic check found nothing wrong' : (message ?? 'the check gave no reason'),
      observedGeneration: repository.metadata.generation ?? 0,
    } as const;
    const known = findCondition(repository.status?.conditions, REPOSITORY_INTEGRITY);
    // That a check could not be made says nothing against what an earlier one found.
    const isWorseKept = condition.status === 'Unknown' && known?.status === 'False';
    await write(repository, {
      integrity,
      ...(completionTime !== undefined && { lastCheckTime: completionTime }),
      ...(snapshotCount !== undefined && { snapshotCount }),
      ...(sizeBytes !== undefined && { sizeBytes, size: formatBytes(sizeBytes) }),
      ...(!isWorseKept && {
        conditions: withCondition(repository.status?.conditions, condition, timestamp(clock.now())),
      }),
    });
    const { namespace, name } = repository.metadata;
    log.info({ repository: `${namespace}/${name}`, phase, reason }, 'the repository was checked');
    if (isSound) return;
    context.events.record({
      type: 'Warning',
      reason: isDamaged ? 'RepositoryDamaged' : 'IntegrityUnknown',
      action: 'CheckIntegrity',
      note: condition.message,
      regarding: repository,
    });
  }

  function isBeingRestored(key: string): boolean {
    return caches.restoreSessions
      .byIndex('repository', key)
      .some(({ status }) => status?.phase === 'Running');
  }

  /** A repository on a volume is read as whoever writes it. */
  function identityFor(repository: Repository, key: string): CheckIdentity {
    if (repository.spec.backend.local === undefined) return NOBODY;
    for (const { metadata, spec } of caches.configurations.byIndex('repository', key)) {
      const workload = caches.workloads.get(workloadKey(metadata.namespace, spec.target.ref));
      const identity = workload && identityOfSidecar(workload);
      if (identity !== undefined) return identity;
    }
    return NOBODY;
  }

  async function removeJob(repository: Repository, { jobName }: Integrity): Promise<void> {
    await found(
      client.delete(jobs, jobName, repository.metadata.namespace, { propagationPolicy: 'Background' }),
    );
  }

  /** The version goes along: a report that came meanwhile is not written over. */
  async function write(repository: Repository, status: Partial<Nullable<RepositoryStatus>>): Promise<void> {
    const { name, namespace, resourceVersion } = repository.metadata;
    const patch = { metadata: { resourceVersion }, status };
    await found(
      client.mergePatch(REPOSITORIES, name, namespace, patch, {
        subresource: 'status',
        fieldManager: FIELD_MANAGER,
      }),
    );
  }
}

type Nullable<T> = { [Field in keyof T]: T[Field] | Record<string, unknown> };

/** As a merge patch has it: what the check before said goes away. */
function replacing(before: Integrity | undefined, next: Integrity): Record<string, unknown> {
  const gone = Object.keys(before ?? {}).map((field) => [field, null]);
  return { ...Object.fromEntries(gone), ...next };
}

async function found<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
