import type { RestoreHost } from '../api/restore-session.ts';
import { noAgent } from './backup-hosts.ts';
import { type HostNow, isSettled } from './session-status.ts';
import { NODES_WITHOUT_POD, type WorkloadHost } from './workload-hosts.ts';

/*
 * Which pods restore, and when a restore is whole.
 *
 * The hosts are frozen as the first init container is there: all that the workload has at that moment, those without a pod among
 * them. Pods come one after another: a StatefulSet makes, and replaces, a pod only once the one before it is ready. So a host gets
 * its pod as the pod's init container begins, once, and only then does the agent there act, since it acts for the host that has
 * its pod's uid. The session ends when each of these hosts is settled: done, lost, gone from the workload, or past the deadline.
 *
 * A pod whose host is not among them (the workload was scaled up, a node was added) was not part of the session and starts as it is.
 */

/** A host that the workload does not have any more is given up after so long, in milliseconds: between two pods there is none. */
const GONE_AFTER = 120_000;

/**
 * The hosts of a restore from its start on.
 *
 * @param now - an RFC 3339 instant
 */
export function freezeRestore(seen: readonly WorkloadHost[], now: string): HostNow[] {
  return seen.map((each) => {
    if ('pod' in each) return withPod(each);
    return each.host === NODES_WITHOUT_POD ? noAgent(each, now) : { host: each.host };
  });
}

/** The hosts of `hosts` that still wait for their pod. */
export function awaitedOf<H extends HostNow>(hosts: readonly H[]): H[] {
  return hosts.filter((host) => host.podUID === undefined && !isSettled(host));
}

/**
 * `hosts`, with a pod for those whose init container is there now, and those Failed that the workload does not have any more.
 *
 * @param unchangedFor - for how long the host has been there, or not, in milliseconds
 * @param now - an RFC 3339 instant
 */
export function assignPods(
  hosts: readonly RestoreHost[],
  seen: readonly WorkloadHost[],
  unchangedFor: (host: string, presence: 'there' | 'gone') => number,
  now: string,
): { hosts: HostNow[]; changed: boolean } {
  const awaited = awaitedOf(hosts);
  let changed = false;
  const next = hosts.map((host): HostNow => {
    if (!awaited.includes(host)) return host;
    const found = seen.find((each) => each.host === host.host);
    const since = unchangedFor(host.host, found === undefined ? 'gone' : 'there');
    if (found !== undefined && 'pod' in found) {
      changed = true;
      return { ...host, ...withPod(found) };
    }
    if (found !== undefined || since < GONE_AFTER) return host;
    changed = true;
    const message = 'the workload does not have it any more: it was scaled down, or the node is gone';
    return { ...host, phase: 'Failed', reason: 'HostGone', message, completionTime: now };
  });
  return { hosts: next, changed };
}

function withPod({ host, pod }: Extract<WorkloadHost, { pod: unknown }>): HostNow {
  const { name, uid } = pod.metadata;
  return { host, podName: name, ...(uid !== undefined && { podUID: uid }) };
}
