import {
  isJsonObject,
  type JsonObject,
  numbersOf,
  parseJson,
  stringOf,
  stringsOf,
  UnreadableOutputError,
} from './json.ts';

/**
 * What commands that succeeded print as a whole on stdout; messages.ts has those that report while they run.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/075_scripting.html
 */

export interface Snapshot {
  /** The whole id. */
  readonly id: string;
  /** When the backup began, milliseconds since the epoch. */
  readonly time: number;
  readonly host: string;
  readonly tags: readonly string[];
  readonly paths: readonly string[];
  /** The patterns that the backup was given, which are about whole paths. */
  readonly excludes?: readonly string[];
  /** Of all files in it. Only restic from 0.17 on leaves it in the repository. */
  readonly totalBytes?: number;
}

export interface ForgetGroup {
  readonly host: string;
  readonly tags: readonly string[];
  readonly keep: readonly Snapshot[];
  /** Removed, or what would be with dryRun. */
  readonly remove: readonly Snapshot[];
}

/** A directory as a snapshot holds it. */
export interface DirectoryNode {
  readonly uid: number;
  readonly gid: number;
  /** Permissions with setuid, setgid and sticky bit, as chmod(2) takes them. */
  readonly mode: number;
  /** When it was last changed, in seconds since the epoch, to the microsecond. */
  readonly modified?: number;
}

/**
 * The id of the repository that `init` made.
 *
 * @throws {UnreadableOutputError} as all functions here do where the output lacks what it must have
 */
export function parseInit(stdout: string): string {
  const objects = stdout.split('\n').map(parseJson).filter(isJsonObject);
  const initialized = objects.find((object) => object.message_type === 'initialized');
  const id = initialized && stringOf(initialized, 'id');
  if (id === undefined) throw new UnreadableOutputError('init', 'it names no repository id', stdout);
  return id;
}

/** The id of the repository whose configuration `cat config` printed. */
export function parseConfig(stdout: string): string {
  const config = parseJson(stdout);
  const id = isJsonObject(config) ? stringOf(config, 'id') : undefined;
  if (id === undefined) throw new UnreadableOutputError('cat config', 'it names no repository id', stdout);
  return id;
}

/** The snapshots that `snapshots` listed, in groups or not, oldest first. */
export function parseSnapshots(stdout: string): Snapshot[] {
  const list = parseJson(stdout);
  if (!Array.isArray(list)) throw new UnreadableOutputError('snapshots', 'it is no list', stdout);
  return list
    .flatMap((item) => (isJsonObject(item) && 'group_key' in item ? membersOf(item) : [item]))
    .map((item) => snapshotOf('snapshots', item))
    .sort((a, b) => a.time - b.time);
}

function membersOf({ snapshots }: JsonObject): unknown[] {
  if (Array.isArray(snapshots)) return snapshots;
  throw new UnreadableOutputError('snapshots', 'a group has no list', JSON.stringify(snapshots) ?? '');
}

/** The id that `snapshot` has now, after `tag` put a tag on it and perhaps others. Text comes before; of one that is not there nothing is said. */
export function parseTagged(stdout: string, snapshot: string): string {
  const objects = stdout.split('\n').map(parseJson).filter(isJsonObject);
  const changed = objects.find((object) => stringOf(object, 'old_snapshot_id') === snapshot);
  const id = changed && stringOf(changed, 'new_snapshot_id');
  if (id === undefined) throw new UnreadableOutputError('tag', `it names no changed ${snapshot}`, stdout);
  return id;
}

/** What `forget` kept and removed. With --prune text follows the list, and nothing at all is printed where no snapshot has the tags. */
export function parseForget(stdout: string): ForgetGroup[] {
  const [first = ''] = stdout.split('\n', 1);
  if (stdout.trim() === '') return [];
  const groups = parseJson(first);
  if (!Array.isArray(groups)) throw new UnreadableOutputError('forget', 'it is no list', stdout);
  return groups.map((group) => {
    if (!isJsonObject(group)) throw new UnreadableOutputError('forget', 'a group is no object', stdout);
    return {
      host: stringOf(group, 'host') ?? '',
      tags: stringsOf(group, 'tags'),
      keep: snapshotsOf(group, 'keep'),
      remove: snapshotsOf(group, 'remove'),
    };
  });
}

