export interface BackoffOptions {
  baseMs: number;
  maxMs: number;
  /** In [0, 1). */
  random: () => number;
}

/** Whole milliseconds before the `attempt`th repetition, from 1: doubled each time up to `maxMs`, less a random share of up to half. */
export function backoffMs(attempt: number, { baseMs, maxMs, random }: BackoffOptions): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 50));
  return Math.round(full * (1 - random() / 2));
}
