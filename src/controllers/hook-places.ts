/** How many hooks run at once. */
export interface HookLimits {
  all: number;
  /** A hook may take an hour: without this, those of one namespace would keep those of all others waiting. */
  perNamespace: number;
}

/**
 * The places in which hooks run, and who waits for one. A place that becomes free goes to the namespace that has the fewest of those
 * that have room for one more, and there to who came first. `Call` is told from others by its identity.
 */
export class HookPlaces<Call extends object> {
  readonly #limits: HookLimits;
  /** Those that have a place, with their namespaces. */
  readonly #inside = new Map<Call, string>();
  readonly #perNamespace = new Map<string, number>();
  /** In the order in which they came. */
  readonly #waiting = new Map<Call, string>();

  constructor(limits: HookLimits) {
    this.#limits = limits;
  }

  has(call: Call): boolean {
    return this.#inside.has(call);
  }

  /** `call` wants a place: it has one from now on, or waits. */
  ask(call: Call, namespace: string): void {
    if (this.#inside.has(call)) return;
    if (this.#hasRoom() && this.#hasRoomFor(namespace)) this.#enter(call, namespace);
    else this.#waiting.set(call, namespace);
  }

  /** `call` has no more use for a place. Answers who has got one by that. */
  leave(call: Call): Call[] {
    this.#waiting.delete(call);
    const namespace = this.#inside.get(call);
    if (namespace === undefined) return [];
    this.#inside.delete(call);
    const left = this.#countOf(namespace) - 1;
    if (left === 0) this.#perNamespace.delete(namespace);
    else this.#perNamespace.set(namespace, left);
    return this.#fill();
  }

  #fill(): Call[] {
    const entered: Call[] = [];
    while (this.#hasRoom()) {
      const next = this.#next();
      if (next === undefined) break;
      this.#waiting.delete(next.call);
      this.#enter(next.call, next.namespace);
      entered.push(next.call);
    }
    return entered;
  }

  #next(): { call: Call; namespace: string } | undefined {
    let next: { call: Call; namespace: string } | undefined;
    let fewest = this.#limits.perNamespace;
    for (const [call, namespace] of this.#waiting) {
      const count = this.#countOf(namespace);
      if (count >= fewest) continue;
      fewest = count;
      next = { call, namespace };
    }
    return next;
  }

  #enter(call: Call, namespace: string): void {
    this.#inside.set(call, namespace);
    this.#perNamespace.set(namespace, this.#countOf(namespace) + 1);
  }

  #hasRoom(): boolean {
    return this.#inside.size < this.#limits.all;
  }

  #hasRoomFor(namespace: string): boolean {
    return this.#countOf(namespace) < this.#limits.perNamespace;
  }

  #countOf(namespace: string): number {
    return this.#perNamespace.get(namespace) ?? 0;
  }
}
