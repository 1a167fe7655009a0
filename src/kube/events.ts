import { createHash, randomBytes } from 'node:crypto';
import type { KubernetesObject } from '../api/object.ts';
import type { Client } from './client.ts';
import { type Clock, microTime, systemClock } from './clock.ts';
import { isNotFound, isTerminating } from './errors.ts';
import type { ApiObject } from './object.ts';
import { events } from './resource.ts';

/** What is said of an object. None of it may hold a secret: whoever may look at the namespace reads it. */
export interface Notice {
  type: 'Normal' | 'Warning';
  /** A constant, CamelCase. */
  reason: string;
  /** What was done or tried, CamelCase: `Inject`, `StartSession`. */
  action: string;
  /** A sentence; what is over 1 KiB is cut off. */
  note: string;
  regarding: ApiObject;
  related?: ApiObject;
}

export interface RecorderOptions {
  client: Client;
  /** The pod's name. */
  reportingInstance: string;
  /** A write that failed (but in a namespace that is being deleted), or notices that were dropped. Nothing else comes of it. */
  onError: (error: unknown) => void;
  clock?: Clock;
}

interface Event extends ApiObject {
  eventTime: string;
  type: string;
  reason: string;
  action: string;
  note: string;
  regarding: ObjectReference;
  related?: ObjectReference;
  reportingController: string;
  reportingInstance: string;
}

type ObjectReference = Pick<KubernetesObject, 'apiVersion' | 'kind'> &
  Partial<Pick<KubernetesObject['metadata'], 'name' | 'namespace' | 'uid' | 'resourceVersion'>>;

interface Series {
  name: string;
  namespace: string;
  count: number;
  lastSeen: number;
  writtenAt: number;
}

const reportingController = 'stash.appscode.com/operator';
const longestNote = 1024;
/** What is not repeated for so long is new when it comes again (client-go's finish time of a series). */
const seriesMs = 6 * 60_000;
/** A series is written at its first repetition, and then no more often than this. */
const seriesWriteMs = 60_000;
/** New events for one object at once, and the time in which one more is earned (as client-go's spam filter has them). */
const burst = 25;
const refillMs = 5 * 60_000;
const longestBacklog = 1_000;
const mostKnown = 4_096;

/**
 * Writes Events (events.k8s.io/v1), one after the other and behind the caller's back: to record never throws and never waits.
 *
 * The same notice again becomes a series of the first one; different ones for the same object are limited, so that a loop
 * cannot flood the API server.
 */
export class EventRecorder {
  readonly #client: Client;
  readonly #reportingInstance: string;
  readonly #onError: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  readonly #spent = new Map<string, { tokens: number; at: number }>();
  #tail: Promise<void> = Promise.resolve();
  #backlog = 0;

  constructor(options: RecorderOptions) {
    this.#client = options.client;
    this.#reportingInstance = options.reportingInstance.slice(0, 128);
    this.#onError = options.onError;
    this.#clock = options.clock ?? systemClock;
  }

  record(notice: Notice): void {
    if (this.#backlog >= longestBacklog) {
      this.#onError(new Error(`event ${notice.reason} dropped: ${longestBacklog} others wait to be written`));
      return;
    }
    const key = seriesKey(notice);
    const now = this.#clock.now();
    const series = this.#series.get(key);
    if (series !== undefined && now - series.lastSeen < seriesMs) {
      series.count++;
      series.lastSeen = now;
      if (series.count > 2 && now - series.writtenAt < seriesWriteMs) return;
      series.writtenAt = now;
      this.#write(() => this.#writeSeries(key, series, notice));
      return;
    }
    if (!this.#mayCreate(objectKey(notice.regarding), now)) return;
    const event = this.#event(notice, now);
    const { name, namespace = 'default' } = event.metadata;
    remember(this.#series, key, { name, namespace, count: 1, lastSeen: now, writtenAt: now });
    this.#write(async () => {
      await this.#client.create(events, event);
    });
  }

  /** All that was recorded has been written, or has failed. */
  drain(): Promise<void> {
    return this.#tail;
  }

  #write(write: () => Promise<void>): void {
    this.#backlog++;
    this.#tail = this.#tail
      .then(write)
      .catch((error: unknown) => {
        // Whoever deletes a namespace wants no news of it.
        if (!isTerminating(error)) this.#onError(error);
      })
      .finally(() => {
        this.#backlog--;
      });
  }

  async #writeSeries(key: string, series: Series, notice: Notice): Promise<void> {
    const patch = { series: { count: series.count, lastObservedTime: microTime(series.lastSeen) } };
    try {
      await this.#client.mergePatch(events, series.name, series.namespace, patch);
    } catch (error) {
      // The API server keeps events for an hour only, and a first one that failed was never there.
      if (!isNotFound(error)) throw error;
      const event = this.#event(notice, series.lastSeen);
      remember(this.#series, key, { ...series, name: event.metadata.name, count: 1 });
      await this.#client.create(events, event);
    }
  }

  #mayCreate(object: string, now: number): boolean {
    const before = this.#spent.get(object) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + Math.max(0, now - before.at) / refillMs);
    if (tokens < 1) return false;
    remember(this.#spent, object, { tokens: tokens - 1, at: now });
    return true;
  }

  #event(notice: Notice, now: number): Event {
    const { regarding, related } = notice;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        name: `${regarding.metadata.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${randomBytes(8).toString('hex')}`,
        // An event about what has no namespace is in this one (client-go).
        namespace: regarding.metadata.namespace ?? 'default',
      },
      eventTime: microTime(now),
      type: notice.type,
      reason: notice.reason,
      action: notice.action,
      note: cut(notice.note),
      regarding: referenceTo(regarding),
      ...(related !== undefined && { related: referenceTo(related) }),
      reportingController,
      reportingInstance: this.#reportingInstance,
    };
  }
}

function objectKey(object: ApiObject): string {
  const { namespace = '', name, uid = '' } = object.metadata;
  return [object.apiVersion, object.kind, namespace, name, uid].join('\n');
}

function seriesKey(notice: Notice): string {
  const related = notice.related === undefined ? '' : objectKey(notice.related);
  const parts = [
    objectKey(notice.regarding),
    related,
    notice.type,
    notice.reason,
    notice.action,
    notice.note,
  ];
  return createHash('sha256').update(parts.join('\n\n')).digest('base64');
}

function referenceTo(object: ApiObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

/** The limit is in bytes, and half a character is not valid. */
function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= longestNote) return note;
  let end = longestNote - Buffer.byteLength('…');
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString('utf8')}…`;
}

/** The oldest goes first, so that the memory stays bounded. */
function remember<V>(known: Map<string, V>, key: string, value: V): void {
  known.delete(key);
  known.set(key, value);
  for (const oldest of known.keys()) {
    if (known.size <= mostKnown) break;
    known.delete(oldest);
  }
}
