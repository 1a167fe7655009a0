import { isJsonObject, parseJson, stringOf } from './json.ts';
import { type BackupSummary, parseBackupLine, parseRestoreLine } from './messages.ts';

/**
 * What the steps of a Task leave for the last one: lines of JSON, of which those count that name a snapshot. The `summary` that
 * `restic backup --json` prints is such a line as it stands, so that a step may be restic itself with its output in a file.
 */

/** A snapshot that a step made. */
export interface MadeSnapshot extends Omit<BackupSummary, 'snapshot'> {
  /** Its id, whole or shortened. */
  readonly snapshot: string;
  /** Why it lacks some of what was to be backed up, as `REASON: sentence`. */
  readonly incomplete?: string;
  /** What is to be known of it although it is as it was to be, as `REASON: sentence`. */
  readonly note?: string;
}

/** What a step restored of one directory. */
export interface RestoredSnapshot {
  readonly snapshot: string;
  /** As it stands in the snapshot. */
  readonly directory?: string;
  readonly bytesRestored: number;
  readonly filesRestored: number;
  readonly filesSkipped: number;
  /** The directory is in the snapshot, and nothing in it: there was nothing to restore, and no mistake. */
  readonly isEmpty?: true;
  /** What is to be known of it although it went well, as `REASON: sentence`. */
  readonly note?: string;
}

/** An id as restic shows it. Any other text could name a snapshot that nobody meant, such as "latest". */
const SNAPSHOT_ID = /^[0-9a-f]{8,64}$/;

/** The snapshot that a line of a backup's step names; undefined where it names none. */
export function parseMadeLine(line: string): MadeSnapshot | undefined {
  const summary = parseBackupLine(line);
  if (summary.type !== 'summary' || !isId(summary.snapshot)) return undefined;
  const incomplete = memberOf(line, 'incomplete');
  const note = memberOf(line, 'note');
  return {
    ...summary,
    snapshot: summary.snapshot,
    ...(incomplete !== undefined && { incomplete }),
    ...(note !== undefined && { note }),
  };
}

/** What a line of a restore's step says was restored; undefined where it names no snapshot. */
export function parseRestoredLine(line: string): RestoredSnapshot | undefined {
  const summary = parseRestoreLine(line);
  const snapshot = memberOf(line, 'snapshot_id');
  if (summary.type !== 'summary' || !isId(snapshot)) return undefined;
  const directory = memberOf(line, 'directory');
  const note = memberOf(line, 'note');
  return {
    snapshot,
    ...(directory !== undefined && { directory }),
    bytesRestored: summary.bytesRestored,
    filesRestored: summary.filesRestored,
    filesSkipped: summary.filesSkipped,
    ...(isEmpty(line) && { isEmpty: true }),
    ...(note !== undefined && { note }),
  };
}

/** The line of a snapshot, in restic's own form, without the line feed. */
export function formatMade(made: Omit<MadeSnapshot, 'type'>): string {
  return JSON.stringify({
    message_type: 'summary',
    snapshot_id: made.snapshot,
    files_new: made.filesNew,
    files_changed: made.filesChanged,
    files_unmodified: made.filesUnmodified,
    total_files_processed: made.totalFiles,
    total_bytes_processed: made.totalBytes,
    data_added: made.dataAdded,
    data_added_packed: made.dataAddedPacked,
    total_duration: made.duration,
    incomplete: made.incomplete,
    note: made.note,
  });
}

/** The line of what was restored, without the line feed. */
export function formatRestored(restored: RestoredSnapshot): string {
  return JSON.stringify({
    message_type: 'summary',
    snapshot_id: restored.snapshot,
    directory: restored.directory,
    bytes_restored: restored.bytesRestored,
    files_restored: restored.filesRestored,
    files_skipped: restored.filesSkipped,
    empty: restored.isEmpty,
    note: restored.note,
  });
}

function isId(text: string | undefined): text is string {
  return text !== undefined && SNAPSHOT_ID.test(text);
}

function isEmpty(line: string): boolean {
  const object = parseJson(line);
  return isJsonObject(object) && object.empty === true;
}

function memberOf(line: string, key: string): string | undefined {
  const object = parseJson(line);
  return isJsonObject(object) ? stringOf(object, key) : undefined;
}
