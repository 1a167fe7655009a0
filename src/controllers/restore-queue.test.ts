import { describe, expect, it } from 'vitest';
import { aRestore } from './objects.fixture.ts';
import { inTurn } from './restore-queue.ts';

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
    ['nobody, where all are over', [made('y', '2026-11-22T16:00:00Z', 'Succeeded')], undefined],
  ])('is of %s', (_, sessions, name) => {
    expect(inTurn(sessions)?.metadata.name).toBe(name);
    expect(inTurn(sessions.toReversed())?.metadata.name).toBe(name);
  });
});
