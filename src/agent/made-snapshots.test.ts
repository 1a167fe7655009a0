import { describe, expect, test } from 'vitest';
import type { BackupSession } from '../api/backup-session.ts';
import type { Snapshot } from '../restic/output.ts';
import { parseMadeLine } from '../restic/step-output.ts';
import { tagsOf } from '../restic/tags.ts';
import { flawOf, mayBeReported, requireOwn, requireUnreported } from './made-snapshots.ts';

const startTime = Date.parse('2026-11-24T02:00:00Z');
const subject = { namespace: 'shop', configuration: 'nightly', kind: 'AppBinding', name: 'orders' };
const own = { ...subject, host: 'host-0', startTime };
const id = 'ab'.repeat(32);

function snapshotWith(more: Partial<Snapshot> = {}): Snapshot {
  return { id, time: startTime + 10_000, host: 'host-0', tags: [], paths: ['/dump.sql'], ...more };
}

const tagsOfOther = (more: Partial<typeof subject>) =>
  tagsOf({ ...subject, ...more, directory: '/dump.sql' });

describe('a snapshot that a step names', () => {
  test.each([
    ['without tags of ours', {}],
    ['with those of the configuration', { tags: tagsOfOther({}) }],
    ['made by a node whose clock is some minutes behind', { time: startTime - 4 * 60_000 }],
  ])('is taken: %s', (_, more) => {
    expect(() => requireOwn(snapshotWith(more), own)).not.toThrow();
  });

  test.each([
    ['another host', { host: 'job-1' }, /--host=host-0/],
    ['another target', { tags: tagsOfOther({ name: 'carts' }) }, /is of AppBinding shop\/carts/],
    ['another kind', { tags: tagsOfOther({ kind: 'Cluster' }) }, /is of Cluster shop\/orders/],
    ['another configuration', { tags: tagsOfOther({ configuration: 'hourly' }) }, /names as its own/],
    ['another namespace', { tags: tagsOfOther({ namespace: 'bank' }) }, /is of AppBinding bank\/orders/],
    [
      'an earlier session',
      { time: startTime - 6 * 60_000 },
      /of 2026-11-24T01:54:00.000Z, before the session/,
    ],
  ])('is refused where it is of %s', (_, more, message) => {
    expect(() => requireOwn(snapshotWith(more), own)).toThrow(
      expect.objectContaining({ reason: 'SnapshotOfOther', message: expect.stringMatching(message) }),
    );
  });
});

describe('a snapshot that an earlier session has reported', () => {
  const sessionOf = (name: string, snapshot: string) =>
    ({ metadata: { name }, status: { stats: [{ snapshot }] } }) as BackupSession;

  test.each([
    ['has tags, and may be of seconds ago', { tags: tagsOfOther({}), time: startTime - 1000 }, true],
    ['may be of a node whose clock is ahead', { tags: tagsOfOther({}), time: startTime + 4 * 60_000 }, true],
    ['is none without tags of ours', { tags: ['daily'], time: startTime - 1000 }, false],
    ['is none of long after', { tags: tagsOfOther({}), time: startTime + 6 * 60_000 }, false],
  ])('%s', (_, more, may) => {
    expect(mayBeReported(snapshotWith(more), own)).toBe(may);
  });

  test('is not what this one made', () => {
    const others = [sessionOf('nightly-1', 'cdcdcdcd'), sessionOf('nightly-2', id.slice(0, 8))];
    expect(() => requireUnreported(snapshotWith(), others)).toThrow(
      expect.objectContaining({
        reason: 'SnapshotOfOther',
        message: expect.stringMatching(
          /^snapshot abababab, .* is what BackupSession nightly-2 made: let the/,
        ),
      }),
    );
    expect(() => requireUnreported(snapshotWith(), others.slice(0, 1))).not.toThrow();
  });
});

describe('the flaw of a snapshot', () => {
  const lineOf = (more: object) => {
    const made = parseMadeLine(JSON.stringify({ message_type: 'summary', snapshot_id: id, ...more }));
    if (made === undefined) throw new Error('the line names no snapshot');
    return made;
  };

  test.each<[string, Partial<Snapshot>, object, boolean, RegExp | undefined]>([
    ['none of a dump', { totalBytes: 7 }, { total_bytes_processed: 7 }, false, undefined],
    ['none of a dump whose step tells no more than its id', { totalBytes: 7 }, {}, false, undefined],
    ['none of an empty volume', { totalBytes: 0 }, { total_bytes_processed: 0 }, true, undefined],
    ['what the step says', { tags: ['incomplete'] }, { incomplete: 'Why: so' }, true, /^Why: so$/],
    ['a mark alone', { tags: ['incomplete'], totalBytes: 7 }, {}, true, /^SnapshotIncomplete: .*abababab/],
    [
      'a dump of nothing, whatever its step says',
      { totalBytes: 0 },
      { total_bytes_processed: 7 },
      false,
      /^DumpEmpty: /,
    ],
    ['a dump of nothing by an old restic', {}, { total_bytes_processed: 0 }, false, /^DumpEmpty: /],
  ])('is: %s', (_, more, line, mayBeEmpty, flaw) => {
    const found = flawOf(snapshotWith(more), lineOf(line), mayBeEmpty);
    if (flaw === undefined) expect(found).toBeUndefined();
    else expect(`${found?.reason}: ${found?.message}`).toMatch(flaw);
  });
});
