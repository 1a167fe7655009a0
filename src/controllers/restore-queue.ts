import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { instantOf } from '../kube/clock.ts';

/**
 * Of the RestoreSessions of one workload, the one whose turn it is: the one that runs, or else the oldest that is not over.
 *
 * Only its part is put into the workload. That of a second one would change the pod template in the middle of the first, and end
 * the pods that are being restored.
 */
export function inTurn(sessions: readonly RestoreSession[]): RestoreSession | undefined {
  return sessions
    .filter((session) => !isOver(session) && session.metadata.deletionTimestamp === undefined)
    .sort(byTurn)[0];
}

function byTurn(a: RestoreSession, b: RestoreSession): number {
  const waits = (session: RestoreSession) => (session.status?.phase === 'Running' ? 0 : 1);
  const made = (session: RestoreSession) => instantOf(session.metadata.creationTimestamp);
  return waits(a) - waits(b) || made(a) - made(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}
