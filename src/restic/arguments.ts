import { posix } from 'node:path';
import type { Tags } from './tags.ts';

/**
 * Arguments of restic commands, without the name of the program. What a user wrote never becomes an option: values stand in
 * the form --option=value, and operands after `--`. No secret is ever among them; see environment.ts.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/manual_rest.html
 */

/** How long a command waits for a lock that another one holds, as a Go duration. */
export const DEFAULT_RETRY_LOCK = '5m';

export interface Locking {
  /** How long it waits for a lock that another restic holds, as a Go duration; of that it says nothing. */
  readonly retryLock?: string;
}

export interface BackupOptions extends Locking {
  readonly host: string;
  readonly tags: Tags;
  /** One directory, since restic skips a missing one among several and still succeeds. */
  readonly directory: string;
  /** Patterns of restic's own. */
  readonly exclude?: readonly string[];
}

export function backupArguments({ host, tags, directory, exclude = [], retryLock }: BackupOptions): string[] {
  return [
    'backup',
    ...common(retryLock),
    `--host=${host}`,
    ...tags.map((tag) => `--tag=${tag}`),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
    '--',
    directory,
  ];
}

export interface StreamBackupOptions extends Locking {
  readonly host: string;
  readonly tags: Tags;
  /** Under which path the snapshot has what the command writes: absolute, and one file. */
  readonly path: string;
  /** A program and its arguments. It gets restic's own environment. */
  readonly command: readonly [string, ...string[]];
}

/**
 * Backs up what a command writes to its standard output. A command that fails leaves no snapshot, however much it has written: that is what
 * tells this form from `--stdin`, for which an end is an end.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/040_backup.html#reading-data-from-a-command
 */
export function streamBackupArguments(options: StreamBackupOptions): string[] {
  const { host, tags, path, command, retryLock } = options;
  return [
    'backup',
    ...common(retryLock),
    `--host=${host}`,
    ...tags.map((tag) => `--tag=${tag}`),
    '--stdin-from-command',
    `--stdin-filename=${path}`,
    '--',
    ...command,
  ];
}

export interface DumpOptions extends Locking {
  /** The id of a snapshot, whole or shortened. */
  readonly snapshot: string;
  /** One file of it. */
  readonly path: string;
}

/** Writes a file of a snapshot to the standard output. */
export function dumpArguments({ snapshot, path, retryLock }: DumpOptions): string[] {
  return ['dump', ...common(retryLock), '--', snapshot, path];
}

export function initArguments({ retryLock }: Locking = {}): string[] {
  return ['init', ...common(retryLock)];
}

/** Reads the repository's configuration: it is there, the password fits, and this is its id. */
export function catConfigArguments({ retryLock }: Locking = {}): string[] {
  return ['cat', ...common(retryLock), 'config'];
}

export function listLocksArguments({ retryLock }: Locking = {}): string[] {
  return ['list', ...common(retryLock), '--no-lock', '--', 'locks'];
}

/** Reads one lock, of which `list` gave the id, whoever holds the repository. */
export function catLockArguments({ id, retryLock }: Locking & { readonly id: string }): string[] {
  return ['cat', ...common(retryLock), '--no-lock', '--', 'lock', id];
}

/**
 * Removes the locks that are stale: too old, or of this host name and a process that is not there. The latter is wrong about a holder with the
 * same host name among other processes.
 */
export function unlockArguments({ retryLock }: Locking = {}): string[] {
  return ['unlock', ...common(retryLock)];
}

export interface SnapshotsOptions extends Locking {
  /** Snapshots with all of these; every snapshot where it is left out. */
  readonly tags?: Tags;
  readonly host?: string;
  /** At most so many, the newest, of each host, set of paths and set of tags. */
  readonly latest?: number;
  /** Only these, by id, as far as they are there. */
  readonly ids?: readonly string[];
}

export function snapshotsArguments({ tags, host, latest, ids = [], retryLock }: SnapshotsOptions): string[] {
  return [
    'snapshots',
    ...common(retryLock),
    ...(tags === undefined ? [] : [`--tag=${tags.join()}`]),
    ...(host === undefined ? [] : [`--host=${host}`]),
    // Without groups the newest would hide an older one of other tags.
    ...(latest === undefined ? [] : ['--group-by=host,paths,tags', `--latest=${latest}`]),
    ...(ids.length === 0 ? [] : ['--', ...ids]),
  ];
}

