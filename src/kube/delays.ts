/**
 * Keys and when each is due, soonest first. A key stands once: of two instants the earlier holds.
 *
 * A binary heap; what was overtaken stays in it until it comes up, and is passed over then.
 */
export class Delays {
  readonly #heap: Entry[] = [];
  readonly #due = new Map<string, number>();

  get size(): number {
    return this.#due.size;
  }

  add(key: string, due: number): void {
    const before = this.#due.get(key);
    if (before !== undefined && before <= due) return;
    this.#due.set(key, due);
    this.#push({ key, due });
  }

  clear(): void {
    this.#heap.length = 0;
    this.#due.clear();
  }

  /** When the next one is due, or undefined where none waits. */
  next(): number | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.key) === top.due) return top.due;
      this.#pop();
    }
    return undefined;
  }

  /** Takes out what is due at `now`. */
  take(now: number): string[] {
    const keys: string[] = [];
    for (let due = this.next(); due !== undefined && due <= now; due = this.next()) {
      const { key } = this.#pop();
      this.#due.delete(key);
      keys.push(key);
    }
    return keys;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (above.due <= entry.due) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).due < (heap[child] as Entry).due) child++;
      const below = heap[child] as Entry;
      if (below.due >= last.due) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

interface Entry {
  key: string;
  due: number;
}
