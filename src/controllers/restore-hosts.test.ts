import { describe, expect, it } from 'vitest';
import type { RestoreHost } from '../api/restore-session.ts';
import { aPod } from './pods.fixture.ts';
import { assignPods, awaitedOf, freezeRestore } from './restore-hosts.ts';
import { NODES_WITHOUT_POD, type WorkloadHost } from './workload-hosts.ts';

const now = '2026-11-22T17:30:00Z';
const there = (host: string): WorkloadHost => ({ host, pod: aPod(`pod-of-${host}`) });
const missing = (host: string): WorkloadHost => ({ host, missing: 'it comes later' });
const assigned = (host: string) => ({
  host,
  podName: `pod-of-${host}`,
  podUID: `uid of pod-of-${host}`,
});

describe('the hosts of a restore', () => {
  it('are all of the workload, of which some have their pod from the start', () => {
    const frozen = freezeRestore([missing('host-0'), there('host-1')], now);
    expect(frozen).toEqual([{ host: 'host-0' }, assigned('host-1')]);
    expect(awaitedOf(frozen)).toEqual([{ host: 'host-0' }]);
  });

  it('are Failed from the start where there is not even a node for them', () => {
    const [host] = freezeRestore([missing(NODES_WITHOUT_POD)], now);
    expect(host).toMatchObject({ phase: 'Failed', reason: 'NoAgent' });
  });
});

describe('a pod that comes', () => {
  const waiting: RestoreHost[] = [{ host: 'host-0' }, { ...assigned('host-1'), podUID: 'an earlier one' }];

  it('is given to the host that waits for it, and to no host that has its pod', () => {
    expect(assignPods(waiting, [there('host-0'), there('host-1'), there('host-2')], () => 0, now)).toEqual({
      hosts: [assigned('host-0'), waiting[1]],
      changed: true,
    });
  });

  it('is waited for as long as the workload has the host', () => {
    const hour = 3_600_000;
    expect(assignPods(waiting, [missing('host-0')], () => hour, now)).toEqual({
      hosts: waiting,
      changed: false,
    });
  });

  it('is given up a while after the workload has the host no more', () => {
    const asked: string[] = [];
    const since = (milliseconds: number) => (host: string, presence: string) => {
      asked.push(`${host} ${presence}`);
      return milliseconds;
    };
    expect(assignPods(waiting, [], since(119_999), now).changed).toBe(false);
    const { hosts, changed } = assignPods(waiting, [], since(120_000), now);
    expect(changed).toBe(true);
    expect(hosts).toMatchObject([{ host: 'host-0', phase: 'Failed', reason: 'HostGone' }, waiting[1]]);
    expect(new Set(asked)).toEqual(new Set(['host-0 gone']));
  });

  it('comes too late for a host that is settled', () => {
    const settled: RestoreHost[] = [{ host: 'host-0', phase: 'Failed', reason: 'HostGone' }];
    expect(assignPods(settled, [there('host-0')], () => 0, now)).toEqual({ hosts: settled, changed: false });
  });
});
