import type { Resource } from '../api/resources.ts';
import { backoffMs } from './backoff.ts';
import type { Cache } from './cache.ts';
import type { Client, Selection } from './client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, ConnectionError, isGone } from './errors.ts';
import type { ApiObject } from './object.ts';

export interface ReflectorOptions<T extends ApiObject, Raw extends ApiObject> extends Selection {
  client: Client;
  resource: Resource;
  cache: Cache<T, Raw>;
  /** Stops it. */
  signal: AbortSignal;
  /** It goes on by itself after each of them. */
  onError: (error: unknown) => void;
  /** Seconds after which the server ends a watch: a random time from here to twice this. 300 by default. */
  watchSeconds?: number;
  /** Milliseconds without a word, bookmarks included, after which a watch counts as stalled. 150,000 by default. */
  silenceMs?: number;
  clock?: Clock;
  random?: () => number;
}

export interface Reflector {
  /** The first list is in the cache. Never rejects; pending for ever where it was stopped before. */
  synced: Promise<void>;
  /** It has stopped. */
  stopped: Promise<void>;
}

const defaultSilenceMs = 150_000;
const backoff = { baseMs: 500, maxMs: 30_000 };

/** A server that ends each watch at once is not to be asked in a tight loop. */
const shortWatchMs = 1_000;

/** Bookmarks come once a minute: a watch that heard nothing for this long has a version that the server does not know. */
const muteWatchMs = 120_000;

/**
 * Keeps `cache` as the API server has it: a list, and a watch from where the list ended, resumed where it broke off.
 *
 * The list is taken in pages and is always the newest. (`resourceVersion=0` would come from the server's memory, but in one piece
 * whatever the limit, and possibly older than what the cache has.) Since every watch goes on at the last version seen, bookmarks
 * included, nothing is lost when the server or the network ends it. Where that version is too old (410), it lists anew, and also
 * where it lies in the server's future, as after a restore of etcd: such a watch is no error, but for ever silent.
 */
export function startReflector<T extends ApiObject, Raw extends ApiObject = T>(
  options: ReflectorOptions<T, Raw>,
): Reflector {
  const { promise: synced, resolve: onSynced } = Promise.withResolvers<void>();
  return { synced, stopped: reflect(options, onSynced) };
}

async function reflect<T extends ApiObject, Raw extends ApiObject>(
  options: ReflectorOptions<T, Raw>,
  onSynced: () => void,
): Promise<void> {
  const { signal, onError, clock = systemClock, random = Math.random } = options;
  const muteMs = Math.min(muteWatchMs, options.silenceMs ?? defaultSilenceMs);
  let failures = 0;
  let version: string | undefined;
  let whole = false;
  while (!signal.aborted) {
    let began = clock.now();
    let heard = false;
    try {
      if (version === undefined) {
        version = await listInto(options, whole);
        whole = false;
        onSynced();
        began = clock.now();
      }
      for await (const next of watchFrom(options, version)) {
        version = next;
        heard = true;
        failures = 0;
      }
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      // The pages of a list expired before the last was read: the next one is taken in one piece.
      whole = version === undefined && isGone(error);
      if (!mayResume(error)) version = undefined;
      failures++;
    }
    const lasted = clock.now() - began;
    if (!heard && lasted >= muteMs) version = undefined;
    if (failures > 0 || lasted < shortWatchMs) {
      await sleep(clock, backoffMs(Math.max(1, failures), { ...backoff, random }), signal);
    }
  }
}

async function listInto<T extends ApiObject, Raw extends ApiObject>(
  options: ReflectorOptions<T, Raw>,
  whole: boolean,
): Promise<string> {
  const { client, resource, cache, signal } = options;
  const replacement = cache.replacement();
  let version: string | undefined;
  for await (const page of client.pages<Raw>(resource, {
    ...selectionOf(options),
    signal,
    ...(whole && { pageSize: 0 }),
  })) {
    for (const object of page.items) replacement.add(object);
    version = page.metadata.resourceVersion;
  }
  if (version === undefined)
    throw new Error(`the list of ${resource.plural} has no resourceVersion to watch from`);
  replacement.commit();
  return version;
}

/** Yields the version up to which the cache is right. */
async function* watchFrom<T extends ApiObject, Raw extends ApiObject>(
  options: ReflectorOptions<T, Raw>,
  resourceVersion: string,
): AsyncGenerator<string> {
  const {
    client,
    resource,
    cache,
    signal,
    watchSeconds = 300,
    silenceMs = 150_000,
    random = Math.random,
  } = options;
  const timeoutSeconds = Math.ceil(watchSeconds * (1 + random()));
  const watch = { ...selectionOf(options), resourceVersion, timeoutSeconds, silenceMs, signal };
  for await (const event of client.watch<Raw>(resource, watch)) {
    if (event.type === 'ERROR') throw new ApiError(event.object.code ?? 500, event.object);
    if (event.type === 'ADDED' || event.type === 'MODIFIED') cache.set(event.object);
    if (event.type === 'DELETED') cache.delete(event.object);
    const { resourceVersion: version } = event.object.metadata;
    if (version !== undefined) yield version;
  }
}

/** The version is still good where nothing says that it is not. */
function mayResume(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof ApiError && !isGone(error) && (error.status === 429 || error.status >= 500);
}

function selectionOf({ namespace, labelSelector, fieldSelector }: Selection): Selection {
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}
