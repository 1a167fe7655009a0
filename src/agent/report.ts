import { boundedName } from '../api/names.ts';
import { apiVersionOf, type Resource } from '../api/resources.ts';
import { backoffMs } from '../kube/backoff.ts';
import { sleep, timestamp } from '../kube/clock.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import type { Agent } from './agent.ts';
import { seldom } from './seldom.ts';

/** The session that is reported on. The uid: another of the same name is another. */
export interface ReportedSession {
  name: string;
  namespace: string;
  uid: string;
}

interface HostEntry {
  host: string;
  heartbeatTime?: string;
}

interface HostStat {
  hostname: string;
  directory: string;
}

/** What changes in an entry; undefined takes a field out. */
export type EntryChange<Entry> = { [Field in keyof Entry]?: Entry[Field] | undefined };

/** What the agent says of its host at most so often, in milliseconds, where it is only progress. */
const progressMs = 10_000;

/** The operator gives up what is silent for 90 s, and a report may have to be repeated. */
const heartbeatMs = 20_000;

/** An attempt that hangs for longer than this, in milliseconds, is repeated. */
const attemptMs = 10_000;

const backoff = { baseMs: 500, maxMs: 15_000 };

/**
 * What one host reports on a session: its entry of `status.hosts` and its entries of `status.stats`, by server-side apply under a manager
 * of its own. Each apply carries all of it, since what is left out is taken away.
 *
 * Reports are repeated until one is accepted: the result of a backup outlives any outage of the API server or its webhooks. It
 * ends with {@link close}, or by itself where the session is gone.
 */
export class Report<Entry extends HostEntry, Stat extends HostStat> {
  readonly #agent: Agent;
  readonly #resource: Resource;
  readonly #session: ReportedSession;
  readonly #ended = new AbortController();
  readonly #warn: (say: () => void) => void;
  #entry: Entry;
  #stats: Stat[];
  #wake = Promise.withResolvers<void>();
  #waiting: { revision: number; resolve: (accepted: boolean) => void }[] = [];
  #revision = 0;
  #accepted = 0;
  #failures = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #beating = false;

  constructor(agent: Agent, resource: Resource, session: ReportedSession, entry: Entry, stats: Stat[] = []) {
    this.#agent = agent;
    this.#warn = seldom(agent.clock);
    this.#resource = resource;
    this.#session = session;
    this.#entry = entry;
    this.#stats = stats;
    void this.#run();
  }

  get entry(): Readonly<Entry> {
    return this.#entry;
  }

  get stats(): readonly Stat[] {
    return this.#stats;
  }

  /** Changes the entry and reports it at once, as is right for a phase. */
  tell(change: EntryChange<Entry>): void {
    this.#change(change);
    this.#due(this.#agent.clock.now());
  }

  /** Changes the entry and reports it when the last report is old enough, as is right for progress. */
  mention(change: EntryChange<Entry>): void {
    this.#change(change);
    this.#due(this.#sentAt + progressMs);
  }

  /** Is reported with the next change. */
  addStat(stat: Stat): void {
    const at = this.#stats.findIndex(
      ({ hostname, directory }) => hostname === stat.hostname && directory === stat.directory,
    );
    this.#stats = at === -1 ? [...this.#stats, stat] : this.#stats.with(at, stat);
  }

  /** Heartbeats from now on, however little there is to say. */
  beat(): void {
    this.#beating = true;
    this.#wakeUp();
  }

  /** No more heartbeats: nothing is under way. */
  rest(): void {
    this.#beating = false;
  }

  /** Resolves when all that was said so far is accepted: true; or the report ended before: false. */
  accepted(): Promise<boolean> {
    if (this.#accepted >= this.#revision) return Promise.resolve(true);
    if (this.#ended.signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push({ revision: this.#revision, resolve }));
  }

  /** Reports nothing any more. */
  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
    this.#wakeUp();
  }

  #change(change: EntryChange<Entry>): void {
    const entry = Object.entries({ ...this.#entry, ...change }).filter(([, value]) => value !== undefined);
    this.#entry = Object.fromEntries(entry) as unknown as Entry;
    this.#revision++;
  }

  #due(at: number): void {
    this.#dueAt = Math.min(this.#dueAt, at);
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    const { clock } = this.#agent;
    while (!this.#ended.signal.aborted) {
      const beatAt = this.#beating ? this.#sentAt + heartbeatMs : Number.POSITIVE_INFINITY;
      const wait = Math.min(this.#dueAt, beatAt) - clock.now();
      if (wait <= 0) {
        await this.#send();
        continue;
      }
      this.#wake = Promise.withResolvers();
      const slept = new AbortController();
      await Promise.race([
        this.#wake.promise,
        ...(wait === Number.POSITIVE_INFINITY ? [] : [sleep(clock, wait, slept.signal)]),
      ]);
      slept.abort();
    }
  }

  async #send(): Promise<void> {
    const { clock, random, client, logger } = this.#agent;
    const revision = this.#revision;
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#sentAt = clock.now();
    try {
      await client.apply(this.#resource, this.#body(), {
        subresource: 'status',
        fieldManager: `stash-agent-${boundedName(this.#entry.host, 100)}`,
        force: true,
        timeoutMs: attemptMs,
        signal: this.#ended.signal,
      });
      this.#failures = 0;
      this.#accept(revision);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      if (await this.#isGone(error)) return this.close();
      this.#failures++;
      const wait = backoffMs(this.#failures, { ...backoff, random });
      this.#due(clock.now() + wait);
      this.#warn(() =>
        logger.warn(
          { session: this.#session.name, attempt: this.#failures, againInMs: Math.round(wait), err: error },
          'the report was not accepted, and is repeated',
        ),
      );
    }
  }

  #accept(revision: number): void {
    this.#accepted = revision;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.revision > revision) return true;
      waiting.resolve(true);
      return false;
    });
  }

  #body(): ApiObject & { status: unknown } {
    const { name, namespace, uid } = this.#session;
    this.#entry = { ...this.#entry, heartbeatTime: timestamp(this.#agent.clock.now()) };
    return {
      apiVersion: apiVersionOf(this.#resource),
      kind: this.#resource.kind,
      metadata: { name, namespace, uid },
      status: { hosts: [this.#entry], ...(this.#stats.length > 0 && { stats: this.#stats }) },
    };
  }

  /** A conflict is about the uid: of all fields we take over the ownership. */
  async #isGone(error: unknown): Promise<boolean> {
    if (isNotFound(error)) return true;
    if (!isConflict(error)) return false;
    const { name, namespace, uid } = this.#session;
    try {
      const there = await this.#agent.client.get(this.#resource, name, namespace, { timeoutMs: attemptMs });
      return there.metadata.uid !== uid;
    } catch (failure) {
      return isNotFound(failure);
    }
  }
}
