import { findCondition } from '../api/conditions.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver, SUCCEEDED } from '../api/sessions.ts';
import { instantOf } from '../kube/clock.ts';
import { isHeld } from './session-hold.ts';

/**
 * Of the RestoreSessions of one target, the one whose turn it is: the one that runs, or else the oldest that is not over.
 *
 * Only its part is put into the workload. That of a second one would change the pod template in the middle of the first, and end
 * the pods that are being restored.
 */
export function inTurn<T extends RestoreSession>(sessions: readonly T[]): T | undefined {
  return (
    sessions
      // Of one that is being deleted, the Job may still be at work, and the hook after it be to come.
      .filter(
        (session) =>
          !isOver(session) && (session.metadata.deletionTimestamp === undefined || isHeld(session)),
      )
      .sort(byTurn)[0]
  );
}

/** The reasons of a restore whose turn it is, and at whose target nobody else is at work. */
const AT_TARGET = new Set([
  'HookRunning',
  'NoAgent',
  'OldPodsRun',
  'Running',
  'ScaledToZero',
  'ScalingToZero',
]);

/**
 * Whether its target is this session's own: nobody else works on it, so that a hook may be run, the workload be scaled, and the init
 * container be put into it. It keeps it to its end, since pods wait for that.
 *
 * It is told by what the leader said last, so that every replica sees it, and the next leader.
 */
export function ownsTarget(
  { status }: Pick<RestoreSession, 'status'>,
  reason = findCondition(status?.conditions, SUCCEEDED)?.reason ?? '',
): boolean {
  // One that came in the same second may go first after all.
  if (reason === 'Queued') return false;
  const isBegun = (status?.hooks ?? []).length > 0 || status?.replicas !== undefined;
  return status?.phase === 'Running' || isBegun || AT_TARGET.has(reason);
}

function byTurn(a: RestoreSession, b: RestoreSession): number {
  const waits = (session: RestoreSession) => (session.status?.phase === 'Running' ? 0 : 1);
  const made = (session: RestoreSession) => instantOf(session.metadata.creationTimestamp);
  return waits(a) - waits(b) || made(a) - made(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}
