import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionGate } from './session-gate.ts';

const gateOf = (sessions: number, sessionsPerRepository: number) => {
  const woken: string[] = [];
  return {
    gate: new SessionGate({ sessions, sessionsPerRepository }, (session) => woken.push(session)),
    woken,
  };
};

describe('SessionGate', () => {
  it('lets in as many as may run at once, and wakes one that waits for each that leaves', () => {
    const { gate, woken } = gateOf(2, 2);
    expect(['a', 'b', 'c', 'd'].map((session) => gate.tryEnter(session, session, false))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    gate.leave('a');
    expect(woken).toEqual(['c']);
    expect(gate.tryEnter('c', 'c', false)).toBe(true);
  });

  it('holds back those of a repository that has enough, and no others', () => {
    const { gate, woken } = gateOf(10, 1);
    expect(gate.tryEnter('a', 'one', false)).toBe(true);
    expect(gate.tryEnter('b', 'one', false)).toBe(false);
    expect(gate.tryEnter('c', 'two', false)).toBe(true);
    gate.leave('a');
    expect(woken).toEqual(['b']);
  });

  it('is closed to all sessions of a repository while somebody else has it, and then wakes as many as may run', () => {
    const { gate, woken } = gateOf(10, 2);
    expect(gate.tryEnter('a', 'repo', false)).toBe(true);
    expect(gate.tryClose('check', 'repo')).toBe(false);
    gate.leave('a');
    expect(woken).toEqual(['check']);
    expect(gate.tryClose('check', 'repo')).toBe(true);
    expect(gate.tryClose('check', 'repo')).toBe(true);
    expect(gate.tryClose('another', 'repo')).toBe(false);
    expect(['b', 'c', 'd'].map((session) => gate.tryEnter(session, 'repo', false))).toEqual([
      false,
      false,
      false,
    ]);
    expect(gate.tryEnter('e', 'other', false)).toBe(true);
    gate.open('another');
    expect(gate.tryEnter('b', 'repo', false)).toBe(false);
    woken.length = 0;
    gate.open('check');
    expect(woken).toHaveLength(2);
    expect(gate.tryEnter('b', 'repo', false)).toBe(true);
  });

  it('is reserved for one that waits: nobody enters before it, those inside end, and then it has the repository', () => {
    const { gate, woken } = gateOf(10, 2);
    gate.tryEnter('a', 'repo', false);
    gate.tryEnter('b', 'repo', false);
    expect(gate.tryEnter('c', 'repo', false)).toBe(false);
    expect(gate.tryClose('check', 'repo')).toBe(false);
    gate.reserve('check', 'repo');
    gate.leave('a');
    expect(woken).toContain('check');
    expect(gate.tryClose('check', 'repo')).toBe(false);
    expect(gate.tryEnter('c', 'repo', false)).toBe(false);
    expect(gate.tryEnter('b', 'repo', false)).toBe(true);
    expect(gate.keeperOf('repo')).toBe('check');
    expect(gate.tryEnter('d', 'other', false)).toBe(true);
    woken.length = 0;
    gate.leave('b');
    expect(woken).toContain('check');
    expect(gate.tryClose('another', 'repo')).toBe(false);
    expect(gate.tryClose('check', 'repo')).toBe(true);
    woken.length = 0;
    gate.open('check');
    expect(woken).toContain('c');
    expect(gate.keeperOf('repo')).toBeUndefined();
    expect(gate.tryEnter('c', 'repo', false)).toBe(true);
  });

  it('is open again, and wakes whoever waits, where one gives up what it had reserved', () => {
    const { gate, woken } = gateOf(10, 2);
    gate.tryEnter('a', 'repo', false);
    gate.tryClose('check', 'repo');
    gate.reserve('check', 'repo');
    gate.reserve('another', 'repo');
    gate.open('another');
    expect(gate.tryEnter('b', 'repo', false)).toBe(false);
    gate.open('check');
    expect(woken).toEqual(['b']);
    expect(gate.tryEnter('b', 'repo', false)).toBe(true);
  });

  it('gives the place that is free in a reserved repository to a session of another', () => {
    const { gate, woken } = gateOf(1, 1);
    gate.tryEnter('a', 'repo', false);
    gate.tryEnter('b', 'repo', false);
    gate.tryEnter('c', 'other', false);
    gate.tryClose('check', 'repo');
    gate.reserve('check', 'repo');
    gate.leave('a');
    expect(woken).toEqual(['check', 'c']);
  });

  it('is closed for whoever was there already, and takes no place of a session', () => {
    const { gate } = gateOf(1, 1);
    gate.hold('a', 'repo');
    gate.close('check', 'repo');
    gate.leave('a');
    expect(gate.tryEnter('b', 'repo', false)).toBe(false);
    expect(gate.tryEnter('c', 'other', false)).toBe(true);
  });

  const creation = (now = 0) => ({ storage: 'bucket', now });

  it('lets nobody beside one that creates the repository', () => {
    const { gate } = gateOf(10, 4);
    expect(gate.tryEnter('a', 'repo', creation())).toBe(true);
    expect(gate.tryEnter('b', 'repo', creation())).toBe(false);
    expect(gate.tryEnter('a', 'repo', creation())).toBe(true);
  });

  it('keeps two from creating one repository from two namespaces, whoever leads, and nobody out who has it already', () => {
    const { gate, woken } = gateOf(10, 4);
    gate.hold('x/a', 'x/bucket', creation());
    expect(gate.tryEnter('y/a', 'y/bucket', creation())).toBe(false);
    expect(gate.tryEnter('y/b', 'y/bucket', false)).toBe(true);
    gate.leave('y/b');
    gate.leave('x/a');
    expect(woken).toContain('y/a');
    expect(gate.tryEnter('y/a', 'y/bucket', creation())).toBe(true);
    expect(gate.tryEnter('x/a', 'x/bucket', creation())).toBe(false);
  });

  it('lets nobody wait for another namespace for more than ten minutes, however many come there', () => {
    const { gate } = gateOf(10, 4);
    for (const minute of [0, 3, 6, 9]) {
      expect(gate.tryEnter(`x/${minute}`, 'x/bucket', creation(minute * 60_000))).toBe(true);
      expect(gate.tryEnter('y/a', 'y/bucket', creation(minute * 60_000))).toBe(false);
      gate.leave(`x/${minute}`);
    }
    expect(gate.tryEnter('x/last', 'x/bucket', creation(9 * 60_000))).toBe(true);
    expect(gate.tryEnter('y/a', 'y/bucket', creation(10 * 60_000))).toBe(true);
  });

  it('counts what runs already, though it is above the limit', () => {
    const { gate } = gateOf(1, 1);
    gate.hold('a', 'repo');
    gate.hold('b', 'repo');
    gate.leave('a');
    expect(gate.tryEnter('c', 'repo', false)).toBe(false);
    gate.leave('b');
    expect(gate.tryEnter('c', 'repo', false)).toBe(true);
  });

  it('never has more inside than the limits say, and lets everyone through in the end', () => {
    const sessions = fc.uniqueArray(fc.tuple(fc.nat(20), fc.nat(3)), {
      selector: ([id]) => id,
      minLength: 1,
    });
    fc.assert(
      fc.property(
        sessions,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (wanted, all, each) => {
          const repositoryOf = new Map(wanted.map(([id, repository]) => [`s${id}`, `r${repository}`]));
          const inside = new Set<string>();
          const done = new Set<string>();
          const queue = [...repositoryOf.keys()];
          const gate = new SessionGate({ sessions: all, sessionsPerRepository: each }, (session) =>
            queue.push(session),
          );
          for (let rounds = 0; done.size < wanted.length && rounds < 500; rounds++) {
            const session = queue.shift();
            if (session !== undefined && gate.tryEnter(session, repositoryOf.get(session) ?? '', false))
              inside.add(session);
            expect(inside.size).toBeLessThanOrEqual(all);
            for (const repository of repositoryOf.values()) {
              const here = [...inside].filter((id) => repositoryOf.get(id) === repository);
              expect(here.length).toBeLessThanOrEqual(each);
            }
            const [leaving] = inside;
            if (queue.length === 0 && leaving !== undefined) {
              inside.delete(leaving);
              done.add(leaving);
              gate.leave(leaving);
            }
          }
          expect(done.size).toBe(wanted.length);
        },
      ),
    );
  });
});
