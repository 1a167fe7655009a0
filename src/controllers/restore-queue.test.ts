import { describe, expect, it } from 'vitest';
import { HOLD_FINALIZER } from '../api/annotations.ts';
import { aRestore } from './objects.fixture.ts';
import { inTurn, ownsTarget } from './restore-queue.ts';

const made = (name: string, creationTimestamp: string, phase?: 'Pending' | 'Running' | 'Succeeded') =>
  aRestore({ metadata: { name, creationTimestamp }, ...(phase !== undefined && { status: { phase } }) });

const first = made('z', '2026-11-22T17:00:00Z');
const second = made('a', '2026-11-22T17:00:01Z', 'Pending');

describe('of several restores into one workload, the turn', () => {
  it.each([
    ['the oldest', [second, first], 'z'],
    ['the first by name of two of the same second', [made('b', '2026-11-22T17:00:00Z'), first], 'b'],
    ['one that runs, though another is older', [first, made('a', '2026-11-22T18:00:00Z', 'Running')], 'a'],
    ['the next, where one is over', [made('y', '2026-11-22T16:00:00Z', 'Succeeded'), second, first], 'z'],
    [
      'the next, where one is being deleted',
      [aRestore({ metadata: { name: 'gone', deletionTimestamp: '2026-11-22T16:00:00Z' } }), second],
      'a',
    ],
    [
      'one that is being deleted, while its hook is still to run',
      [
        aRestore({
          metadata: {
            name: 'going',
            deletionTimestamp: '2026-11-22T16:00:00Z',
            creationTimestamp: '2026-11-22T16:00:00Z',
            finalizers: [HOLD_FINALIZER],
          },
        }),
        second,
      ],
      'going',
    ],
    ['nobody, where all are over', [made('y', '2026-11-22T16:00:00Z', 'Succeeded')], undefined],
  ])('is of %s', (_, sessions, name) => {
    expect(inTurn(sessions)?.metadata.name).toBe(name);
    expect(inTurn(sessions.toReversed())?.metadata.name).toBe(name);
  });
});

describe('a restore', () => {
  const instant = '2026-11-22T17:00:00Z';
  const said = (reason: string, over: Parameters<typeof aRestore>[0] = {}) => {
    const succeeded = { type: 'Succeeded', status: 'Unknown', reason, message: '' } as const;
    const conditions = [{ ...succeeded, lastTransitionTime: instant }];
    return aRestore({ ...over, status: { phase: 'Pending', ...over.status, conditions } });
  };

  it.each([
    'BackupActive',
    'ClaimNotFound',
    'PlacementUnknown',
    'Queued',
    'RepositoryNotReady',
    'RestoreActive',
    'WorkloadNotFound',
    'WorkloadPaused',
  ])('has no target of its own yet while it says %s', (reason) => {
    expect(ownsTarget(said(reason))).toBe(false);
  });

  it('has none before anybody has looked at it', () => {
    expect(ownsTarget(aRestore())).toBe(false);
  });

  it.each(['HookRunning', 'NoAgent', 'OldPodsRun', 'ScaledToZero', 'ScalingToZero'])(
    'has its target once it says %s',
    (reason) => {
      expect(ownsTarget(said(reason))).toBe(true);
    },
  );

  it.each<[string, Parameters<typeof aRestore>[0]]>([
    ['it runs', { status: { phase: 'Running' } }],
    ['the workload was scaled for it', { status: { replicas: 2 } }],
    [
      'a hook of it was run',
      { status: { hooks: [{ hook: 'preRestore', host: 'host-0', phase: 'Succeeded' }] } },
    ],
  ])('keeps it, whatever it waits for, where %s', (_, over) => {
    expect(ownsTarget(said('RepositoryNotReady', over))).toBe(true);
  });

  it('leaves it to one that came in the same second and goes first', () => {
    expect(ownsTarget(said('Queued', { status: { replicas: 2 } }))).toBe(false);
  });
});
