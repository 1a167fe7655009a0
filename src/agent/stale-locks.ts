import { hostname } from 'node:os';
import { timestamp } from '../kube/clock.ts';
import type { Locking } from '../restic/arguments.ts';
import { catLockArguments, listLocksArguments, unlockArguments } from '../restic/arguments.ts';
import { type Lock, parseLock, parseLockIds, STALE_AFTER } from '../restic/locks.ts';
import type { Agent } from './agent.ts';

/** Runs one restic command in the repository, and answers what it printed. */
type Run = (args: (locking: Locking) => string[]) => Promise<string>;

/**
 * Removes from a repository the locks of those who crashed, and answers how many they were. One that is young may be held: all are left until
 * their holders are known to have given up.
 *
 * Nothing is removed where the host name is not the pod's own (on the network of its node, say), nor while a lock is held under it by who has
 * it too, a pod of another namespace: from among other processes restic takes their locks for those of processes that are gone.
 */
export async function removeStaleLocks(
  { clock, identity, logger }: Pick<Agent, 'clock' | 'identity' | 'logger'>,
  run: Run,
  own = hostname(),
): Promise<number> {
  // A host name has 63 characters, and does not end in what they may have cut it at.
  if (own !== identity.podName.slice(0, 63).replace(/[-.]+$/, '')) return 0;
  const ids = parseLockIds(await run(listLocksArguments));
  const stale: Lock[] = [];
  for (const id of ids) {
    const lock = parseLock(await run((locking) => catLockArguments({ ...locking, id })));
    if (clock.now() - lock.time > STALE_AFTER) stale.push(lock);
    else if (lock.hostname === own) return 0;
  }
  if (stale.length === 0) return 0;
  await run(unlockArguments);
  const locks = stale.map(({ hostname, time }) => `of ${hostname}, since ${timestamp(time)}`);
  logger.warn({ locks }, 'locks of the repository were removed whose holders are gone');
  return stale.length;
}
