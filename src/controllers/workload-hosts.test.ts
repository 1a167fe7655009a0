import { describe, expect, it } from 'vitest';
import { aWorkload } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import type { Workload } from './workload.ts';
import { hostsOf, NODES_WITHOUT_POD } from './workload-hosts.ts';

const sought = { role: 'backup', name: 'daily' } as const;
const agent = { backups: ['daily'] };
const seen = (workload: Workload, ...pods: ReturnType<typeof aPod>[]) =>
  hostsOf(workload, pods, sought).map((each) => [
    each.host,
    'pod' in each ? each.pod.metadata.name : each.missing,
  ]);

describe('the hosts of a Deployment', () => {
  it('are one, whatever its replicas: the first pod with an agent', () => {
    const pods = [aPod('a'), aPod('b', agent), aPod('c', agent)];
    expect(seen(aWorkload({ spec: { replicas: 3 } }), ...pods)).toEqual([['host-0', 'b']]);
  });

  it('has no agent where none runs in a pod', () => {
    expect(seen(aWorkload())).toEqual([['host-0', 'there is no pod of Deployment shop']]);
    expect(seen(aWorkload(), aPod('a', { backups: ['weekly'] }))).toEqual([
      ['host-0', 'the pod a was made without this agent, and was not replaced yet'],
    ]);
  });
});

describe('the hosts of a StatefulSet', () => {
  const statefulSet = (spec: object) => aWorkload({ kind: 'StatefulSet', spec });

  it('are its ordinals, in the order of their numbers', () => {
    const pods = [10, 9, 8].map((ordinal) => aPod(`shop-${ordinal}`, agent));
    expect(seen(statefulSet({ replicas: 3, ordinals: { start: 8 } }), ...pods)).toEqual([
      ['host-8', 'shop-8'],
      ['host-9', 'shop-9'],
      ['host-10', 'shop-10'],
    ]);
  });

  it('are all that it wants, and none that it has too many', () => {
    const pods = [aPod('shop-1', { ...agent, isGoing: true }), aPod('shop-2', agent)];
    expect(seen(statefulSet({ replicas: 2 }), ...pods)).toEqual([
      ['host-0', 'there is no pod shop-0'],
      ['host-1', 'the pod shop-1 is being deleted'],
    ]);
  });
});

describe('the hosts of a DaemonSet', () => {
  const daemonSet = (wanted?: number) => ({
    ...aWorkload({ kind: 'DaemonSet' }),
    ...(wanted !== undefined && { status: { desiredNumberScheduled: wanted } }),
  });

  it('are the nodes of its pods, each once: a pod with an agent comes before one that goes', () => {
    const pods = [
      aPod('old', { ...agent, node: 'b', isGoing: true }),
      aPod('new', { ...agent, node: 'b' }),
      aPod('other', { ...agent, node: 'a' }),
      aPod('evicted', { node: 'c', phase: 'Failed' }),
    ];
    expect(seen(daemonSet(2), ...pods)).toEqual([
      ['a', 'other'],
      ['b', 'new'],
    ]);
  });

  it('are not whole as long as it wants a pod on more nodes', () => {
    const pods = [aPod('pending', { phase: 'Pending' }), aPod('one', { ...agent, node: 'a' })];
    expect(seen(daemonSet(3), ...pods)).toEqual([
      ['a', 'one'],
      [NODES_WITHOUT_POD, '2 of the 3 pods that DaemonSet shop wants are on no node yet'],
    ]);
  });
});
