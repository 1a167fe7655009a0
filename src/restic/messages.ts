import { stripVTControlCharacters } from 'node:util';
import { isJsonObject, type JsonObject, numbersOf, parseJson, stringOf } from './json.ts';

/** How far a backup or restore has come. */
export interface Progress {
  readonly type: 'progress';
  readonly totalFiles: number;
  readonly filesDone: number;
  readonly totalBytes: number;
  readonly bytesDone: number;
  /** From 0 to 1. */
  readonly fraction: number;
}

export interface BackupSummary {
  readonly type: 'summary';
  /** The whole id; undefined where restic made no snapshot. */
  readonly snapshot: string | undefined;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  readonly totalFiles: number;
  readonly totalBytes: number;
  /** Bytes that were new to the repository, before compression. */
  readonly dataAdded: number;
  /** Bytes that were new to the repository, as they are stored. */
  readonly dataAddedPacked: number;
  /** Seconds. */
  readonly duration: number;
}

export interface RestoreSummary {
  readonly type: 'summary';
  readonly totalFiles: number;
  readonly filesRestored: number;
  readonly filesSkipped: number;
  readonly filesDeleted: number;
  readonly totalBytes: number;
  readonly bytesRestored: number;
  readonly bytesSkipped: number;
}

/** One file or directory that could not be read or written. */
export interface ItemError {
  readonly type: 'error';
  /** Usually a path. */
  readonly item: string;
  readonly message: string;
}

/** restic's last word where it fails. Its exit code decides all the same: not every failure is said in JSON. */
export interface ExitError {
  readonly type: 'exit';
  readonly message: string;
}

/** A line that is not JSON: good as the detail of an error message, and for nothing else. */
export interface Text {
  readonly type: 'text';
  readonly text: string;
}

/** A message of a kind, or with a content, that is not known. Newer versions of restic may add kinds. */
export interface Unknown {
  readonly type: 'unknown';
}

type AnyMessage = ItemError | ExitError | Text | Unknown;

/**
 * A line that `restic backup --json` prints; errors come on stderr, the rest on stdout. Texts are cut short: take secrets out of
 * the line before (redact.ts), not after.
 */
export function parseBackupLine(line: string): Progress | BackupSummary | AnyMessage {
  return parseLine<Progress | BackupSummary>(line, {
    status: (object) => progressOf(object, 'files_done', 'bytes_done'),
    summary: backupSummaryOf,
  });
}

/** A line that `restic restore --json` prints, on stdout or stderr. */
export function parseRestoreLine(line: string): Progress | RestoreSummary | AnyMessage {
  return parseLine<Progress | RestoreSummary>(line, {
    status: (object) => progressOf(object, 'files_restored', 'bytes_restored'),
    summary: restoreSummaryOf,
  });
}

/** A line that any other command prints on stderr. */
export function parseErrorLine(line: string): AnyMessage {
  return parseLine<never>(line, {});
}

const LONGEST_TEXT = 2000;

function parseLine<Message>(
  line: string,
  readers: Record<string, (object: JsonObject) => Message | undefined>,
): Message | AnyMessage {
  const object = parseJson(line);
  if (!isJsonObject(object)) return { type: 'text', text: bounded(line) };
  const type = stringOf(object, 'message_type') ?? '';
  if (type === 'error') return itemErrorOf(object);
  if (type === 'exit_error') return { type: 'exit', message: bounded(stringOf(object, 'message') ?? '') };
  const reader = Object.hasOwn(readers, type) ? readers[type] : undefined;
  return reader?.(object) ?? { type: 'unknown' };
}

function itemErrorOf(object: JsonObject): ItemError {
  const error = isJsonObject(object.error) ? object.error : object;
  return {
    type: 'error',
    item: bounded(stringOf(object, 'item') ?? ''),
    message: bounded(stringOf(error, 'message') ?? 'no reason given'),
  };
}

function progressOf<Files extends string, Bytes extends string>(
  object: JsonObject,
  files: Files,
  bytes: Bytes,
): Progress | undefined {
  const numbers = numbersOf<string>(object, 'percent_done', 'total_files', files, 'total_bytes', bytes);
  if (numbers === undefined) return undefined;
  return {
    type: 'progress',
    totalFiles: numbers.total_files ?? 0,
    filesDone: numbers[files] ?? 0,
    totalBytes: numbers.total_bytes ?? 0,
    bytesDone: numbers[bytes] ?? 0,
    fraction: Math.min(1, numbers.percent_done ?? 0),
  };
}

function backupSummaryOf(object: JsonObject): BackupSummary | undefined {
  const numbers = numbersOf(
    object,
    'files_new',
    'files_changed',
    'files_unmodified',
    'total_files_processed',
    'total_bytes_processed',
    'data_added',
    'data_added_packed',
    'total_duration',
  );
  if (numbers === undefined) return undefined;
  return {
    type: 'summary',
    snapshot: stringOf(object, 'snapshot_id'),
    filesNew: numbers.files_new,
    filesChanged: numbers.files_changed,
    filesUnmodified: numbers.files_unmodified,
    totalFiles: numbers.total_files_processed,
    totalBytes: numbers.total_bytes_processed,
    dataAdded: numbers.data_added,
    dataAddedPacked: numbers.data_added_packed,
    duration: numbers.total_duration,
  };
}

function restoreSummaryOf(object: JsonObject): RestoreSummary | undefined {
  const numbers = numbersOf(
    object,
    'total_files',
    'files_restored',
    'files_skipped',
    'files_deleted',
    'total_bytes',
    'bytes_restored',
    'bytes_skipped',
  );
  if (numbers === undefined) return undefined;
  return {
    type: 'summary',
    totalFiles: numbers.total_files,
    filesRestored: numbers.files_restored,
    filesSkipped: numbers.files_skipped,
    filesDeleted: numbers.files_deleted,
    totalBytes: numbers.total_bytes,
    bytesRestored: numbers.bytes_restored,
    bytesSkipped: numbers.bytes_skipped,
  };
}

function bounded(text: string): string {
  const trimmed = stripVTControlCharacters(text).trim();
  return trimmed.length > LONGEST_TEXT ? `${trimmed.slice(0, LONGEST_TEXT)}…` : trimmed;
}