export interface AddTagOptions extends Locking {
  readonly tags: Tags;
  /** The ids of snapshots, each of which gets another by this. None would be all that the repository has. */
  readonly snapshots: readonly [string, ...string[]];
}

export function addTagArguments({ tags, snapshots, retryLock }: AddTagOptions): string[] {
  return ['tag', ...common(retryLock), `--add=${tags.join()}`, '--', ...snapshots];
}

export interface RestoreOptions extends Locking {
  /** The id of a snapshot, whole or shortened. */
  readonly snapshot: string;
  /** The directory in the snapshot whose content is restored. */
  readonly directory: string;
  /** The directory it is restored into; its own owner and mode stay what they are. */
  readonly target: string;
  /** Patterns relative to the directory; restic takes these or `exclude`, not both. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Deletes from `target` what the snapshot lacks, as far as it matches `include` or does not match `exclude`. */
  readonly exact?: boolean;
}

export function restoreArguments(options: RestoreOptions): string[] {
  const { snapshot, directory, target, include = [], exclude = [], exact = false, retryLock } = options;
  return [
    'restore',
    ...common(retryLock),
    `--target=${target}`,
    '--sparse',
    ...include.map((pattern) => `--include=${pattern}`),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
    ...(exact ? ['--delete'] : []),
    '--',
    `${snapshot}:${directory}`,
  ];
}

export interface ListDirectoryOptions extends Locking {
  readonly snapshot: string;
  /** An absolute path, and not the root, of which a snapshot keeps nothing. */
  readonly directory: string;
  /** All that is below it as well. */
  readonly recursive?: boolean;
}

/**
 * Lists the node of `directory` itself: its owner and mode, which `restore ID:DIR` leaves alone. What is listed is the directory that
 * holds it, in which a snapshot of one directory has nothing else, so the output stays short however much was backed up.
 */
export function listDirectoryArguments(options: ListDirectoryOptions): string[] {
  const { snapshot, directory, recursive, retryLock } = options;
  const flags = recursive === true ? ['--recursive'] : [];
  return ['ls', ...common(retryLock), ...flags, '--', `${snapshot}:${posix.dirname(directory)}`, '/'];
}

/** Which snapshots to keep. At least one `keep…` is set: restic refuses a policy without. */
export interface KeepPolicy {
  readonly keepLast?: number;
  readonly keepHourly?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  /** Whatever has one of these tags stays too. */
  readonly keepTags?: readonly string[];
  readonly prune?: boolean;
  readonly dryRun?: boolean;
}

export interface ForgetOptions extends Locking {
  readonly tags: Tags;
  readonly policy: KeepPolicy;
}

export function forgetArguments({ tags, policy, retryLock }: ForgetOptions): string[] {
  return [
    'forget',
    ...common(retryLock),
    `--tag=${tags.join()}`,
    '--group-by=host,tags',
    ...keep('last', policy.keepLast),
    ...keep('hourly', policy.keepHourly),
    ...keep('daily', policy.keepDaily),
    ...keep('weekly', policy.keepWeekly),
    ...keep('monthly', policy.keepMonthly),
    ...keep('yearly', policy.keepYearly),
    ...(policy.keepTags ?? []).map((tag) => `--keep-tag=${tag}`),
    ...(policy.prune === true ? ['--prune'] : []),
    ...(policy.dryRun === true ? ['--dry-run'] : []),
  ];
}

export interface CheckOptions extends Locking {
  /** How much of the data is read as well, as restic writes it: `5%`, `1/10`, `2G`. */
  readonly readDataSubset?: string;
  /** For a repository that cannot be written to, not even a lock. */
  readonly noLock?: boolean;
}

export function checkArguments({ readDataSubset, noLock, retryLock }: CheckOptions): string[] {
  return [
    'check',
    ...common(retryLock),
    ...(noLock === true ? ['--no-lock'] : []),
    ...(readDataSubset === undefined ? [] : [`--read-data-subset=${readDataSubset}`]),
  ];
}

/** Counts the snapshots, and the bytes that the repository takes of its storage. */
export function statsArguments({ noLock, retryLock }: Pick<CheckOptions, 'noLock' | 'retryLock'>): string[] {
  return ['stats', ...common(retryLock), ...(noLock === true ? ['--no-lock'] : []), '--mode=raw-data'];
}

function keep(what: string, count: number | undefined): string[] {
  return count === undefined ? [] : [`--keep-${what}=${count}`];
}

function common(retryLock = DEFAULT_RETRY_LOCK): string[] {
  return ['--json', `--retry-lock=${retryLock}`];
}