/**
 * How many errors `check` found in the repository; 0 where it found none, or could not look. restic 0.18 counts one error where it never
 * got as far as to look, too, but only what it found it tells as messages of their own.
 *
 * @param output - of stdout and stderr, line by line
 */
export function parseCheck(output: string): number {
  const objects = output.split('\n').map(parseJson).filter(isJsonObject);
  const summary = objects.find((object) => object.message_type === 'summary');
  const hasFound = objects.some((object) => object.message_type === 'error');
  return hasFound && summary !== undefined ? (numbersOf(summary, 'num_errors')?.num_errors ?? 0) : 0;
}

/** What `stats` of the raw data counted. */
export function parseStats(stdout: string): { snapshots: number; bytes: number } {
  const stats = parseJson(stdout);
  const numbers = isJsonObject(stats) ? numbersOf(stats, 'snapshots_count', 'total_size') : undefined;
  if (numbers === undefined) throw new UnreadableOutputError('stats', 'it counts nothing', stdout);
  return { snapshots: numbers.snapshots_count, bytes: numbers.total_size };
}

/** The node called `name` among what `ls` listed; undefined where the snapshot has no such directory. */
export function parseDirectory(stdout: string, name: string): DirectoryNode | undefined {
  for (const line of stdout.split('\n')) {
    const node = parseJson(line);
    if (!isJsonObject(node) || node.struct_type !== 'node') continue;
    if (node.type !== 'dir' || node.path !== `/${name}`) continue;
    const numbers = numbersOf(node, 'uid', 'gid', 'mode');
    if (numbers === undefined) throw new UnreadableOutputError('ls', 'a node has no owner or mode', line);
    const modified = secondsOf(stringOf(node, 'mtime') ?? '');
    return {
      uid: numbers.uid,
      gid: numbers.gid,
      mode: unixMode(numbers.mode),
      ...(modified !== undefined && { modified }),
    };
  }
  return undefined;
}

/** An RFC 3339 instant with any fraction of a second; Date.parse would cut it to milliseconds. */
function secondsOf(instant: string): number | undefined {
  const milliseconds = Date.parse(instant.replace(/\.\d+/, ''));
  if (Number.isNaN(milliseconds)) return undefined;
  return milliseconds / 1000 + Number(/\.\d+/.exec(instant)?.[0] ?? 0);
}

// Bits of Go's os.FileMode.
const GO_SETUID = 2 ** 23;
const GO_SETGID = 2 ** 22;
const GO_STICKY = 2 ** 20;

function unixMode(mode: number): number {
  const permissions = mode & 0o777;
  const setuid = (mode & GO_SETUID) === 0 ? 0 : 0o4000;
  const setgid = (mode & GO_SETGID) === 0 ? 0 : 0o2000;
  const sticky = (mode & GO_STICKY) === 0 ? 0 : 0o1000;
  return permissions | setuid | setgid | sticky;
}

function snapshotsOf(group: JsonObject, key: 'keep' | 'remove'): Snapshot[] {
  const list = group[key] ?? [];
  if (!Array.isArray(list)) {
    throw new UnreadableOutputError('forget', `"${key}" is no list`, JSON.stringify(list));
  }
  return list.map((item) => snapshotOf('forget', item));
}

function snapshotOf(command: string, item: unknown): Snapshot {
  const snapshot = isJsonObject(item) ? item : {};
  const id = stringOf(snapshot, 'id');
  const time = Date.parse(stringOf(snapshot, 'time') ?? '');
  if (id === undefined || Number.isNaN(time)) {
    throw new UnreadableOutputError(command, 'a snapshot has no id or time', JSON.stringify(item));
  }
  const numbers = isJsonObject(snapshot.summary)
    ? numbersOf(snapshot.summary, 'total_bytes_processed')
    : undefined;
  const excludes = stringsOf(snapshot, 'excludes');
  return {
    id,
    time,
    host: stringOf(snapshot, 'hostname') ?? '',
    tags: stringsOf(snapshot, 'tags'),
    paths: stringsOf(snapshot, 'paths'),
    ...(excludes.length > 0 && { excludes }),
    ...(numbers !== undefined && { totalBytes: numbers.total_bytes_processed }),
  };
}
