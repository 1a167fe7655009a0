import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMade, formatRestored, parseMadeLine, parseRestoredLine } from './step-output.ts';

const id = 'ab'.repeat(32);

/** As restic 0.18.1 prints it of `backup --stdin-from-command --stdin-filename dump.sql`. */
const summary = `{"message_type":"summary","files_new":1,"files_changed":0,"files_unmodified":0,"dirs_new":0,"dirs_changed":0,"dirs_unmodified":0,"data_blobs":1,"tree_blobs":1,"data_added":1048980,"data_added_packed":1049036,"total_files_processed":1,"total_bytes_processed":1048576,"total_duration":0.4,"backup_start":"2026-11-24T16:00:00Z","backup_end":"2026-11-24T16:00:01Z","snapshot_id":"${id}"}`;

describe('parseMadeLine', () => {
  it("takes restic's own summary as it is", () => {
    expect(parseMadeLine(summary)).toEqual({
      type: 'summary',
      snapshot: id,
      filesNew: 1,
      filesChanged: 0,
      filesUnmodified: 0,
      totalFiles: 1,
      totalBytes: 1_048_576,
      dataAdded: 1_048_980,
      dataAddedPacked: 1_049_036,
      duration: 0.4,
    });
  });

  it('takes a line that has no more than the id', () => {
    expect(parseMadeLine(`{"message_type":"summary","snapshot_id":"${id.slice(0, 8)}"}`)).toMatchObject({
      snapshot: id.slice(0, 8),
      totalBytes: 0,
    });
  });

  it.each([
    ['text', 'dumping database shop'],
    ['nothing', ''],
    ['progress', '{"message_type":"status","percent_done":0.5,"total_files":1}'],
    ['a summary without a snapshot', '{"message_type":"summary","files_new":1}'],
    ['a name in place of an id', '{"message_type":"summary","snapshot_id":"latest"}'],
    ['an option in place of an id', '{"message_type":"summary","snapshot_id":"--repo=/elsewhere"}'],
    ['an id that is no text', '{"message_type":"summary","snapshot_id":12345678}'],
    ['a number below 0', `{"message_type":"summary","snapshot_id":"${id}","total_bytes_processed":-1}`],
    ['a line that was cut', summary.slice(0, -5)],
    ['a snapshot of something else', `{"snapshot_id":"${id}"}`],
  ])('finds no snapshot in %s', (_, line) => {
    expect(parseMadeLine(line)).toBeUndefined();
  });
});

const count = fc.nat();
const hex = fc.stringMatching(/^[0-9a-f]{8,64}$/);
const sentence = fc.stringMatching(/^[A-Z][A-Za-z]+: .{1,100}$/);

describe('what a step says', () => {
  it('is read back as it was written: of a snapshot', () => {
    const made = fc.record(
      {
        snapshot: hex,
        filesNew: count,
        filesChanged: count,
        filesUnmodified: count,
        totalFiles: count,
        totalBytes: count,
        dataAdded: count,
        dataAddedPacked: count,
        duration: count,
        incomplete: sentence,
        note: sentence,
      },
      {
        requiredKeys: [
          ...(['snapshot', 'filesNew', 'filesChanged', 'filesUnmodified', 'totalFiles'] as const),
          ...(['totalBytes', 'dataAdded', 'dataAddedPacked', 'duration'] as const),
        ],
      },
    );
    fc.assert(
      fc.property(made, (one) => {
        const line = formatMade(one);
        expect(line).not.toContain('\n');
        expect(parseMadeLine(line)).toEqual({ type: 'summary', ...one });
      }),
    );
  });

  it('is read back as it was written: of a restore', () => {
    const restored = fc.record(
      {
        snapshot: hex,
        directory: fc.string({ minLength: 1 }),
        bytesRestored: count,
        filesRestored: count,
        filesSkipped: count,
        isEmpty: fc.constant(true as const),
        note: sentence,
      },
      { requiredKeys: ['snapshot', 'bytesRestored', 'filesRestored', 'filesSkipped'] },
    );
    fc.assert(
      fc.property(restored, (one) => {
        expect(parseRestoredLine(formatRestored(one))).toEqual({ ...one });
      }),
    );
  });
});
