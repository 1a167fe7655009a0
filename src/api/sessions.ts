import type { phases } from './fields.ts';

/** What BackupSession and RestoreSession have in common. */
export type SessionPhase = (typeof phases)[number];

/** The condition of a session that tells how it ended: True, or False with why; Unknown while it runs. */
export const SUCCEEDED = 'Succeeded';

/** The condition of a BackupSession that tells whether its retention policy was applied. */
export const RETENTION_APPLIED = 'RetentionApplied';

/** An agent that acts and has not reported for this long is given up, in milliseconds. */
export const HEARTBEAT_LIMIT = 90_000;

/** How long the schema of a session lets the message of a host be. */
const LONGEST_MESSAGE = 4_096;

/** The reason of a host that made a snapshot which lacks something, and is not marked so (yet). */
export const NOT_MARKED = 'NotMarkedIncomplete';

/**
 * How a host ends whose agent was lost, as `end` says. Where it had a snapshot still to mark as incomplete, its `reason` and `message` name that,
 * and stay: nothing else tells it from a good one.
 */
export function endOfLost<End extends { reason: string; message: string }>(
  { reason, message }: { reason?: string; message?: string },
  end: End,
): End {
  const isKept = reason === NOT_MARKED && end.reason !== NOT_MARKED;
  const said = isKept ? `${message}. ${end.message}` : end.message;
  return { ...end, ...(isKept && { reason }), message: said.slice(0, LONGEST_MESSAGE) };
}

export function isOver(session: { status?: { phase?: SessionPhase } }): boolean {
  const phase = session.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Skipped';
}
