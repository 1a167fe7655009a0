import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { labelValue } from '../api/names.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import { Cache } from '../kube/cache.ts';
import { sleep } from '../kube/clock.ts';
import { withoutManagedFields } from '../kube/object.ts';
import { startReflector } from '../kube/reflector.ts';
import type { Agent } from './agent.ts';
import { type Duty, dutyOf, hostOf } from './duty.ts';
import { boundCache, prepareScratch } from './scratch.ts';
import { seldom } from './seldom.ts';
import { SessionRun } from './session-run.ts';
import { Stopped } from './stop.ts';

export interface SidecarOptions extends Agent {
  /** Names of the BackupConfigurations whose sessions it serves. */
  configurations: readonly string[];
}

/** Between SIGTERM and the end: kubelet kills 30 s after it, and by then what restic left has to be reported. */
const terminationMs = 18_000;

/**
 * A watch that is silent for so long, in milliseconds, is dead. Bookmarks come once a minute; and a session that was begun meanwhile has to
 * be seen before the operator gives its host up, 90 s after its start.
 */
const silenceMs = 75_000;

/**
 * Serves the BackupSessions that name this pod, one at a time, until the agent's signal ends it: then it stops restic, reports, and
 * answers 0. Nothing else ends it: a sidecar that exits over a mistake in the configuration would take the pod's readiness with it.
 */
export async function runSidecar(options: SidecarOptions): Promise<number> {
  const { configurations, client, clock, random, signal, logger, identity } = options;
  await prepareScratch(options);
  // A process that was killed in the middle has bounded nothing.
  await boundCache(options);
  const duties = new Duties(options);
  const sessions = new Cache<BackupSession>({ transform: withoutManagedFields<BackupSession> });
  sessions.listen({
    added: (session) => duties.see(session),
    updated: (old, session) => {
      if (old.metadata.uid !== session.metadata.uid) duties.forget(old);
      duties.see(session);
    },
    deleted: (session) => duties.forget(session),
  });
  const watching = new AbortController();
  const warn = seldom(clock);
  const { synced, stopped } = startReflector({
    client,
    clock,
    random,
    cache: sessions,
    resource: BACKUP_SESSIONS,
    namespace: identity.namespace,
    labelSelector: `${CONFIGURATION_LABEL} in (${configurations.map(labelValue).join(',')})`,
    silenceMs,
    signal: watching.signal,
    onError: (error) =>
      warn(() => logger.warn({ err: error }, 'the sessions cannot be watched; trying again')),
  });
  logger.info({ configurations, directories: options.directories }, 'the sidecar is up');
  void synced.then(() => logger.info('the sessions are watched'));
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
  logger.info('the sidecar is being terminated');
  await duties.terminate();
  watching.abort();
  await stopped;
  return 0;
}

interface Waiting {
  run: SessionRun;
  duty: Duty;
}

/** What there is to do, one at a time and in order: several restic at once would not be faster, and take the memory of several. */
class Duties {
  readonly #agent: Agent;
  /** By the uid of their sessions. */
  readonly #runs = new Map<string, SessionRun>();
  readonly #atWork = new Set<Promise<void>>();
  #queue: Waiting[] = [];
  #current: SessionRun | undefined;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  see(session: BackupSession): void {
    const { podUID } = this.#agent.identity;
    const { uid = '' } = session.metadata;
    let run = this.#runs.get(uid);
    const duty = dutyOf(session, podUID);
    if (run === undefined) {
      const host = hostOf(session, podUID);
      if (duty === undefined || host === undefined) return;
      run = new SessionRun(this.#agent, session, host, () => this.#promoteStopped());
      this.#runs.set(uid, run);
    }
    const isNew = duty !== undefined && run.take(duty);
    run.see(session);
    if (isNew) this.#add({ run, duty });
    this.#promoteStopped();
  }

  /** The session is gone. */
  forget(session: BackupSession): void {
    const { uid = '' } = session.metadata;
    this.#runs.get(uid)?.stop(new Stopped('SessionOver'));
    this.#runs.delete(uid);
    this.#promoteStopped();
  }

  /** Stops everything, and waits a while until it is reported. */
  async terminate(): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const run of runs) run.stop(new Stopped('Terminated'));
    this.#promoteStopped();
    const late = new AbortController();
    await Promise.race([
      Promise.all(this.#atWork).then(() => Promise.all(runs.map((run) => run.reported()))),
      sleep(this.#agent.clock, terminationMs, late.signal),
    ]);
    late.abort();
    for (const run of runs) run.close();
  }

  #add(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#current === undefined) this.#next();
    else if (!waiting.run.isStopped) waiting.run.queue(waiting.duty, this.#current.name);
  }

  #next(): void {
    const next = this.#queue.shift();
    this.#current = next?.run;
    if (next === undefined) return;
    this.#do(next, async () => {
      await boundCache(this.#agent);
      this.#next();
    });
  }

  /** What was stopped before its turn only has to say so, and need not wait for that. */
  #promoteStopped(): void {
    const stopped = this.#queue.filter(({ run }) => run.isStopped);
    if (stopped.length === 0) return;
    this.#queue = this.#queue.filter(({ run }) => !run.isStopped);
    for (const waiting of stopped) this.#do(waiting, async () => {});
  }

  #do({ run, duty }: Waiting, then: () => Promise<void>): void {
    const work: Promise<void> = run
      .do(duty)
      .then(then)
      .finally(() => this.#atWork.delete(work));
    this.#atWork.add(work);
  }
}
