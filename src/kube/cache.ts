import { type ApiObject, keyOf } from './object.ts';

export interface CacheOptions<T extends ApiObject, Raw extends ApiObject> {
  /** Keeps the fields that are used, so that 100,000 objects fit. Metadata's name, namespace and resourceVersion have to stay. */
  transform?: (raw: Raw) => T;
  /** Under which keys an object is found, by the name of the index. */
  indexes?: Record<string, (object: T) => readonly string[]>;
}

/** Is called after the cache has changed, and must not throw: it puts keys into a queue, no more. */
export interface CacheListener<T> {
  added?(object: T): void;
  updated?(old: T, object: T): void;
  deleted?(old: T): void;
}

/**
 * The objects of one kind as a reflector last saw them, by {@link keyOf}.
 *
 * What it gives out is its own: a reader copies before it changes anything.
 */
export class Cache<T extends ApiObject, Raw extends ApiObject = T> {
  readonly #objects = new Map<string, T>();
  readonly #transform: (raw: Raw) => T;
  readonly #indexes: Index<T>[];
  readonly #listeners = new Set<CacheListener<T>>();

  constructor(options: CacheOptions<T, Raw> = {}) {
    this.#transform = options.transform ?? ((raw) => raw as unknown as T);
    this.#indexes = Object.entries(options.indexes ?? {}).map(([name, keys]) => ({
      name,
      keys,
      found: new Map(),
    }));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): Iterable<T> {
    return this.#objects.values();
  }

  /** @throws {TypeError} where there is no such index */
  byIndex(name: string, indexKey: string): T[] {
    const index = this.#indexes.find((each) => each.name === name);
    if (index === undefined) throw new TypeError(`the cache has no index ${name}`);
    const found = index.found.get(indexKey);
    if (found === undefined) return [];
    if (typeof found === 'string') {
      const object = this.#objects.get(found);
      return object === undefined ? [] : [object];
    }
    return [...found].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** A late listener is told of what is there already as added. Returns what takes the listener off. */
  listen(listener: CacheListener<T>): () => void {
    this.#listeners.add(listener);
    for (const object of this.#objects.values()) listener.added?.(object);
    return () => this.#listeners.delete(listener);
  }

  set(raw: Raw): void {
    this.#put(this.#transform(raw));
  }

  delete(raw: ApiObject): void {
    this.#remove(keyOf(raw));
  }

  /** What a list is gathered in, page by page, so that the raw objects need not all be held at once. */
  replacement(): { add(raw: Raw): void; commit(): void } {
    const fresh: T[] = [];
    return {
      add: (raw) => {
        const object = this.#transform(raw);
        const old = this.#objects.get(keyOf(object));
        // What is known is not held twice while the list goes on.
        fresh.push(old !== undefined && isSame(old, object) ? old : object);
      },
      commit: () => {
        const kept = new Set(fresh.map(keyOf));
        for (const key of [...this.#objects.keys()]) if (!kept.has(key)) this.#remove(key);
        for (const object of fresh) this.#put(object);
      },
    };
  }

  #put(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    // A list after a watch tells mostly what is known.
    if (old !== undefined && isSame(old, object)) return;
    this.#objects.set(key, object);
    for (const index of this.#indexes) {
      if (old !== undefined) for (const indexKey of index.keys(old)) unfile(index.found, indexKey, key);
      for (const indexKey of index.keys(object)) file(index.found, indexKey, key);
    }
    for (const listener of this.#listeners) {
      if (old === undefined) listener.added?.(object);
      else listener.updated?.(old, object);
    }
  }

  #remove(key: string): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indexes) {
      for (const indexKey of index.keys(old)) unfile(index.found, indexKey, key);
    }
    for (const listener of this.#listeners) listener.deleted?.(old);
  }
}

/** Most keys lead to one object, and a Set takes ten times what a string does. */
type Found = Map<string, string | Set<string>>;

interface Index<T> {
  name: string;
  keys: (object: T) => readonly string[];
  found: Found;
}

function file(found: Found, indexKey: string, key: string): void {
  const there = found.get(indexKey);
  if (there === undefined) found.set(indexKey, key);
  else if (typeof there !== 'string') there.add(key);
  else if (there !== key) found.set(indexKey, new Set([there, key]));
}

function unfile(found: Found, indexKey: string, key: string): void {
  const there = found.get(indexKey);
  if (there === key) found.delete(indexKey);
  if (!(there instanceof Set)) return;
  there.delete(key);
  if (there.size === 0) found.delete(indexKey);
}

function isSame(old: ApiObject, object: ApiObject): boolean {
  const { resourceVersion, uid } = object.metadata;
  return (
    resourceVersion !== undefined &&
    old.metadata.resourceVersion === resourceVersion &&
    old.metadata.uid === uid
  );
}
