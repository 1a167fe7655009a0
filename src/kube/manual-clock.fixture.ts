import type { Clock, Timer } from './clock.ts';

/** A clock that stands still until a test moves it, and lets everything that follows from a timer happen before the next. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, and fires no timer. */
  set(now: number): void;
}

export function manualClock(start = 0): ManualClock {
  let now = start;
  let elapsed = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  let nextId = 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    set: (instant) => {
      now = instant;
    },
    setTimeout: (callback, ms): Timer => {
      const id = nextId++;
      timers.set(id, { at: elapsed + ms, callback });
      return { cancel: () => timers.delete(id) };
    },
    advance: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (;;) {
        const [first] = [...timers]
          .filter(([, timer]) => timer.at <= until)
          .sort((a, b) => a[1].at - b[1].at);
        if (first === undefined) break;
        const [id, timer] = first;
        timers.delete(id);
        now += Math.max(0, timer.at - elapsed);
        elapsed = Math.max(elapsed, timer.at);
        timer.callback();
        await settle();
      }
      now += until - elapsed;
      elapsed = until;
    },
  };
}
