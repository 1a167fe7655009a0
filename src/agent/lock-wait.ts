/** Where nobody says until when, in milliseconds. */
const usualMs = 300_000;

/** A lock that outlives this is one that nobody holds any more, more likely than not: a person has to look. */
const longestMs = 3_600_000;

/** That restic says which lock it was, and is not stopped in the middle of waiting. */
const spareMs = 30_000;

/**
 * How long a command waits for a lock that another restic holds, in milliseconds. `forget` and `tag` want the repository for themselves, so
 * that they wait for all backups of others, and these for a `prune`, which takes as long as it takes.
 *
 * @param deadline - when the session ends, done or not, as RFC 3339
 */
export function lockWaitMs(now: number, deadline: string | undefined): number {
  if (deadline === undefined) return usualMs;
  return Math.max(0, Math.min(longestMs, Date.parse(deadline) - now - spareMs));
}
