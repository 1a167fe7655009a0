import { endOfLost } from '../api/sessions.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import type { Context } from './context.ts';
import type { HostWatch, Loss } from './host-watch.ts';
import type { Trouble } from './job-state.ts';
import { type HostNow, isSettled, type Session } from './session-status.ts';

/** An agent stops by itself at the deadline or when it is cancelled; so much longer it is waited for, in milliseconds. */
const GRACE = 30_000;

/**
 * The hosts of `session`, with those settled that will not do it themselves: their pod is gone, their agent silent, or they go on
 * past the deadline. No session is without an end.
 *
 * @param deletion - why all of them end, where the session does: its agents stop, and say nothing any more
 */
export async function settleHosts<H extends HostNow>(
  context: Pick<Context, 'clock'>,
  watch: HostWatch,
  session: Session,
  hosts: H[],
  deletion: Trouble | undefined,
): Promise<{ hosts: H[]; changed: boolean }> {
  const now = context.clock.now();
  const key = `${session.kind}/${session.metadata.namespace}/${session.metadata.name}`;
  let changed = false;
  const settled: H[] = [];
  for (const host of hosts) {
    const end = isSettled(host)
      ? undefined
      : (deletion ?? overdue(session, host, now) ?? (await lossOf(session, host)));
    if (end === undefined) {
      settled.push(host);
      continue;
    }
    changed = true;
    settled.push({ ...host, phase: 'Failed', ...endOfLost(host, end), completionTime: timestamp(now) });
  }
  return { hosts: settled, changed };

  /** A host that waits for its pod has none to lose. */
  async function lossOf({ metadata }: Session, host: H): Promise<Loss | undefined> {
    return host.podUID === undefined ? undefined : watch.lossOf(key, metadata.namespace ?? '', host);
  }
}

function overdue(
  session: Session,
  { podName, podUID }: HostNow,
  now: number,
): { reason: string; message: string } | undefined {
  if (podUID === undefined && session.spec.cancel) {
    const when = podName === undefined ? 'a pod came for it' : 'it began';
    return { reason: 'Cancelled', message: `the session was cancelled before ${when}` };
  }
  const deadline = instantOf(session.status?.deadline);
  if (deadline === 0 || now <= deadline + (podUID === undefined ? 0 : GRACE)) return undefined;
  const why =
    podName === undefined
      ? 'no pod came for it'
      : podUID === undefined
        ? 'its preBackup hook had not ended'
        : 'its agent did not stop';
  const message = `it was not done by the deadline ${session.status?.deadline}: ${why}`;
  return { reason: 'DeadlineExceeded', message };
}
