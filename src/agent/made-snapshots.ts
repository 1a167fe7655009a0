import type { BackupSession } from '../api/backup-session.ts';
import type { Snapshot } from '../restic/output.ts';
import type { MadeSnapshot } from '../restic/step-output.ts';
import { isIncomplete, type SnapshotSubject, subjectOf } from '../restic/tags.ts';
import { HostFailure, type Note, noteOf } from './failure.ts';

/* What the last step of a backup believes the steps before, which may be anybody's: what the repository has, and no more. */

/** A node's clock may be behind the operator's by as much, in milliseconds. */
const mostSkew = 5 * 60_000;

/** Whose snapshots a session makes. */
export interface SessionSubject extends Omit<SnapshotSubject, 'directory'> {
  host: string;
  /** When the session began, milliseconds since the epoch. */
  startTime: number;
}

/**
 * A step that names the newest snapshot in place of the one that it made would have each backup succeed for ever.
 *
 * @throws {HostFailure} `SnapshotOfOther` where the snapshot is of another host or target, or was made before the session
 */
export function requireOwn(snapshot: Snapshot, own: SessionSubject): void {
  const id = snapshot.id.slice(0, 8);
  if (snapshot.host !== own.host) {
    throw new HostFailure(
      'SnapshotOfOther',
      `snapshot ${id} is of host ${snapshot.host}, and no restore would find it: let the step run restic backup with --host=${own.host}, which is the variable hostname`,
    );
  }
  const subject = subjectOf(snapshot.tags);
  const isOther =
    subject !== undefined &&
    (['namespace', 'configuration', 'kind', 'name'] as const).some((part) => subject[part] !== own[part]);
  if (isOther) {
    throw new HostFailure(
      'SnapshotOfOther',
      `snapshot ${id}, which a step names as its own, is of ${subject.kind} ${subject.namespace}/${subject.name}`,
    );
  }
  if (snapshot.time < own.startTime - mostSkew) {
    throw new HostFailure(
      'SnapshotOfOther',
      `snapshot ${id}, which a step names as its own, is of ${new Date(snapshot.time).toISOString()}, before the session began: let the step name the snapshot that it makes, and check the clock of its node`,
    );
  }
}

/**
 * Whether a snapshot may be one that an earlier session has reported already, though it is of an instant that clocks do not tell from
 * this session: all that are reported have tags.
 */
export function mayBeReported(snapshot: Snapshot, own: SessionSubject): boolean {
  return subjectOf(snapshot.tags) !== undefined && snapshot.time < own.startTime + mostSkew;
}

/**
 * @param others - the other sessions of the configuration
 * @throws {HostFailure} `SnapshotOfOther` where one of them has reported the snapshot as what it made
 */
export function requireUnreported(snapshot: Snapshot, others: readonly BackupSession[]): void {
  const reporting = others.find(({ status }) =>
    status?.stats?.some((stat) => stat.snapshot !== '' && snapshot.id.startsWith(stat.snapshot)),
  );
  if (reporting === undefined) return;
  throw new HostFailure(
    'SnapshotOfOther',
    `snapshot ${snapshot.id.slice(0, 8)}, which a step names as its own, is what BackupSession ${reporting.metadata.name} made: let the step name the snapshot that it makes, and fail where it makes none`,
  );
}

/**
 * Why a snapshot is not all that was to be backed up; undefined where nothing tells that.
 *
 * @param mayBeEmpty - as a volume may be; a dump of nothing is one that failed unnoticed
 */
export function flawOf(snapshot: Snapshot, made: MadeSnapshot, mayBeEmpty: boolean): Note | undefined {
  const id = snapshot.id.slice(0, 8);
  if (made.incomplete !== undefined) return noteOf(made.incomplete, 'SomeFilesUnreadable');
  if (isIncomplete(snapshot.tags)) {
    const message = `the step that made snapshot ${id} marked it as incomplete, and does not say why: look at the log of its container`;
    return { reason: 'SnapshotIncomplete', message };
  }
  if (!mayBeEmpty && (snapshot.totalBytes ?? made.totalBytes) === 0) {
    const message = `snapshot ${id} has not one byte, so that what was to be dumped is not in it: look at the log of the step that made it`;
    return { reason: 'DumpEmpty', message };
  }
  return undefined;
}
