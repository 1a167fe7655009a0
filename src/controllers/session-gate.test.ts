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

  it('is closed for whoever was there already, and takes no place of a session', () => {
    const { gate } = gateOf(1, 1);
    gate.hold('a', 'repo');
    gate.close('check', 'repo');
    gate.leave('a');
    expect(gate.tryEnter('b', 'repo', false)).toBe(false);
    expect(gate.tryEnter('c', 'other', false)).toBe(true);
  });

  it('lets nobody beside one that creates the repository', () => {
    const { gate } = gateOf(10, 4);
    expect(gate.tryEnter('a', 'repo', true)).toBe(true);
    expect(gate.tryEnter('b', 'repo', true)).toBe(false);
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
