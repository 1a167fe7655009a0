import { findCondition, withCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { Integrity } from '../api/integrity.ts';
import { DAMAGED, REPOSITORY_INTEGRITY } from '../api/integrity-result.ts';
import type { Repository, RepositoryStatus } from '../api/repository.ts';
import { REPOSITORIES } from '../api/resources.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import { type CheckIdentity, identityOfSidecar, NOBODY } from '../injection/check-pod.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { found, isAlreadyExists } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { jobs } from '../kube/resource.ts';
import { formatBytes } from '../restic/sizes.ts';
import { lastDue, nextDue } from '../schedules/due.ts';
import { InvalidScheduleError } from '../schedules/invalid-schedule.ts';
import { parseSchedule } from '../schedules/schedule.ts';
import type { Context } from './context.ts';
import { checkJob, type Job } from './integrity-job.ts';
import { isOwnedBy, lookAtJob, PATIENCE } from './job-look.ts';
import type { Trouble } from './job-state.ts';
import { placeOf } from './repository-place.ts';
import { isUsable } from './repository-readiness.ts';
import type { SessionGate } from './session-gate.ts';
import { workloadKey } from './workload-caches.ts';

/** A check among the keys of the gate. */
export const CHECK_IN_GATE = 'integrity/';

/** How often a check that runs is looked at, and one that has to wait; in milliseconds. */
const LOOK_EVERY = 3_000;
const WAIT = 15_000;

/**
 * So long a check waits at most for an instant at which no session uses the repository, in milliseconds. In one that always has some it would
 * never run, and nobody would know.
 */
const LONGEST_DELAY = 3_600_000;

/** The Job ends itself at its deadline; so much longer it is waited for, in milliseconds. */
const GRACE = 60_000;

/** Whether a pod was told to check `repository`: it has the repository for itself. */
export function isBeingChecked(repository: Repository): boolean {
  return unsettledCheck(repository)?.podUID !== undefined;
}

/** The check of `repository` that runs, or has ended and is not told in its conditions yet. */
function unsettledCheck({ status }: Repository): Integrity | undefined {
  const { integrity, lastCheckTime } = status ?? {};
  const isSettled = integrity?.completionTime !== undefined && integrity.completionTime === lastCheckTime;
  return isSettled ? undefined : integrity;
}

/**
 * Is this Repository sound? A Job finds out, on the Repository's own schedule, alone in the repository: neither a backup nor a retention
 * policy works on it meanwhile. Where it is long overdue, no session begins before it. A restore is worth more than a check, and ends it. What
 * keeps the pod from starting keeps no backup waiting.
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
    if (integrity !== undefined) return proceed(repository, integrity, gateKey);
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
    if (!gate.tryClose(gateKey, placeOf(repository))) {
      if (now >= due.urgentAt) gate.reserve(gateKey, placeOf(repository));
      return { requeueAfter: WAIT };
    }
    const job = checkJob(repository, due.at, identityFor(repository, key), context.injection);
    try {
      await client.create(jobs, job);
    } catch (error) {
      // Made by an attempt before, or somebody else's: that is looked at next.
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

  /**
   * The last instant that is due and not handled, or else the next; and when it may wait no more, which counts from the first that was not
   * handled, or it would never be so where it is due every few minutes.
   */
  function dueOf(repository: Repository, now: number): { at: number; urgentAt: number } | undefined {
    const { integrityCheck } = repository.spec;
    if (integrityCheck === undefined) return undefined;
    const created = instantOf(repository.metadata.creationTimestamp);
    const handled = instantOf(repository.status?.integrity?.scheduledTime) || created;
    try {
      const schedule = parseSchedule(integrityCheck.schedule, integrityCheck.timeZone);
      const at = lastDue(schedule, handled, now, created) ?? nextDue(schedule, now, created);
      const first = nextDue(schedule, handled, created);
      if (at === undefined || first === undefined) return undefined;
      const interval = (nextDue(schedule, first, created) ?? Number.POSITIVE_INFINITY) - first;
      return { at, urgentAt: first + Math.min(LONGEST_DELAY, interval / 2) };
    } catch (error) {
      if (error instanceof InvalidScheduleError) return undefined;
      throw error;
    }
  }

  async function proceed(
    repository: Repository,
    integrity: Integrity,
    gateKey: string,
  ): Promise<Outcome | undefined> {
    if (isBeingChecked(repository)) gate.close(gateKey, placeOf(repository));
    if (integrity.completionTime !== undefined) {
      await settle(repository, integrity);
      return { requeueAfter: 0 };
    }
    const { namespace, name } = repository.metadata;
    const job = await found(client.get<Job>(jobs, integrity.jobName, namespace));
    const lost = isBeingRestored(`${namespace}/${name}`)
      ? {
          reason: 'RestoreRunning',
          message: 'a restore from the repository began, and is worth more than a check',
        }
      : ((await lossOf(repository, integrity, job)) ?? (await appoint(repository, integrity, job, gateKey)));
    if (lost !== undefined) {
      if (job !== undefined && isOwnedBy(job, repository)) await removeJob(job);
      await settle(repository, {
        ...integrity,
        phase: 'Failed',
        ...lost,
        completionTime: timestamp(clock.now()),
      });
      return { requeueAfter: 0 };
    }
    return { requeueAfter: LOOK_EVERY };
  }

  /** Lets the pod of `job` begin, once it runs and has the repository for itself. Answers why it never will. */
  async function appoint(
    repository: Repository,
    integrity: Integrity,
    job: Job | undefined,
    gateKey: string,
  ): Promise<Trouble | undefined> {
    if (integrity.podUID !== undefined) return undefined;
    const now = clock.now();
    const state = await lookAtJob(client, job, undefined, now);
    if (state.kind === 'Waits' && state.trouble !== undefined) {
      gate.open(gateKey);
      return now - state.since > PATIENCE ? state.trouble : undefined;
    }
    if (state.kind !== 'Runs') return undefined;
    if (!gate.tryClose(gateKey, placeOf(repository))) {
      // Sessions may have begun while it could not start, and its pod waits no longer than it is given to start.
      gate.reserve(gateKey, placeOf(repository));
      return undefined;
    }
    const { name: podName, uid: podUID } = state.pod.metadata;
    await write(repository, {
      integrity: { ...integrity, podName, phase: 'Running', ...(podUID !== undefined && { podUID }) },
    });
    return undefined;
  }

  /** Why the Job will report no more. Its end is seen later than its report, which is why both are read at once. */
  async function lossOf(
    repository: Repository,
    integrity: Integrity,
    job: Job | undefined,
  ): Promise<Trouble | undefined> {
    const { namespace, name } = repository.metadata;
    if (job !== undefined && !isOwnedBy(job, repository)) {
      const message = `there is a Job "${integrity.jobName}" already, which is not of this Repository; delete it`;
      return { reason: 'JobNameTaken', message };
    }
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
    for (const { metadata, spec } of caches.configurations.byIndex('repository', key).filter(isOfWorkload)) {
      const workload = caches.workloads.get(workloadKey(metadata.namespace, spec.target.ref));
      const identity = workload && identityOfSidecar(workload);
      if (identity !== undefined) return identity;
    }
    return NOBODY;
  }

  async function removeJob({ metadata: { name, namespace, uid } }: Job): Promise<void> {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await found(client.delete(jobs, name, namespace, { propagationPolicy: 'Background', ...preconditions }));
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
