/** Why work is stopped before its end. The last two are not reported: somebody else has settled the matter. */
export type StopReason = 'Cancelled' | 'DeadlineExceeded' | 'Terminated' | 'SessionOver' | 'GivenUp';

const messages: Record<StopReason, string> = {
  Cancelled: 'the session was cancelled (spec.cancel)',
  DeadlineExceeded:
    'the session ran longer than its timeout allows and was stopped; raise spec.timeout if it needs more time',
  Terminated: 'the pod of the agent was terminated in the middle; the next session runs in its successor',
  SessionOver: 'the session is over or deleted',
  GivenUp: 'the operator has settled this host',
};

/** Restic needs a moment after SIGINT to take away its lock. */
const usualGraceMs = 20_000;

/** kubelet kills a pod 30 s after SIGTERM, and the report has to go out before that. */
const terminationGraceMs = 10_000;

/** The reason of an AbortSignal that stops work. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(messages[reason]);
    this.reason = reason;
  }

  /** Milliseconds between SIGINT and SIGKILL. */
  get graceMs(): number {
    return this.reason === 'Terminated' ? terminationGraceMs : usualGraceMs;
  }

  get isReported(): boolean {
    return this.reason !== 'SessionOver' && this.reason !== 'GivenUp';
  }
}

/** Why `signal` was aborted. */
export function stopOf(signal: AbortSignal): Stopped {
  return signal.reason instanceof Stopped ? signal.reason : new Stopped('Terminated');
}
