import { describe, expect, it } from 'vitest';
import { DUE_LABEL } from '../api/annotations.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { timestamp } from '../kube/clock.ts';
import { aConfiguration, aSession } from './objects.fixture.ts';
import { retryOf } from './session-retry.ts';

const now = Date.parse('2026-11-22T18:00:00Z');
const due = now / 1000 - 600;

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Skipped';

const scheduled = (
  suffix: string,
  phase: Phase,
  { dueAt = due, endedAt = now - 120_000, reason = 'ResticFailed', cancel = false } = {},
): BackupSession =>
  aSession({
    metadata: { name: `shop-${dueAt}${suffix}`, labels: { [DUE_LABEL]: String(dueAt) } },
    spec: { cancel },
    status: {
      phase,
      completionTime: timestamp(endedAt),
      conditions: [
        { type: 'Succeeded', status: 'False', reason, message: '', lastTransitionTime: timestamp(endedAt) },
      ],
    },
  });
const byUser = (phase: Phase, endedAt: number) =>
  aSession({ metadata: { name: 'by-hand' }, status: { phase, completionTime: timestamp(endedAt) } });
const withRetry = (limit: number, spec: object = {}) =>
  aConfiguration({ spec: { retry: { limit, delay: '1m' }, ...spec } });

describe('retryOf', () => {
  const first = scheduled('', 'Failed');

  it('has a failed session of the schedule followed by one that is called after it, after the delay', () => {
    expect(retryOf(withRetry(2), [first], now)).toEqual({
      name: `shop-${due}-r1`,
      due: due * 1000,
      at: now - 60_000,
    });
  });

  it('counts on from the last one, also where the first has left the history', () => {
    const second = scheduled('-r1', 'Failed', { endedAt: now - 1_000 });
    const expected = { name: `shop-${due}-r2`, due: due * 1000, at: now + 59_000 };
    expect(retryOf(withRetry(2), [first, second], now)).toEqual(expected);
    expect(retryOf(withRetry(2), [second], now)).toEqual(expected);
  });

  const none: [string, ReturnType<typeof withRetry>, BackupSession[]][] = [
    ['no retry is wanted', withRetry(0), [first]],
    ['the limit is reached', withRetry(1), [first, scheduled('-r1', 'Failed')]],
    ['the last one still runs', withRetry(2), [first, scheduled('-r1', 'Running')]],
    ['the last one succeeded', withRetry(2), [first, scheduled('-r1', 'Succeeded')]],
    ['it was skipped', withRetry(2), [scheduled('', 'Skipped')]],
    ['it was cancelled', withRetry(2), [scheduled('', 'Failed', { cancel: true })]],
    ['it was cancelled before it started', withRetry(2), [scheduled('', 'Failed', { reason: 'Cancelled' })]],
    ['it was deleted', withRetry(2), [scheduled('', 'Failed', { reason: 'SessionDeleted' })]],
    ['a user made it', withRetry(2), [byUser('Failed', now - 120_000)]],
    ['a backup has succeeded since', withRetry(2), [first, byUser('Succeeded', now - 60_000)]],
    ['the next has become due', withRetry(2), [first, scheduled('', 'Pending', { dueAt: due + 300 })]],
    ['the schedule is paused', withRetry(2, { paused: true }), [first]],
    ['it would be later than a session may be', withRetry(2, { startingDeadline: '30s' }), [first]],
    ['there is no session', withRetry(2), []],
  ];
  it.each(none)('makes none where %s', (_, configuration, sessions) => {
    expect(retryOf(configuration, sessions, now)).toBeUndefined();
  });
});
