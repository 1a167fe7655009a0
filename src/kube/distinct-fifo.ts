/** First in, first out, and what is in it is not put in again. (Taking the first of a Set walks over all that was deleted before.) */
export class DistinctFifo {
  #items: string[] = [];
  #head = 0;
  readonly #known = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  push(item: string): void {
    if (this.#known.has(item)) return;
    this.#known.add(item);
    this.#items.push(item);
  }

  shift(): string | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#known.delete(item);
    this.#head++;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#known.clear();
  }
}
