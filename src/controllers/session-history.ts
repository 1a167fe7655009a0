import type { BackupSession } from '../api/backup-session.ts';
import { isOver } from '../api/sessions.ts';

/**
 * The sessions of one configuration that its history has no room for: of those that are over, all but the newest `limit`, the last
 * good one and the last bad one.
 */
export function expiredSessions(sessions: BackupSession[], limit: number): BackupSession[] {
  const over = sessions.filter(isOver).sort(newestFirst);
  const lastGood = over.find(({ status }) => status?.phase === 'Succeeded');
  const lastBad = over.find(({ status }) => status?.phase === 'Failed');
  return over.slice(limit).filter((session) => session !== lastGood && session !== lastBad);
}

/** The session of these that ended last. */
export function lastEnded(sessions: BackupSession[]): BackupSession | undefined {
  return sessions.filter(isOver).sort(newestFirst)[0];
}

function newestFirst(a: BackupSession, b: BackupSession): number {
  const ended = (session: BackupSession) => session.status?.completionTime ?? '';
  return ended(b).localeCompare(ended(a)) || b.metadata.name.localeCompare(a.metadata.name);
}
