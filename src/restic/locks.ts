import { isJsonObject, parseJson, stringOf, UnreadableOutputError } from './json.ts';

/**
 * How old a lock is, in milliseconds, that nobody holds any more. Whoever holds one writes it anew every five minutes, and gives up what it
 * does where it could not for this long.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/100_references.html#locks
 */
export const STALE_AFTER = 30 * 60_000;

/** A lock of a repository. */
export interface Lock {
  /** When its holder last wrote it, milliseconds since the epoch. */
  readonly time: number;
  /** Of the holder. */
  readonly hostname: string;
}

/** The ids that `list locks` printed. */
export function parseLockIds(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
}

/** The lock that `cat lock` printed. @throws {UnreadableOutputError} */
export function parseLock(stdout: string): Lock {
  const lock = parseJson(stdout);
  const time = isJsonObject(lock) ? Date.parse(stringOf(lock, 'time') ?? '') : Number.NaN;
  const hostname = isJsonObject(lock) ? stringOf(lock, 'hostname') : undefined;
  if (Number.isNaN(time) || hostname === undefined) {
    throw new UnreadableOutputError('cat lock', 'it has no time or hostname', stdout);
  }
  return { time, hostname };
}
