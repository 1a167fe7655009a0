/** Time as it is passed in. Instants are milliseconds since the epoch. */
export interface Clock {
  now(): number;
  setTimeout(callback: () => void, ms: number): Timer;
}

export interface Timer {
  cancel(): void;
}

/** A longer delay makes Node fire at once. */
const longestTimeout = 2 ** 31 - 1;

/** The wall clock. Delays may be of any length; a machine that was suspended waits for what was left of them. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      const step = Math.min(left, longestTimeout);
      handle = setTimeout(() => (left > step ? wait(left - step) : callback()), step);
    };
    wait(Math.max(0, ms));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms`, or as soon as the signal is aborted: the caller looks which it was. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** An instant as Kubernetes' MicroTime has it: six digits after the point. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** An instant as Kubernetes' Time has it: RFC 3339, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The inverse of {@link timestamp}, in milliseconds since the epoch; 0 where there is none. */
export function instantOf(text: string | undefined): number {
  return text === undefined ? 0 : Date.parse(text);
}

/** Resolves as soon as `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
