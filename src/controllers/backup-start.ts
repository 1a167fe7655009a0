import { type BackupConfiguration, SIDECAR_INJECTED } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { isOver } from '../api/sessions.ts';
import { isOfWorkload, type WorkloadBackup } from '../api/workload-target.ts';
import { instantOf } from '../kube/clock.ts';
import { isUsable } from './repository-readiness.ts';
import { separateVolumes } from './separate-volumes.ts';
import { deletionOf } from './session-hold.ts';
import type { TargetUse } from './target-gate.ts';
import type { TaskFault } from './task-run.ts';
import { scaledToZero, type Workload } from './workload.ts';

/** What may become of a session that has not started. */
export type StartDecision =
  | { kind: 'Start'; configuration: WorkloadBackup; repository: Repository; workload: Workload }
  /** What is backed up has no pod of its own: a Job does it. */
  | { kind: 'StartTask'; configuration: BackupConfiguration; repository: Repository }
  | NoStart;

export type NoStart =
  | { kind: 'Wait'; reason: string; message: string }
  | { kind: 'End'; phase: 'Failed' | 'Skipped'; reason: string; message: string };

export interface StartFacts {
  configuration: BackupConfiguration | undefined;
  repository: Repository | undefined;
  workload: Workload | undefined;
  /** A restore into the same data that runs now. */
  restoring: TargetUse | undefined;
  /** The other sessions of the same configuration. */
  others: BackupSession[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** What is applied together may arrive in any order: so long a session waits for what it refers to, in milliseconds. */
const ARRIVAL = 30_000;

/** The reasons of SidecarInjected that mend themselves, as a rule. */
export const PASSING = new Set([
  'PlacementUnknown',
  'RolloutPending',
  'RepositoryNotReady',
  'WorkloadNotFound',
]);

/** Each looks at one thing and says why the session cannot start, or nothing. The first that says something decides. */
const checks: ((session: BackupSession, facts: StartFacts) => NoStart | undefined)[] = [
  (session, { configuration }) => {
    const deletion = deletionOf(session, configuration);
    return deletion && { kind: 'End', phase: 'Skipped', ...deletion };
  },
  (session) => {
    if (!session.spec.cancel) return undefined;
    return {
      kind: 'End',
      phase: 'Failed',
      reason: 'Cancelled',
      message: 'the session was cancelled before it started',
    };
  },
  (session, { configuration, now }) => {
    if (configuration !== undefined) return undefined;
    const { name } = session.spec.backupConfiguration;
    const message = `spec.backupConfiguration.name: there is no BackupConfiguration "${name}" in namespace ${session.metadata.namespace}`;
    return missing('ConfigurationNotFound', message, session, now);
  },
  (session, { others }) => {
    const earlier = others.find((other) => !isOver(other) && isEarlier(other, session));
    if (earlier === undefined) return undefined;
    return {
      kind: 'End',
      phase: 'Skipped',
      reason: 'EarlierSessionActive',
      message: `the session ${earlier.metadata.name} of the same configuration has not ended yet`,
    };
  },
  (session, { configuration, now }) => {
    const deadline = parseDuration(configuration?.spec.startingDeadline ?? '1h');
    if (now - instantOf(session.metadata.creationTimestamp) <= deadline) return undefined;
    const waitedFor =
      findCondition(session.status?.conditions, 'Succeeded')?.message ?? 'the operator did not run';
    return {
      kind: 'End',
      phase: 'Skipped',
      reason: 'StartingDeadlineExceeded',
      message: `it could not start within ${configuration?.spec.startingDeadline}: ${waitedFor}`,
    };
  },
  (session, { configuration, repository, now }) => {
    if (repository !== undefined) return undefined;
    const message = `there is no Repository "${configuration?.spec.repository.name}" in namespace ${session.metadata.namespace}, which the BackupConfiguration names in spec.repository.name`;
    return missing('RepositoryNotFound', message, session, now);
  },
  (session, { repository, now }) => {
    if (repository === undefined || isUsable(repository)) return undefined;
    const why =
      findCondition(repository.status?.conditions, REPOSITORY_READY)?.message ?? 'it was not looked at yet';
    return missing(
      'RepositoryNotReady',
      `the Repository "${repository.metadata.name}" is not ready: ${why}`,
      session,
      now,
    );
  },
  (session, { configuration, workload }) => {
    if (workload !== undefined || configuration === undefined || !isOfWorkload(configuration))
      return undefined;
    const { kind, name } = configuration.spec.target.ref;
    return {
      kind: 'End',
      phase: 'Skipped',
      reason: 'WorkloadNotFound',
      message: `there is no ${kind} "${name}" in namespace ${session.metadata.namespace}, so there is nothing to back up`,
    };
  },
  (_, { workload }) => {
    const none = workload && scaledToZero(workload);
    if (none === undefined) return undefined;
    return { kind: 'End', phase: 'Skipped', reason: 'NoAgent', message: `${none}, so no pod has an agent` };
  },
  (_, { restoring }) => restoring && waitForRestore(restoring),
  (_, { configuration }) => {
    const injected = findCondition(configuration?.status?.conditions, SIDECAR_INJECTED);
    const isCurrent = injected?.observedGeneration === configuration?.metadata.generation;
    if (injected?.status !== 'False' || !isCurrent || PASSING.has(injected.reason)) return undefined;
    return { kind: 'End', phase: 'Failed', reason: injected.reason, message: injected.message };
  },
  // A Deployment can be scaled at any time: what was said of its configuration decides nothing.
  (_, { configuration, workload }) => {
    if (workload === undefined || configuration === undefined || !isOfWorkload(configuration))
      return undefined;
    const separate = separateVolumes(workload, configuration.spec.target);
    if (separate === undefined) return undefined;
    const message = `${separate.path}: ${separate.message}`;
    return { kind: 'End', phase: 'Failed', reason: 'SeparateVolumes', message };
  },
];

/** What becomes of a session while its target is restored. */
export function waitForRestore({ name }: TargetUse): NoStart & { kind: 'Wait' } {
  const message = `the session ${name} restores into the same target: half of a restore is not worth a backup`;
  return { kind: 'Wait', reason: 'RestoreActive', message };
}

/** Whether `session` can start now, as far as objects tell; its pods are looked at after that. */
export function decideStart(session: BackupSession, facts: StartFacts): StartDecision {
  for (const check of checks) {
    const decision = check(session, facts);
    if (decision !== undefined) return decision;
  }
  const { configuration, repository, workload } = facts;
  if (configuration !== undefined && repository !== undefined) {
    if (!isOfWorkload(configuration)) return { kind: 'StartTask', configuration, repository };
    if (workload !== undefined) return { kind: 'Start', configuration, repository, workload };
  }
  throw new Error('a check let a session pass that lacks what it needs');
}

/**
 * What becomes of `session`, whose Task cannot be run for `fault`. As with a workload, a target that is not there is nothing to back up. One
 * that another has is waited for until `startingDeadline`.
 */
export function decideFault(session: BackupSession, { reason, message }: TaskFault, now: number): NoStart {
  if (reason === 'ClaimInUse') return { kind: 'Wait', reason, message };
  const decision = missing(reason, message, session, now);
  const isTargetGone = ['ClaimNotFound', 'ClaimGoing', 'AppBindingNotFound'].includes(reason);
  return decision.kind === 'End' && isTargetGone ? { ...decision, phase: 'Skipped' } : decision;
}

function missing(reason: string, message: string, session: BackupSession, now: number): NoStart {
  const isNew = now - instantOf(session.metadata.creationTimestamp) < ARRIVAL;
  return isNew ? { kind: 'Wait', reason, message } : { kind: 'End', phase: 'Failed', reason, message };
}

function isEarlier(other: BackupSession, session: BackupSession): boolean {
  if (other.status?.phase === 'Running') return true;
  const [a, b] = [instantOf(other.metadata.creationTimestamp), instantOf(session.metadata.creationTimestamp)];
  return a < b || (a === b && other.metadata.name < session.metadata.name);
}
