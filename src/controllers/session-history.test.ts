import { describe, expect, it } from 'vitest';
import { aSession } from './objects.fixture.ts';
import { expiredSessions, lastEnded } from './session-history.ts';

const ended = (minute: number, phase: 'Succeeded' | 'Failed' | 'Skipped') =>
  aSession({
    metadata: { name: `${phase}-${minute}` },
    status: { phase, completionTime: `2026-11-22T18:${String(minute).padStart(2, '0')}:00Z` },
  });
const names = (sessions: ReturnType<typeof ended>[]) => sessions.map(({ metadata }) => metadata.name);

describe('expiredSessions', () => {
  it('keeps the newest, whatever order they come in', () => {
    const sessions = [3, 1, 5, 2, 4].map((minute) => ended(minute, 'Succeeded'));
    expect(names(expiredSessions(sessions, 2))).toEqual(['Succeeded-3', 'Succeeded-2', 'Succeeded-1']);
  });

  it('keeps the last good and the last bad one, however old', () => {
    const sessions = [
      ended(1, 'Succeeded'),
      ended(2, 'Failed'),
      ended(3, 'Skipped'),
      ended(4, 'Skipped'),
      ended(5, 'Skipped'),
    ];
    expect(names(expiredSessions(sessions, 1))).toEqual(['Skipped-4', 'Skipped-3']);
  });

  it('never touches one that is not over', () => {
    const running = aSession({ status: { phase: 'Running' } });
    expect(expiredSessions([running, aSession()], 0)).toEqual([]);
  });
});

describe('lastEnded', () => {
  it('is the one that ended last, and none where none has', () => {
    expect(lastEnded([ended(1, 'Failed'), ended(2, 'Succeeded'), aSession()])?.metadata.name).toBe(
      'Succeeded-2',
    );
    expect(lastEnded([aSession()])).toBeUndefined();
  });
});
