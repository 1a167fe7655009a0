import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import { retryName, sessionName } from '../api/names.ts';
import { dueSeconds } from '../api/scheduled-session.ts';
import { SUCCEEDED } from '../api/sessions.ts';
import { instantOf } from '../kube/clock.ts';

/** A session that is to follow a failed one. Instants are milliseconds since the epoch. */
export interface Retry {
  name: string;
  /** When the schedule wanted the first of them. */
  due: number;
  at: number;
}

/**
 * The session that is to follow the last one of the schedule, which failed; undefined where none is. It is read from the sessions
 * alone, so that an operator that was restarted goes on where it was.
 *
 * Only the newest due instant is tried again, and no longer than a session may be late: an older backup is not better than the next.
 */
export function retryOf(
  configuration: BackupConfiguration,
  sessions: BackupSession[],
  now: number,
): Retry | undefined {
  const { spec, metadata } = configuration;
  const { limit, delay } = spec.retry;
  if (limit === 0 || spec.paused || metadata.deletionTimestamp !== undefined) return undefined;
  const due = Math.max(0, ...sessions.map(dueSeconds));
  if (due === 0) return undefined;

  const first = sessionName(metadata.name, due * 1000);
  const attempts = Array.from({ length: limit + 1 }, (_, attempt) =>
    attempt === 0 ? first : retryName(first, attempt),
  );
  const made = attempts.map((name) => sessions.find((session) => session.metadata.name === name));
  const last = made.findLastIndex((session) => session !== undefined);
  const session = made[last];
  const name = attempts[last + 1];
  if (session === undefined || name === undefined || !isToBeRetried(session)) return undefined;

  const ended = instantOf(session.status?.completionTime);
  const isMended = sessions.some(
    ({ status }) => status?.phase === 'Succeeded' && instantOf(status.completionTime) >= ended,
  );
  const at = ended + parseDuration(delay);
  if (isMended || now - at > parseDuration(spec.startingDeadline)) return undefined;
  return { name, due: due * 1000, at };
}

function isToBeRetried({ spec, status }: BackupSession): boolean {
  if (status?.phase !== 'Failed' || spec.cancel) return false;
  const reason = findCondition(status.conditions, SUCCEEDED)?.reason;
  return reason !== 'Cancelled' && reason !== 'SessionDeleted';
}
