import { describe, expect, it } from 'vitest';
import type { RestoreSession } from '../api/restore-session.ts';
import type { ApiObject } from '../kube/object.ts';
import { rememberedReplicas } from './remembered-replicas.ts';

const scaled = (replicas: number, ...by: string[]) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...{ name: 'web', namespace: 'demo' },
      managedFields: by.map((manager) => ({ manager, fieldsV1: { 'f:spec': { 'f:replicas': {} } } })),
    },
    spec: { replicas },
  }) as ApiObject;

const session = (replicas: number | undefined, completionTime?: string, name = 'web', namespace = 'demo') =>
  ({
    metadata: { name: `of-${replicas}`, namespace },
    spec: { target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name } } },
    status: {
      phase: completionTime === undefined ? 'Pending' : 'Failed',
      ...(replicas !== undefined && { replicas }),
      ...(completionTime !== undefined && { completionTime }),
    },
  }) as RestoreSession;

const [noon, one] = ['2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z'];

describe('the replicas that a session remembers', () => {
  it.each<[string, RestoreSession[], number | undefined]>([
    ['the last that has ended', [session(2, noon), session(4, one), session(undefined, one)], 4],
    ['one that has not ended', [session(2, one), session(4)], 4],
    ['none of another workload', [session(2, one, 'blog'), session(2, one, 'web', 'other')], undefined],
  ])('are those of %s', (_, sessions, expected) => {
    expect(rememberedReplicas(scaled(0, 'stash-operator'), sessions)).toBe(expected);
  });

  it.each([
    ['somebody else scaled it to zero', scaled(0, 'kubectl')],
    ['somebody else wants it at zero too', scaled(0, 'stash-operator', 'flux')],
    ['nobody knows who did', scaled(0)],
    ['it has some', scaled(1, 'stash-operator')],
  ])('are not given back where %s', (_, workload) => {
    expect(rememberedReplicas(workload, [session(2, noon)])).toBeUndefined();
  });
});
