import { describe, expect, it } from 'vitest';
import { backup, deployment, OPTIONS } from '../injection/fixtures.ts';
import { inject } from '../injection/inject.ts';
import type { KubernetesEvent } from './job-state.ts';
import { mayBeOurs, refusalIn, shortageOf } from './refused-pods.ts';
import type { Workload } from './workload.ts';

const template = (() => {
  const { workload } = inject(deployment(), { backups: [backup()], restores: [] }, OPTIONS);
  return (workload as unknown as Workload).spec.template;
})();

function workload(kind: string, status: Workload['status'], spec: Partial<Workload['spec']> = {}): Workload {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web', namespace: 'shop', generation: 2 },
    spec: { replicas: 3, ...(template && { template }), ...spec },
    status: { observedGeneration: 2, ...status },
  };
}

const failure = (status = 'True') => ({
  conditions: [{ type: 'ReplicaFailure', status, message: 'exceeded quota' }],
});
const one = (replicas: number) => ({ replicas, updatedReplicas: 0 });

describe('shortageOf', () => {
  it.each<[string, string, Workload['status'], Partial<Workload['spec']>, ReturnType<typeof shortageOf>]>([
    ['a Deployment that says so', 'Deployment', failure(), {}, { kind: 'Some', message: 'exceeded quota' }],
    ['a Deployment that does not', 'Deployment', one(0), {}, { kind: 'None' }],
    ['a Deployment that says so no more', 'Deployment', failure('False'), {}, { kind: 'None' }],
    [
      'another template than is told of',
      'Deployment',
      { ...failure(), observedGeneration: 1 },
      {},
      { kind: 'None' },
    ],
    ['a Deployment with nothing of ours', 'Deployment', failure(), { template: {} }, { kind: 'None' }],
    ['a StatefulSet with too few pods', 'StatefulSet', one(2), {}, { kind: 'Some' }],
    ['a StatefulSet without any', 'StatefulSet', {}, {}, { kind: 'Some' }],
    ['a StatefulSet with all', 'StatefulSet', one(3), {}, { kind: 'None' }],
    ['a StatefulSet scaled to zero', 'StatefulSet', {}, { replicas: 0 }, { kind: 'None' }],
    [
      'a DaemonSet with too few pods',
      'DaemonSet',
      { desiredNumberScheduled: 2, currentNumberScheduled: 1 },
      {},
      { kind: 'Some' },
    ],
    [
      'a DaemonSet with all',
      'DaemonSet',
      { desiredNumberScheduled: 2, currentNumberScheduled: 2 },
      {},
      { kind: 'None' },
    ],
  ])('of %s', (_, kind, status, spec, expected) => {
    expect(shortageOf(workload(kind, status, spec))).toEqual(expected);
  });
});

describe('mayBeOurs', () => {
  it.each<[string, Workload, boolean]>([
    ['no pod is left', workload('Deployment', {}), true],
    ['old pods are left', workload('Deployment', { replicas: 3, updatedReplicas: 1 }), true],
    ['one more of the same is refused', workload('Deployment', { replicas: 2, updatedReplicas: 2 }), false],
    ['no pod of a DaemonSet is left', workload('DaemonSet', { desiredNumberScheduled: 1 }), true],
    [
      'old pods of a DaemonSet are left',
      workload('DaemonSet', { currentNumberScheduled: 2, updatedNumberScheduled: 1 }),
      true,
    ],
    [
      'a DaemonSet has one pod too few of the same',
      workload('DaemonSet', { currentNumberScheduled: 2, updatedNumberScheduled: 2 }),
      false,
    ],
  ])('where %s', (_, given, expected) => {
    expect(mayBeOurs(given)).toBe(expected);
  });
});

describe('refusalIn', () => {
  const since = Date.parse('2026-11-22T17:10:00Z');
  const warning = (reason: string, note: string, deprecatedLastTimestamp: string): KubernetesEvent => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: note },
    ...{ reason, note, deprecatedLastTimestamp },
  });

  it.each<[string, KubernetesEvent[], string | undefined]>([
    ['nothing where nothing is told', [], undefined],
    ['nothing where something else is', [warning('FailedUpdate', 'x', '2026-11-22T17:10:00Z')], undefined],
    ['nothing of long ago', [warning('FailedCreate', 'old', '2026-11-22T17:04:00Z')], undefined],
    [
      'what was said last',
      [
        warning('FailedCreate', 'new', '2026-11-22T17:10:05Z'),
        warning('FailedCreate', 'old', '2026-11-22T17:09:00Z'),
      ],
      'new',
    ],
  ])('is %s', (_, warnings, expected) => {
    expect(refusalIn(warnings, since)).toBe(expected);
  });
});
