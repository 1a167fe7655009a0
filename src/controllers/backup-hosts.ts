import { type HostNow, MOST_HOSTS } from './session-status.ts';
import type { Workload } from './workload.ts';
import type { WorkloadHost } from './workload-hosts.ts';

/** What becomes of a session whose hosts do not all have an agent; undefined where it may start. */
export type AbsenceDecision = { kind: 'Wait' | 'End'; reason: string; message: string } | undefined;

/**
 * So long after the last host got its agent is a host waited for that has none, in milliseconds: long enough for a pod that is
 * replaced, and while a rollout goes on there is always one that comes.
 */
export const PATIENCE = 60_000;

/**
 * Whether a session starts with the hosts that have an agent now. Those that have none do not keep the others from being backed up,
 * but they are waited for a while, and then the session is not taken for whole: see {@link freeze}.
 *
 * @param unchangedFor - for how long the hosts that have an agent have been these, in milliseconds
 */
export function decideAbsence(
  { kind, metadata }: Workload,
  seen: readonly WorkloadHost[],
  unchangedFor: (acting: string) => number,
): AbsenceDecision {
  if (seen.length > MOST_HOSTS) {
    const message = `${kind} "${metadata.name}" has ${seen.length} hosts, and a session has at most ${MOST_HOSTS}`;
    return { kind: 'End', reason: 'TooManyHosts', message };
  }
  const acting = seen.flatMap((host) => ('pod' in host ? host.pod.metadata.uid : []));
  const missing = seen.flatMap((host) => ('pod' in host ? [] : `${host.host}: ${host.missing}`));
  if (acting.length === 0) {
    const why = missing[0] === undefined ? '' : `: ${missing[0]}`;
    const message = `no pod of ${kind} "${metadata.name}" runs with an agent for this configuration yet${why}`;
    return { kind: 'Wait', reason: 'NoAgent', message };
  }
  if (missing.length === 0 || unchangedFor(acting.join()) >= PATIENCE) return undefined;
  const message = `${missing.length} of ${seen.length} hosts have no agent yet: ${missing.slice(0, 8).join('; ')}`;
  return { kind: 'Wait', reason: 'HostsMissing', message };
}

/**
 * The hosts of a session from its start on. A host without an agent is Failed from the start, so that the session cannot succeed
 * without it; what the others back up stands all the same.
 *
 * @param now - an RFC 3339 instant
 */
export function freeze(seen: readonly WorkloadHost[], now: string): HostNow[] {
  return seen.map((each) => {
    if (!('pod' in each)) return noAgent(each, now);
    const { name, uid } = each.pod.metadata;
    return { host: each.host, podName: name, ...(uid !== undefined && { podUID: uid }) };
  });
}

/** A host that is given up before it began. */
export function noAgent({ host, missing }: { host: string; missing: string }, now: string): HostNow {
  return { host, phase: 'Failed', reason: 'NoAgent', message: missing, completionTime: now };
}

/**
 * The host that applies the retention policy: one that succeeded, or else one that made an incomplete snapshot, since these would pile
 * up for as long as no backup succeeds. They count for themselves, so that no good snapshot goes for one. Undefined where no snapshot was made.
 *
 * @param settled - all hosts of the session
 */
export function retainerOf(
  settled: readonly Pick<HostNow, 'host' | 'phase' | 'reason'>[],
): string | undefined {
  const able =
    settled.find(({ phase }) => phase === 'Succeeded') ??
    settled.find(({ reason }) => reason === 'SomeFilesUnreadable' || reason === 'DirectoryNotInSnapshot');
  return able?.host;
}
