import { describe, expect, it } from 'vitest';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/annotations.ts';
import type { Client } from '../kube/client.ts';
import type { Pod } from './agent-pods.ts';
import { holderOf } from './hook-target.ts';

const aPod = (name: string, over: { claim?: string; phase?: string; metadata?: object } = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name, creationTimestamp: '2026-11-22T17:00:00Z', ...over.metadata },
    spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: over.claim ?? 'data' } }] },
    status: { phase: over.phase ?? 'Running' },
  }) as Pod;

const older = { creationTimestamp: '2026-11-22T16:00:00Z' };

describe('the pod in which a hook of a claim runs', () => {
  it.each<[string, Pod[], string | undefined]>([
    ['the oldest', [aPod('a'), aPod('b', { metadata: older })], 'b'],
    ['none of another claim', [aPod('a', { claim: 'other', metadata: older }), aPod('b')], 'b'],
    ['none that does not run', [aPod('a', { phase: 'Pending', metadata: older }), aPod('b')], 'b'],
    [
      'none that goes',
      [aPod('a', { metadata: { ...older, deletionTimestamp: '2026-11-22T17:30:00Z' } }), aPod('b')],
      'b',
    ],
    [
      'none of a Job of ours, which has the credentials of the storage',
      [aPod('a', { metadata: { ...older, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } } })],
      undefined,
    ],
  ])('is %s', async (_, pods, name) => {
    const client = { list: async () => pods } as unknown as Client;
    expect((await holderOf(client, 'demo', 'data'))?.metadata.name).toBe(name);
  });
});
