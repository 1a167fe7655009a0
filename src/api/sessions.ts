import type { phases } from './fields.ts';

/** What BackupSession and RestoreSession have in common. */
export type SessionPhase = (typeof phases)[number];

/** The condition of a session that tells how it ended: True, or False with why; Unknown while it runs. */
export const SUCCEEDED = 'Succeeded';

/** The condition of a BackupSession that tells whether its retention policy was applied. */
export const RETENTION_APPLIED = 'RetentionApplied';

/** An agent that acts and has not reported for this long is given up, in milliseconds. */
export const HEARTBEAT_LIMIT = 90_000;

export function isOver(session: { status?: { phase?: SessionPhase } }): boolean {
  const phase = session.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Skipped';
}
