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
  /** Repositories that are closed, and for whom. */
  readonly #closed = new Map<string, string>();

  /** @param wake - is called with a session that waited and may try again */
  constructor(limits: { sessions: number; sessionsPerRepository: number }, wake: (session: string) => void) {
    this.#limits = limits;
    this.#wake = wake;
  }

  /**
   * Whether `session` may run; it is inside from then on. `alone` where no other may use the repository meanwhile, as while it is
   * created: two `restic init` at once both succeed and leave a repository that nobody can read.
   */
  tryEnter(session: string, repository: string, alone: boolean): boolean {
    if (this.#inside.has(session)) return true;
    const limit = alone ? 1 : this.#limits.sessionsPerRepository;
    const isFull =
      this.#closed.has(repository) ||
      this.#inside.size >= this.#limits.sessions ||
      (this.#perRepository.get(repository) ?? 0) >= limit;
    if (isFull) {
      this.#waiting.set(session, repository);
      return false;
    }
    this.hold(session, repository);
    return true;
  }

  /** `session` runs already, whatever the limits: an operator that takes over finds it so. */
  hold(session: string, repository: string): void {
    this.#waiting.delete(session);
    if (this.#inside.has(session)) return;
    this.#inside.set(session, repository);
    this.#perRepository.set(repository, (this.#perRepository.get(repository) ?? 0) + 1);
  }

  /**
   * Whether `key`, which is no session, may have `repository` for itself; it is closed to all sessions from then on. It takes none of
   * their places.
   */
  tryClose(key: string, repository: string): boolean {
    if (this.#closed.get(repository) === key) return true;
    if (this.#closed.has(repository) || this.#perRepository.has(repository)) {
      this.#waiting.set(key, repository);
      return false;
    }
    this.close(key, repository);
    return true;
  }

  /** `key` has `repository` for itself already, whoever else is there. */
  close(key: string, repository: string): void {
    this.#waiting.delete(key);
    this.#closed.set(repository, key);
  }

  /** `key` has no more use for what it closed. */
  open(key: string): void {
    this.#waiting.delete(key);
    for (const [repository, holder] of this.#closed) {
      if (holder !== key) continue;
      this.#closed.delete(repository);
      for (let room = this.#limits.sessionsPerRepository; room > 0; room--) this.#wakeOne(repository);
    }
  }

  /** `session` is over or gone. */
  leave(session: string): void {
    this.#waiting.delete(session);
    const repository = this.#inside.get(session);
    if (repository === undefined) return;
    this.#inside.delete(session);
    const left = (this.#perRepository.get(repository) ?? 1) - 1;
    if (left === 0) this.#perRepository.delete(repository);
    else this.#perRepository.set(repository, left);
    this.#wakeOne(repository);
  }

  /** One place was given back: the first that can use it. Those of its own repository know best whether they can. */
  #wakeOne(repository: string): void {
    const waiting = [...this.#waiting];
    const next =
      waiting.find(([, wanted]) => wanted === repository) ??
      waiting.find(([, wanted]) => !this.#perRepository.has(wanted) && !this.#closed.has(wanted)) ??
      waiting[0];
    if (next === undefined) return;
    this.#waiting.delete(next[0]);
    this.#wake(next[0]);
  }
}
