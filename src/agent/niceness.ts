import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Threads are born while others are set; each round catches those of the one before, whose children inherit. */
const mostRounds = 20;

const lowest = 19;

/**
 * Has the process `pid` give way to others by `adjustment` more than this one does, as nice(1) would. Linux has a priority for each thread, so each is set, until
 * none is found that is not. Where that fails, a backup that gives no way is better than none.
 */
export function giveWay(pid: number, adjustment: number): void {
  const niceness = Math.min(lowest, getPriority() + adjustment);
  try {
    for (let round = 0; round < mostRounds; round++) {
      const others = threadsOf(pid).filter((thread) => getPriority(thread) !== niceness);
      if (others.length === 0) return;
      for (const thread of others) setPriority(thread, niceness);
    }
  } catch {
    // It has ended, or a thread of it.
  }
}

function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}
