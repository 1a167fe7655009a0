/** Something that is due at an instant. */
export interface Due {
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * What is due next, among many: a binary heap with one entry a key, so that each change takes O(log n).
 * Of two entries due at the same instant, the one with the lesser key comes first.
 */
export class DueHeap {
  readonly #entries: Due[] = [];
  readonly #indices = new Map<string, number>();

  get size(): number {
    return this.#entries.length;
  }

  /** Says when `key` is due, instead of what was said before. */
  set(key: string, at: number): void {
    const index = this.#indices.get(key) ?? this.#entries.length;
    this.#put(index, { key, at });
    this.#settle(index);
  }

  /** Forgets `key`; whether it was there. */
  delete(key: string): boolean {
    const index = this.#indices.get(key);
    if (index === undefined) return false;
    this.#indices.delete(key);
    const last = this.#entries.pop();
    if (last === undefined || last.key === key) return true;
    this.#put(index, last);
    this.#settle(index);
    return true;
  }

  /** When `key` is due. */
  get(key: string): number | undefined {
    const index = this.#indices.get(key);
    return index === undefined ? undefined : this.#entries[index]?.at;
  }

  /** What is due first. */
  peek(): Due | undefined {
    return this.#entries[0];
  }

  /** Takes out what is due at `now` or before, earliest first. */
  popDue(now: number): Due[] {
    const due: Due[] = [];
    for (let first = this.peek(); first !== undefined && first.at <= now; first = this.peek()) {
      this.delete(first.key);
      due.push(first);
    }
    return due;
  }

  #put(index: number, entry: Due): void {
    this.#entries[index] = entry;
    this.#indices.set(entry.key, index);
  }

  /** Moves the entry at `index` up or down to where the order of the heap holds again. */
  #settle(index: number): void {
    const entry = this.#entries[index];
    if (entry === undefined) return;
    let place = index;
    for (;;) {
      const parent = (place - 1) >> 1;
      const above = this.#entries[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      this.#put(place, above);
      place = parent;
    }
    for (;;) {
      const child = this.#earlierChild(place);
      const below = this.#entries[child];
      if (below === undefined || !isBefore(below, entry)) break;
      this.#put(place, below);
      place = child;
    }
    this.#put(place, entry);
  }

  #earlierChild(index: number): number {
    const left = this.#entries[2 * index + 1];
    const right = this.#entries[2 * index + 2];
    return left !== undefined && right !== undefined && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.key < b.key);
}
