import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBackupLine, parseErrorLine, parseRestoreLine } from './messages.ts';

// Lines as restic 0.18.1 prints them.
describe('a line of restic backup', () => {
  test('tells of progress', () => {
    expect(
      parseBackupLine(
        '{"message_type":"status","seconds_elapsed":1,"percent_done":0.5656573712223555,"total_files":5,"files_done":4,"total_bytes":419430408,"bytes_done":237253902,"current_files":["/tmp/rs/data/big"]}',
      ),
    ).toEqual({
      type: 'progress',
      totalFiles: 5,
      filesDone: 4,
      totalBytes: 419430408,
      bytesDone: 237253902,
      fraction: 0.5656573712223555,
    });
  });

  test('tells of progress where zeros are left out', () => {
    expect(parseBackupLine('{"message_type":"status","percent_done":0}')).toEqual({
      type: 'progress',
      totalFiles: 0,
      filesDone: 0,
      totalBytes: 0,
      bytesDone: 0,
      fraction: 0,
    });
  });

  test('tells of the snapshot', () => {
    expect(
      parseBackupLine(
        '{"message_type":"summary","files_new":2,"files_changed":1,"files_unmodified":3,"dirs_new":0,"dirs_changed":4,"dirs_unmodified":0,"data_blobs":188,"tree_blobs":4,"data_added":315125958,"data_added_packed":314604649,"total_files_processed":5,"total_bytes_processed":419430408,"total_duration":2.677681316,"backup_start":"2026-11-22T18:22:19.452475416Z","backup_end":"2026-11-22T18:22:22.130156708Z","snapshot_id":"1a4a58326b03d5771cd6a7526d8e95d421f2759fe1144e249b9d1dd35e2afe20"}',
      ),
    ).toEqual({
      type: 'summary',
      snapshot: '1a4a58326b03d5771cd6a7526d8e95d421f2759fe1144e249b9d1dd35e2afe20',
      filesNew: 2,
      filesChanged: 1,
      filesUnmodified: 3,
      totalFiles: 5,
      totalBytes: 419430408,
      dataAdded: 315125958,
      dataAddedPacked: 314604649,
      duration: 2.677681316,
    });
  });

  test('tells that there is no snapshot', () => {
    expect(parseBackupLine('{"message_type":"summary"}')).toMatchObject({
      type: 'summary',
      snapshot: undefined,
    });
  });

  test.each([
    '{"message_type":"summary","files_new":-1,"snapshot_id":"1a4a5832"}',
    '{"message_type":"summary","files_new":"2","snapshot_id":"1a4a5832"}',
    '{"message_type":"status","percent_done":null,"total_files":[]}',
    '{"message_type":"verbose_status","action":"new"}',
    '{"message_type":"from_a_later_version"}',
    '{"message_type":"constructor"}',
    '{}',
  ])('with what is not understood is no summary: %s', (line) => {
    expect(parseBackupLine(line)).toEqual({ type: 'unknown' });
  });

  test('tells of a file that cannot be read', () => {
    expect(
      parseBackupLine(
        '{"message_type":"error","error":{"message":"open /data/no: permission denied"},"during":"archival","item":"/data/no"}',
      ),
    ).toEqual({ type: 'error', item: '/data/no', message: 'open /data/no: permission denied' });
  });
});

describe('a line of restic restore', () => {
  test('tells of progress and of the end', () => {
    expect(
      parseRestoreLine(
        '{"message_type":"status","seconds_elapsed":1,"percent_done":0.9791368415458579,"total_files":7,"files_restored":3,"total_bytes":419430405,"bytes_restored":410679762}',
      ),
    ).toEqual({
      type: 'progress',
      totalFiles: 7,
      filesDone: 3,
      totalBytes: 419430405,
      bytesDone: 410679762,
      fraction: 0.9791368415458579,
    });
    expect(
      parseRestoreLine(
        '{"message_type":"summary","seconds_elapsed":1,"total_files":7,"files_restored":6,"files_skipped":1,"total_bytes":419430405,"bytes_restored":419430400,"bytes_skipped":5}',
      ),
    ).toEqual({
      type: 'summary',
      totalFiles: 7,
      filesRestored: 6,
      filesSkipped: 1,
      filesDeleted: 0,
      totalBytes: 419430405,
      bytesRestored: 419430400,
      bytesSkipped: 5,
    });
  });
});

describe('any line', () => {
  test('that is not JSON is text, of bounded length', () => {
    expect(parseErrorLine(' unknown flag: --bogus\r')).toEqual({
      type: 'text',
      text: 'unknown flag: --bogus',
    });
    expect(parseErrorLine('\u001b[2Ksignal terminated received, cleaning up')).toEqual({
      type: 'text',
      text: 'signal terminated received, cleaning up',
    });
    expect(parseErrorLine('x'.repeat(100_000))).toEqual({ type: 'text', text: `${'x'.repeat(2000)}…` });
  });

  test('of the end of restic is its last word', () => {
    expect(
      parseErrorLine(
        '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}',
      ),
    ).toEqual({
      type: 'exit',
      message: 'Fatal: wrong password or no key found',
    });
  });

  test('is read without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        fc.constantFrom('status', 'summary', 'error', 'exit_error'),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (text, type, rest) => {
          for (const line of [text, JSON.stringify({ ...rest, message_type: type })]) {
            expect(parseBackupLine(line).type).toEqual(expect.any(String));
            expect(parseRestoreLine(line).type).toEqual(expect.any(String));
          }
        },
      ),
    );
  });
});
