import type { Client } from './client.ts';
import { type Clock, microTime, sleep, systemClock } from './clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { ApiObject } from './object.ts';
import { leases } from './resource.ts';

export interface LeaderOptions {
  client: Client;
  namespace: string;
  /** Of the Lease. */
  name: string;
  /** Of this candidate; no two may share one: a pod's name and something random. */
  identity: string;
  /** Stops it: the lease is given up once the work has ended. */
  signal: AbortSignal;
  /** The leader's work. Its signal is aborted when it has to end; it may take its time on a stop, and none on a loss. */
  onStarted: (signal: AbortSignal) => Promise<void>;
  /** It leads no longer, and its work has ended. */
  onStopped?: () => void;
  /** A try that failed. It tries again by itself. */
  onError: (error: unknown) => void;
  /** After this long without a renewal others take over; 15 s by default, as in client-go. */
  leaseMs?: number;
  /** After this long without a successful renewal the leader stops; 10 s by default. */
  renewDeadlineMs?: number;
  /** Between two tries; 2 s by default. */
  retryMs?: number;
  clock?: Clock;
  random?: () => number;
}

interface Lease extends ApiObject {
  spec?: LeaseSpec;
}

interface LeaseSpec {
  holderIdentity?: string | null;
  leaseDurationSeconds?: number;
  acquireTime?: string | null;
  renewTime?: string | null;
  leaseTransitions?: number;
}

type Settled = Required<Omit<LeaderOptions, 'onStopped'>> & Pick<LeaderOptions, 'onStopped'>;

/**
 * Leads while it holds the Lease, contends for it otherwise, and resolves when it was stopped and has given it up.
 *
 * As in client-go, what counts is when this process saw the lease change, by its own clock, and never the times in it. Two can
 * believe to lead for as long as a leader is frozen past its deadline: what leaders write has to bear that.
 *
 * @throws what `onStarted` throws; the lease is given up before
 */
export async function runLeaderElection(given: LeaderOptions): Promise<void> {
  const defaults = {
    leaseMs: 15_000,
    renewDeadlineMs: 10_000,
    retryMs: 2_000,
    clock: systemClock,
    random: Math.random,
  };
  const options: Settled = { ...defaults, ...given };
  const candidate = new Candidate(options);
  while (!options.signal.aborted) {
    if (await candidate.tryToHold(options.clock.now() + options.renewDeadlineMs))
      await lead(options, candidate);
    else await sleep(options.clock, options.retryMs * (1 + 0.2 * options.random()), options.signal);
  }
}

async function lead(options: Settled, candidate: Candidate): Promise<void> {
  const { clock, signal, onError, renewDeadlineMs, retryMs } = options;
  const leading = new AbortController();
  const ended = new AbortController();
  const stop = (): void => leading.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const work = options.onStarted(leading.signal).finally(() => ended.abort());
  // It is awaited below; a rejection before that is no unhandled one.
  work.catch(() => {});
  let held = true;
  let renewedAt = clock.now();
  try {
    // On a stop the lease is renewed until the work has ended: nobody else begins before that.
    while (held) {
      await sleep(clock, retryMs, ended.signal);
      if (ended.signal.aborted) break;
      const startedAt = clock.now();
      const deadline = renewedAt + renewDeadlineMs;
      if (await candidate.tryToHold(deadline)) renewedAt = startedAt;
      else held = !candidate.sawAnother && clock.now() < deadline;
    }
    if (!held) leading.abort(new Error(`the lease ${options.namespace}/${options.name} is lost`));
    await work;
  } catch (error) {
    if (!leading.signal.aborted) throw error;
    if (error !== leading.signal.reason) onError(error);
  } finally {
    signal.removeEventListener('abort', stop);
    if (held) await candidate.release();
    options.onStopped?.();
  }
  // Work that ends unasked would otherwise be started again at once, for ever.
  if (held) await sleep(clock, retryMs, signal);
}

/** What one process knows of the lease. */
class Candidate {
  readonly #options: Settled;
  #lease: Lease | undefined;
  #observedFor = 0;
  #lookedAt: number;

  constructor(options: Settled) {
    this.#options = options;
    this.#lookedAt = options.clock.now();
  }

  /** The lease as last seen has another holder. */
  get sawAnother(): boolean {
    const holder = this.#lease?.spec?.holderIdentity;
    return Boolean(holder) && holder !== this.#options.identity;
  }

  /** Takes the lease or renews it, before `deadline`. False where another holds it or the API server cannot be asked. */
  async tryToHold(deadline: number): Promise<boolean> {
    const { client, namespace, name, identity, leaseMs, onError } = this.#options;
    try {
      const found = await this.#read(deadline);
      if (found === undefined) {
        const metadata = { name, namespace };
        const object = {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata,
          spec: this.#spec(undefined),
        };
        this.#lease = await client.create<Lease>(leases, object, this.#call(deadline));
        return true;
      }
      this.#observe(found);
      if (this.sawAnother && this.#observedFor < leaseMs) return false;
      this.#lease = await client.replace<Lease>(
        leases,
        { ...found, spec: this.#spec(found.spec) },
        this.#call(deadline),
      );
      return true;
    } catch (error) {
      // Another was faster: the next look shows who.
      if (!isConflict(error) && !isAlreadyExists(error)) onError(error);
      return false;
    } finally {
      if (this.#lease?.spec?.holderIdentity === identity) this.#observedFor = 0;
    }
  }

  /** Lets the others take over at once. That it fails delays them, and no more. */
  async release(): Promise<void> {
    const { client, identity, clock, renewDeadlineMs, onError } = this.#options;
    const lease = this.#lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#now() };
    try {
      await client.replace<Lease>(leases, { ...lease, spec }, this.#call(clock.now() + renewDeadlineMs));
    } catch (error) {
      onError(error);
    }
    this.#lease = undefined;
  }

  async #read(deadline: number): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Lease>(leases, name, namespace, this.#call(deadline));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * Counts how long the lease has stood still while we looked. A step counts no more than a few tries: neither a clock that is put
   * forward nor a suspended machine makes a lease expire that its holder renews.
   */
  #observe(found: Lease): void {
    const { clock, retryMs, renewDeadlineMs } = this.#options;
    const now = clock.now();
    const step = Math.min(Math.max(0, now - this.#lookedAt), Math.max(2 * retryMs, renewDeadlineMs / 2));
    const unchanged = found.metadata.resourceVersion === this.#lease?.metadata.resourceVersion;
    this.#observedFor = unchanged ? this.#observedFor + step : 0;
    this.#lookedAt = now;
    this.#lease = found;
  }

  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseMs } = this.#options;
    const now = this.#now();
    const held = before?.holderIdentity === identity;
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: held ? (before?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (held || before === undefined ? 0 : 1),
    };
  }

  /** A renewal that hangs may not make a leader out of one whose lease has run out. */
  #call(deadline: number): { timeoutMs: number } {
    const { clock, renewDeadlineMs } = this.#options;
    return { timeoutMs: Math.max(1, Math.min(renewDeadlineMs / 2, deadline - clock.now())) };
  }

  #now(): string {
    return microTime(this.#options.clock.now());
  }
}
