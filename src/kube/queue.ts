import { backoffMs } from './backoff.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import { Delays } from './delays.ts';
import { DistinctFifo } from './distinct-fifo.ts';
import { TerminalError } from './errors.ts';

/** Milliseconds after which the key is to be looked at again, if nothing happens before. */
export interface Outcome {
  requeueAfter?: number;
}

/**
 * Brings what `key` names to where it should be: reads the state as it is, and never trusts the event that led here.
 *
 * To throw is to be called again, after a while; to throw a TerminalError is not to be, until the key is added again.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconciler that returns nothing is done
export type Reconciler = (key: string) => Promise<Outcome | void>;

export interface QueueOptions {
  reconcile: Reconciler;
  /** Keys worked on at once, 4 by default. */
  workers?: number;
  /** Before the first repetition after an error; 200 ms by default. */
  backoffBaseMs?: number;
  /** 5 minutes by default. */
  backoffMaxMs?: number;
  /** `retryMs` is undefined where the error is terminal. */
  onError: (key: string, error: unknown, retryMs: number | undefined) => void;
  /** For metrics: how many keys are ready, being worked on, and waiting for their time. */
  onDepth?: (depth: QueueDepth) => void;
  clock?: Clock;
  random?: () => number;
}

export interface QueueDepth {
  ready: number;
  running: number;
  delayed: number;
}

/** A timer does not count the time in which the machine was suspended, so that it is looked at the clock at least so often. */
const longestSleepMs = 60_000;

/**
 * A deduplicating work queue, after client-go's: a key that is added is reconciled at least once after that, however often it was
 * added, and never twice at the same time.
 */
export class WorkQueue {
  readonly #options: Required<Omit<QueueOptions, 'onDepth'>> & Pick<QueueOptions, 'onDepth'>;
  readonly #ready = new DistinctFifo();
  readonly #running = new Set<string>();
  /** Added while running: ready again as soon as the run ends. */
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delays = new Delays();
  #timer: Timer | undefined;
  #timerDue = Number.POSITIVE_INFINITY;
  #elapsed = 0;
  #lastNow: number;
  #started = false;
  #draining = false;
  #onIdle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    const defaults = {
      workers: 4,
      backoffBaseMs: 200,
      backoffMaxMs: 300_000,
      clock: systemClock,
      random: Math.random,
    };
    this.#options = { ...defaults, ...options };
    this.#lastNow = this.#options.clock.now();
  }

  /** Until then keys are only gathered: caches are synced first. */
  start(): void {
    this.#started = true;
    this.#dispatch();
  }

  add(key: string): void {
    if (this.#draining) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#ready.push(key);
    this.#dispatch();
  }

  /** Of several instants for a key the earliest holds. Any number of milliseconds, weeks too. */
  addAfter(key: string, ms: number): void {
    if (this.#draining) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    this.#delays.add(key, this.#time() + ms);
    this.#schedule();
    this.#report();
  }

  /** Starts nothing more and resolves when what is running has ended. What was not started is dropped: a new process lists anew. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#timer?.cancel();
    this.#ready.clear();
    this.#again.clear();
    this.#delays.clear();
    this.#report();
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #dispatch(): void {
    while (this.#started && this.#running.size < this.#options.workers) {
      const key = this.#ready.shift();
      if (key === undefined) break;
      this.#running.add(key);
      void this.#run(key);
    }
    this.#report();
  }

  async #run(key: string): Promise<void> {
    try {
      const outcome = await this.#options.reconcile(key);
      this.#failures.delete(key);
      this.#done(key);
      if (outcome?.requeueAfter !== undefined) this.addAfter(key, outcome.requeueAfter);
    } catch (error) {
      const retryMs = this.#retryMs(key, error);
      this.#options.onError(key, error, retryMs);
      this.#done(key);
      if (retryMs !== undefined) this.addAfter(key, retryMs);
    }
    this.#dispatch();
    if (this.#draining && this.#running.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #done(key: string): void {
    this.#running.delete(key);
    if (this.#again.delete(key)) this.#ready.push(key);
  }

  #retryMs(key: string, error: unknown): number | undefined {
    if (error instanceof TerminalError) {
      this.#failures.delete(key);
      return undefined;
    }
    const attempt = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, attempt);
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs, random } = this.#options;
    return backoffMs(attempt, { baseMs, maxMs, random });
  }

  /** One timer for all: a hundred thousand keys may wait. */
  #schedule(): void {
    const next = this.#delays.next();
    if (next === undefined) return;
    if (this.#timer !== undefined && this.#timerDue <= next) return;
    this.#timer?.cancel();
    const now = this.#time();
    const wait = Math.min(Math.max(0, next - now), longestSleepMs);
    this.#timerDue = now + wait;
    this.#timer = this.#options.clock.setTimeout(() => this.#wake(), wait);
  }

  #wake(): void {
    this.#timer = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
    for (const key of this.#delays.take(this.#time())) this.add(key);
    this.#schedule();
  }

  /** The wall clock, but it never goes back: one that is set back by an hour may not hold up every repetition for an hour. */
  #time(): number {
    const now = this.#options.clock.now();
    this.#elapsed += Math.max(0, now - this.#lastNow);
    this.#lastNow = now;
    return this.#elapsed;
  }

  #report(): void {
    this.#options.onDepth?.({
      ready: this.#ready.size,
      running: this.#running.size,
      delayed: this.#delays.size,
    });
  }
}
