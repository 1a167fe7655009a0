import { type Clock, sleep } from '../kube/clock.ts';

/**
 * restic tries again for 15 minutes where its storage does not answer, does not know the credentials, or has a certificate that it
 * does not trust; Google's library even for ever. So many complaints, for so long, without a word of success, are enough.
 */
const mostComplaints = 5;
const leastMs = 60_000;

/** Without a word of either, in milliseconds: as long as restic itself would try, on top of what it waits for a lock, silently too. */
const longestSilenceMs = 15 * 60_000;

/** Watches whether a restic command gets anywhere. */
export class Contact {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #lost = new AbortController();
  readonly #over = new AbortController();
  #complaints = 0;

  /** @param lockWaitMs - how long the command waits for a lock */
  constructor(clock: Clock, lockWaitMs: number) {
    this.#clock = clock;
    this.#began = clock.now();
    void sleep(clock, longestSilenceMs + lockWaitMs, this.#over.signal).then(() => {
      if (!this.#over.signal.aborted) this.#lost.abort();
    });
  }

  /** Aborted once it is given up. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get seconds(): number {
    return Math.round((this.#clock.now() - this.#began) / 1000);
  }

  /** It got somewhere, or has ended: whatever it complains of from now on is not about reaching the storage. */
  made(): void {
    this.#over.abort();
  }

  complained(): void {
    if (this.#over.signal.aborted) return;
    this.#complaints++;
    if (this.#complaints >= mostComplaints && this.#clock.now() - this.#began >= leastMs) this.#lost.abort();
  }
}
