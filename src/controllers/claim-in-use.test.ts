import { describe, expect, it } from 'vitest';
import type { Pod } from './agent-pods.ts';
import { claimInUse } from './claim-in-use.ts';
import { aWorkload } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import type { Workload } from './workload.ts';

const claim = (mode: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { accessModes: [mode] },
  status: {},
});

const volumesOf = (claimName: string) => ({ volumes: [{ persistentVolumeClaim: { claimName } }] });
const podWith = (claimName: string, phase = 'Running', isGoing = false): Pod => ({
  ...aPod('shop-1', { phase, isGoing }),
  spec: volumesOf(claimName),
});
const deployment = (replicas: number) =>
  aWorkload({ spec: { replicas, template: { spec: volumesOf('data') as object } } });
const statefulSet = (name: string, replicas: number, start = 0) =>
  aWorkload({
    kind: 'StatefulSet',
    metadata: { name },
    spec: { replicas, ordinals: { start }, ...{ volumeClaimTemplates: [{ metadata: { name: 'data' } }] } },
  });

const inUse = (mode: string, pods: Pod[], workloads: Workload[] = [], name = 'data') =>
  claimInUse(name, claim(mode), pods, workloads);

describe('a claim for one pod alone', () => {
  it.each<[string, Pod[], Workload[], string]>([
    ['a pod has it', [podWith('data')], [], 'the pod shop-1'],
    ['a pod waits for it', [podWith('data', 'Pending')], [], 'the pod shop-1'],
    ['a pod that goes has it still', [podWith('data', 'Running', true)], [], 'the pod shop-1'],
    ['a workload is between two pods', [], [deployment(1)], 'the Deployment "shop"'],
  ])('is in use where %s', (_, pods, workloads, holder) => {
    const message = inUse('ReadWriteOncePod', pods, workloads) ?? '';
    expect(message).toContain('"data" is ReadWriteOncePod');
    expect(message).toContain(holder);
  });

  it.each<[string, Pod[], Workload[]]>([
    ['nobody has it', [], []],
    ['its pod has ended', [podWith('data', 'Succeeded')], []],
    ['a pod has another', [podWith('other')], []],
    ['its workload is scaled to zero', [], [deployment(0)]],
  ])('is free where %s', (_, pods, workloads) => {
    expect(inUse('ReadWriteOncePod', pods, workloads)).toBeUndefined();
  });

  it.each([
    ['data-db-0', statefulSet('db', 2), true],
    ['data-db-1', statefulSet('db', 2), true],
    ['data-db-2', statefulSet('db', 2), false],
    ['data-db-0', statefulSet('db', 2, 1), false],
    ['data-db-2', statefulSet('db', 2, 1), true],
    ['data-db-x', statefulSet('db', 2), false],
    ['data-db-0', statefulSet('db', 0), false],
    ['data-other-0', statefulSet('db', 2), false],
  ])('%s is or is not that of a pod of a StatefulSet', (name, workload, expected) => {
    expect(inUse('ReadWriteOncePod', [], [workload], name) !== undefined).toBe(expected);
  });
});

it.each(['ReadWriteOnce', 'ReadWriteMany'])('a claim that is %s is for a Job too', (mode) => {
  expect(inUse(mode, [podWith('data')], [deployment(1)])).toBeUndefined();
});
