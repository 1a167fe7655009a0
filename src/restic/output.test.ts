import { describe, expect, test } from 'vitest';
import { UnreadableOutputError } from './json.ts';
import {
  parseCheck,
  parseConfig,
  parseDirectory,
  parseForget,
  parseInit,
  parseSnapshots,
  parseStats,
  parseTagged,
} from './output.ts';

const snapshot = {
  time: '2026-11-22T18:21:51.428010881Z',
  tree: '36cdab0b',
  paths: ['/data'],
  hostname: 'host-0',
  username: 'root',
  tags: ['configuration=web'],
  program_version: 'restic 0.18.1',
  id: 'a942a90b6e01ea51fd76efdd57fd4f3cd7b2bb591a6250943b5277e47ab91678',
  short_id: 'a942a90b',
};
const parsed = {
  id: snapshot.id,
  time: Date.parse('2026-11-22T18:21:51.428Z'),
  host: 'host-0',
  tags: ['configuration=web'],
  paths: ['/data'],
};

describe('the output of', () => {
  test('check counts the errors that it found, and none where it could not look', () => {
    const summary = (errors: number) =>
      `{"message_type":"summary","num_errors":${errors},"broken_packs":null}`;
    const exit = '{"message_type":"exit_error","code":1,"message":"Fatal: repository contains errors"}';
    expect(parseCheck(`{"message_type":"error","message":"x"}\n${summary(2)}\n${exit}`)).toBe(2);
    expect(parseCheck(`unable to lock\n${summary(1)}\n${exit}`)).toBe(0);
    expect(parseCheck(summary(0))).toBe(0);
    expect(parseCheck('')).toBe(0);
  });

  test('stats counts snapshots and bytes', () => {
    expect(parseStats('{"total_size":36696,"total_blob_count":32,"snapshots_count":1}')).toEqual({
      snapshots: 1,
      bytes: 36696,
    });
    expect(() => parseStats('nothing')).toThrow(UnreadableOutputError);
  });

  test('init has the id of the new repository', () => {
    expect(parseInit('created\n{"message_type":"initialized","id":"ccb6d543","repository":"/repo"}\n')).toBe(
      'ccb6d543',
    );
  });

  test('cat config has the id of the repository, over several lines', () => {
    expect(parseConfig('{\n  "version": 2,\n  "id": "ccb6d543",\n  "chunker_polynomial": "2e2f"\n}\n')).toBe(
      'ccb6d543',
    );
  });

  test('snapshots is brought into order', () => {
    const newer = { ...snapshot, id: 'b', time: '2026-11-22T20:00:00+01:00', tags: null };
    expect(parseSnapshots(JSON.stringify([newer, snapshot]))).toEqual([
      parsed,
      { ...parsed, id: 'b', time: Date.parse('2026-11-22T19:00:00Z'), tags: [] },
    ]);
    expect(parseSnapshots(JSON.stringify([{ ...snapshot, excludes: ['*.tmp'] }]))).toEqual([
      { ...parsed, excludes: ['*.tmp'] },
    ]);
    expect(parseSnapshots('[]\n')).toEqual([]);
  });

  test('snapshots has the size of those that tell it', () => {
    const empty = { ...snapshot, summary: { files_new: 1, total_bytes_processed: 0 } };
    expect(parseSnapshots(JSON.stringify([empty]))).toEqual([{ ...parsed, totalBytes: 0 }]);
  });

  test('snapshots in groups is one list', () => {
    const newer = {
      ...snapshot,
      id: 'b',
      time: '2026-11-22T19:00:00Z',
      tags: ['configuration=web', 'incomplete'],
    };
    const groups = [newer, snapshot].map((member) => ({
      group_key: { hostname: 'host-0', paths: ['/data'], tags: member.tags },
      snapshots: [member],
    }));
    expect(parseSnapshots(JSON.stringify(groups))).toEqual(parseSnapshots(JSON.stringify([snapshot, newer])));
  });

  test('tag has the ids that the snapshots have now, among text', () => {
    const changed = (before: string, now: string) =>
      JSON.stringify({ message_type: 'changed', old_snapshot_id: before, new_snapshot_id: now });
    const summary = JSON.stringify({ message_type: 'summary', changed_snapshots: 2 });
    const lines = ['create exclusive lock for repository', changed('a', 'b'), changed('c', 'd'), summary];
    expect(['a', 'c'].map((id) => parseTagged(lines.join('\n'), id))).toEqual(['b', 'd']);
    expect(() => parseTagged(lines.join('\n'), 'b')).toThrow(UnreadableOutputError);
  });

  test('forget has its groups on the first line, before the text of prune', () => {
    const group = {
      tags: ['configuration=web'],
      host: 'host-0',
      paths: null,
      keep: [snapshot],
      remove: null,
      reasons: [],
    };
    expect(parseForget(`${JSON.stringify([group])}\nloading indexes...\n[0:00] 100.00%\n`)).toEqual([
      { tags: ['configuration=web'], host: 'host-0', keep: [parsed], remove: [] },
    ]);
  });

  test('forget is empty where no snapshot has the tags', () => {
    expect(parseForget('')).toEqual([]);
    expect(parseForget('\n')).toEqual([]);
  });

  const listed = [
    JSON.stringify({ ...snapshot, message_type: 'snapshot', struct_type: 'snapshot' }),
    '{"name":"data","type":"dir","path":"/data","uid":1000,"gid":2000,"mode":2148532735,"mtime":"2001-02-03T04:05:06.7891234+01:00","permissions":"dtrwxrwxrwx","message_type":"node","struct_type":"node"}',
    '{"name":"file","type":"file","path":"/file","uid":0,"gid":0,"mode":420,"message_type":"node","struct_type":"node"}',
  ].join('\n');

  test('ls has owner, mode and time of a directory', () => {
    const modified = Date.parse('2001-02-03T03:05:06Z') / 1000 + 0.7891234;
    expect(parseDirectory(listed, 'data')).toEqual({ uid: 1000, gid: 2000, mode: 0o1777, modified });
  });

  test.each(['file', 'other', 'dat'])('ls has no directory called %s', (name) => {
    expect(parseDirectory(listed, name)).toBeUndefined();
  });

  test.each([
    [2147484141, 0o755],
    [2147484096 + 2 ** 23, 0o4700],
    [2147484096 + 2 ** 22, 0o2700],
  ])('ls has the mode %d of Go, which is %o', (mode, expected) => {
    const node = JSON.stringify({ type: 'dir', path: '/d', mode, struct_type: 'node' });
    expect(parseDirectory(node, 'd')).toEqual({ uid: 0, gid: 0, mode: expected });
  });

  test.each<[string, () => unknown]>([
    ['init', () => parseInit('')],
    ['init', () => parseInit('{"message_type":"initialized"}')],
    ['cat config', () => parseConfig('[]')],
    ['cat config', () => parseConfig('{"id":7}')],
    ['snapshots', () => parseSnapshots('')],
    ['snapshots', () => parseSnapshots('{}')],
    ['snapshots', () => parseSnapshots('[{"id":"a"}]')],
    ['snapshots', () => parseSnapshots('[null]')],
    ['snapshots', () => parseSnapshots('[{"group_key":{}}]')],
    ['tag', () => parseTagged('{"message_type":"summary","changed_snapshots":0}', 'a')],
    ['forget', () => parseForget('loading indexes...')],
    ['forget', () => parseForget('[{"keep":7}]')],
    ['forget', () => parseForget('[7]')],
    ['ls', () => parseDirectory('{"type":"dir","path":"/d","mode":"x","struct_type":"node"}', 'd')],
  ])('%s is refused where it is not what it must be', (command, parse) => {
    expect(parse).toThrow(UnreadableOutputError);
    expect(parse).toThrow(`restic ${command} ended well, but`);
  });
});
