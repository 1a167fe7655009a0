/** That a session may have to create its repository. */
export interface Creation {
  /** Where, whichever namespace it is asked from. */
  storage: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * So long at most a session waits for one of another namespace that may create the same repository, in milliseconds: `restic init` takes
 * seconds, and comes first. Whoever names the storage of others could otherwise keep them waiting for ever.
 */
const LONGEST_CREATION = 600_000;

/**
 * Lets so many sessions run at once, in the whole cluster and in one repository, and wakes those that wait, in the order in which
 * they came. What runs is told to it anew by whoever leads, so that it needs no memory of its own.
 *
 * A burst of schedules at midnight would otherwise start every backup of the cluster in the same second (k8up#370).
 */
export class SessionGate {
  readonly #limits: { sessions: number; sessionsPerRepository: number };
  readonly #wake: (session: string) => void;
  readonly #inside = new Map<string, string>();
  readonly #perRepository = new Map<string, number>();
  readonly #waiting = new Map<string, string>();
  /** Who may create a repository, by its storage; and since when others wait for that. */
  readonly #creating = new Map<string, string>();
  readonly #waitsForCreation = new Map<string, number>();
  /** Repositories that are closed, and for whom. */
  readonly #closed = new Map<string, string>();
  /** Repositories that no other session may begin in, and for whom they will be closed once those have left that are inside. */
  readonly #reserved = new Map<string, string>();

  /** @param wake - is called with a session that waited and may try again */
  constructor(limits: { sessions: number; sessionsPerRepository: number }, wake: (session: string) => void) {
    this.#limits = limits;
    this.#wake = wake;
  }

  /**
   * Whether `session` may run; it is inside from then on. No other may use the repository while it is created: two `restic init` at once
   * both succeed and leave a repository that nobody can read.
   */
  tryEnter(session: string, repository: string, creation: Creation | false): boolean {
    if (this.#inside.has(session)) return true;
    const limit = creation === false ? this.#limits.sessionsPerRepository : 1;
    const isFull =
      (creation !== false && this.#isBeingCreated(session, creation)) ||
      this.keeperOf(repository) !== undefined ||
      this.#inside.size >= this.#limits.sessions ||
      (this.#perRepository.get(repository) ?? 0) >= limit;
    if (isFull) {
      this.#waiting.set(session, repository);
      return false;
    }
    this.hold(session, repository, creation);
    return true;
  }

  /** `session` runs already, whatever the limits: an operator that takes over finds it so. */
  hold(session: string, repository: string, creation: Creation | false = false): void {
    this.#waiting.delete(session);
    this.#waitsForCreation.delete(session);
    if (creation !== false) this.#creating.set(creation.storage, session);
    if (this.#inside.has(session)) return;
    this.#inside.set(session, repository);
    this.#perRepository.set(repository, (this.#perRepository.get(repository) ?? 0) + 1);
  }

  /**
   * Whether `key`, which is no session, may have `repository` for itself; it is closed to all sessions from then on. It takes none of
   * their places. Where there is always a session inside, it never may: see {@link reserve}.
   */
  tryClose(key: string, repository: string): boolean {
    if (this.#closed.get(repository) === key) return true;
    const isKept = this.keeperOf(repository) !== undefined && this.#reserved.get(repository) !== key;
    if (isKept || this.#perRepository.has(repository)) {
      this.#waiting.set(key, repository);
      return false;
    }
    this.close(key, repository);
    return true;
  }

  /** `key` has `repository` for itself already, whoever else is there. */
  close(key: string, repository: string): void {
    this.#waiting.delete(key);
    if (this.#reserved.get(repository) === key) this.#reserved.delete(repository);
    this.#closed.set(repository, key);
  }

  /** `key`, which could not close `repository`, is the next that may: no session begins there any more, and those inside end. */
  reserve(key: string, repository: string): void {
    if (this.keeperOf(repository) === undefined) this.#reserved.set(repository, key);
  }

  /** Who keeps `repository` from all sessions that are not inside. */
  keeperOf(repository: string): string | undefined {
    return this.#closed.get(repository) ?? this.#reserved.get(repository);
  }

  /** `key` has no more use for what it closed or reserved. */
  open(key: string): void {
    this.#waiting.delete(key);
    for (const kept of [this.#closed, this.#reserved]) {
      for (const [repository, holder] of kept) {
        if (holder !== key) continue;
        kept.delete(repository);
        for (let room = this.#limits.sessionsPerRepository; room > 0; room--) this.#wakeOne(repository);
      }
    }
  }

  /** `session` is over or gone. */
  leave(session: string): void {
    this.#waiting.delete(session);
    this.#waitsForCreation.delete(session);
    for (const [storage, creator] of this.#creating) if (creator === session) this.#creating.delete(storage);
    const repository = this.#inside.get(session);
    if (repository === undefined) return;
    this.#inside.delete(session);
    const left = (this.#perRepository.get(repository) ?? 1) - 1;
    if (left === 0) this.#perRepository.delete(repository);
    else this.#perRepository.set(repository, left);
    this.#wakeOne(repository);
  }

  /** Whether another may be creating the same repository, and has not been waited for long enough. */
  #isBeingCreated(session: string, { storage, now }: Creation): boolean {
    if (!this.#creating.has(storage)) return false;
    const since = this.#waitsForCreation.get(session) ?? now;
    this.#waitsForCreation.set(session, since);
    return now - since < LONGEST_CREATION;
  }

  /** One place was given back: the first that can use it. Those of its own repository know best whether they can. */
  #wakeOne(repository: string): void {
    const keeper = this.#reserved.get(repository);
    // It takes no place: that is for a session of another repository.
    if (keeper !== undefined && this.#waiting.delete(keeper)) this.#wake(keeper);
    const waiting = [...this.#waiting];
    const isOpen = (wanted: string) => this.keeperOf(wanted) === undefined;
    const next =
      waiting.find(([, wanted]) => wanted === repository && isOpen(wanted)) ??
      waiting.find(([, wanted]) => !this.#perRepository.has(wanted) && isOpen(wanted)) ??
      waiting.find(([, wanted]) => isOpen(wanted));
    if (next === undefined) return;
    this.#waiting.delete(next[0]);
    this.#wake(next[0]);
  }
}
