import { type Context, instantOf, timestamp } from './context.ts';
import type { HostWatch } from './host-watch.ts';
import { type HostNow, isSettled, type Session } from './session-status.ts';

/** An agent stops by itself at the deadline or when it is cancelled; so much longer it is waited for, in milliseconds. */
const GRACE = 30_000;

type ReportedHost = HostNow & { heartbeatTime?: string };

/**
 * The hosts of `session`, with those settled that will not do it themselves: their pod is gone, their agent silent, or they go on
 * past the deadline. No session is without an end.
 */
export async function settleHosts<H extends ReportedHost>(
  context: Pick<Context, 'clock'>,
  watch: HostWatch,
  session: Session,
  hosts: H[],
): Promise<{ hosts: H[]; changed: boolean }> {
  const now = context.clock.now();
  const key = `${session.kind}/${session.metadata.namespace}/${session.metadata.name}`;
  let changed = false;
  const settled: H[] = [];
  for (const host of hosts) {
    const end = isSettled(host)
      ? undefined
      : (overdue(session, now) ?? (await watch.lossOf(key, session.metadata.namespace ?? '', host)));
    if (end === undefined) {
      settled.push(host);
      continue;
    }
    changed = true;
    settled.push({ ...host, phase: 'Failed', ...end, completionTime: timestamp(now) });
  }
  return { hosts: settled, changed };
}

function overdue(session: Session, now: number): { reason: string; message: string } | undefined {
  const deadline = instantOf(session.status?.deadline);
  if (deadline > 0 && now > deadline + GRACE) {
    return {
      reason: 'DeadlineExceeded',
      message: `it was not done by the deadline ${session.status?.deadline}, and its agent did not stop`,
    };
  }
  return undefined;
}
