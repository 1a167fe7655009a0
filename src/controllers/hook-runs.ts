import type { Hook, HookName, HookRun } from '../api/hooks.ts';
import { timestamp } from '../kube/clock.ts';
import { keyOf } from '../kube/object.ts';
import type { PodAccess } from '../kube/pod-access.ts';
import type { Context } from './context.ts';
import { callHook, type HookEnd } from './hook-call.ts';
import { HookPlaces } from './hook-places.ts';
import type { HookTarget } from './hook-target.ts';
import { isHookOver } from './session-hooks.ts';
import type { Session } from './session-status.ts';

/** What a session's hooks are, and where they run. */
export interface HookPlan {
  hooks: Partial<Record<HookName, Hook>>;
  /** Undefined where it is gone. */
  target: HookTarget | undefined;
  /** The container of the target, where it names one. */
  container: string | undefined;
  /** How much longer than its timeout a hook waits until its container runs, in milliseconds. */
  patience?: number;
}

const LIMITS = { all: 64, perNamespace: 8 };

const QUEUED = {
  reason: 'Queued',
  message: `it waits until another has ended: at most ${LIMITS.perNamespace} hooks of a namespace, and ${LIMITS.all} of the cluster, run at once`,
};

/** A run that is under way, or waits for a place. */
interface Call {
  /** Its kind, namespace and name. */
  session: string;
  /** Its namespace and name. */
  key: string;
  run: Pick<HookRun, 'hook' | 'host'>;
  stop: AbortController;
  isBegun: boolean;
  end?: HookEnd;
}

/**
 * The hooks that run. A hook may take an hour, and no reconciliation waits for it: each only looks how far its hooks are, and is
 * called again as one ends.
 */
export class HookRuns {
  readonly #context: Pick<Context, 'client' | 'clock' | 'events' | 'log'>;
  readonly #pods: PodAccess;
  readonly #changed: (session: string) => void;
  readonly #calls = new Map<string, Call>();
  readonly #places = new HookPlaces<Call>(LIMITS);

  /** @param changed - is told the key of a session of which a hook has ended, or has a place now */
  constructor(
    context: Pick<Context, 'client' | 'clock' | 'events' | 'log'>,
    pods: PodAccess,
    changed: (session: string) => void,
  ) {
    this.#context = context;
    this.#pods = pods;
    this.#changed = changed;
  }

  /**
   * `runs` as they are now, those that are due begun; the same array where nothing has changed. One is called only once its session says
   * that it runs, so the caller has to write what comes back.
   */
  advance(session: Session, runs: readonly HookRun[], plan: HookPlan): HookRun[] {
    const next = runs.map((run) => (isHookOver(run) ? run : this.#step(session, run, plan)));
    return next.every((run, index) => run === runs[index]) ? (runs as HookRun[]) : next;
  }

  /** The runs that are not over are wanted no more. */
  stop(session: Session, isMeant: (run: Pick<HookRun, 'hook' | 'host'>) => boolean): void {
    this.#stop(({ session: of, run }) => of === keyOfSession(session) && isMeant(run));
  }

  /**
   * The session is over or gone.
   *
   * @param session - its kind, namespace and name
   */
  forget(session: string): void {
    this.#stop((call) => call.session === session);
  }

  /** Tells of the hooks that have failed between two states of a session. */
  tell(session: Session, before: readonly HookRun[], after: readonly HookRun[]): void {
    for (const run of after) {
      const known = before.find(({ hook, host }) => hook === run.hook && host === run.host);
      if (run.phase !== 'Failed' || known?.phase === 'Failed') continue;
      const note = `${run.hook} of ${run.host}${run.podName === undefined ? '' : ` in pod ${run.podName}`}: ${run.message}`;
      this.#context.log.warn({ session: keyOf(session), hook: run.hook, reason: run.reason }, note);
      this.#context.events.record({
        type: 'Warning',
        reason: 'HookFailed',
        action: 'RunHook',
        note,
        regarding: session,
      });
    }
  }

  /** Somebody else leads: who takes over runs again what has not ended. */
  close(): void {
    this.#stop(() => true);
  }

  #stop(isMeant: (call: Call) => boolean): void {
    for (const [key, call] of this.#calls) {
      if (!isMeant(call)) continue;
      call.stop.abort();
      this.#calls.delete(key);
      // One that has begun leaves as it ends.
      if (!call.isBegun) this.#leave(call);
    }
  }

  #leave(call: Call): void {
    for (const entered of this.#places.leave(call)) this.#changed(entered.key);
  }

  #step(session: Session, run: HookRun, { hooks, target, container, patience = 0 }: HookPlan): HookRun {
    const { clock } = this.#context;
    const ended = (end: Pick<HookRun, 'phase' | 'reason' | 'message' | 'exitCode'>): HookRun => ({
      ...run,
      ...end,
      completionTime: timestamp(clock.now()),
    });
    const stop = (): void => this.stop(session, (each) => each.hook === run.hook && each.host === run.host);
    const hook = hooks[run.hook];
    const { podName, podUID } = run;
    if (hook === undefined || podName === undefined || podUID === undefined) {
      stop();
      const message = 'it was taken out of the configuration before it had run';
      return ended({ phase: 'Skipped', reason: 'HookRemoved', message });
    }
    if (target === undefined) {
      stop();
      return ended({ phase: 'Failed', reason: 'WorkloadNotFound', message: 'the workload is gone' });
    }
    const call = this.#callOf(session, run);
    if (call.end !== undefined) return ended(call.end);
    const { reason: _, message, startTime: __, ...waiting } = run;
    if (!this.#places.has(call)) {
      const isSaid = run.phase === 'Pending' && message === QUEUED.message;
      return isSaid ? run : { ...waiting, ...QUEUED, phase: 'Pending' };
    }
    if (run.phase === 'Pending') return { ...waiting, phase: 'Running', startTime: timestamp(clock.now()) };
    if (!call.isBegun) {
      this.#begin(call, (signal) =>
        callHook(
          { ...this.#context, pods: this.#pods },
          hook,
          { target, podName, podUID, container },
          patience,
          signal,
        ),
      );
    }
    return run;
  }

  #callOf(session: Session, { hook, host }: HookRun): Call {
    // Of this very session, and not of one that bore its name before.
    const name = JSON.stringify([keyOfSession(session), session.metadata.uid, hook, host]);
    const known = this.#calls.get(name);
    if (known !== undefined) return known;
    const call: Call = {
      session: keyOfSession(session),
      key: keyOf(session),
      run: { hook, host },
      stop: new AbortController(),
      isBegun: false,
    };
    this.#calls.set(name, call);
    this.#places.ask(call, session.metadata.namespace ?? '');
    return call;
  }

  #begin(call: Call, work: (signal: AbortSignal) => Promise<HookEnd>): void {
    call.isBegun = true;
    const { signal } = call.stop;
    work(signal)
      .catch((error: unknown): HookEnd => {
        const message = `it could not be run: ${error instanceof Error ? error.message : String(error)}`;
        return { phase: 'Failed', reason: 'HookFailed', message: message.slice(0, 512) };
      })
      .then((end) => {
        this.#leave(call);
        if (signal.aborted) return;
        call.end = end;
        this.#changed(call.key);
      });
  }
}

function keyOfSession(session: Session): string {
  return `${session.kind}/${keyOf(session)}`;
}
