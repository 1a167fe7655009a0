import { chmod, chown, lstat, utimes } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type Locking, listDirectoryArguments } from '../restic/arguments.ts';
import { isJsonObject, numbersOf, parseJson, stringOf } from '../restic/json.ts';
import { type DirectoryNode, parseDirectory } from '../restic/output.ts';
import type { Agent } from './agent.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';

/** Who the agent is: the user and the groups to which it may give files. */
export interface Owner {
  uid: number;
  gids: readonly number[];
}

/** What a snapshot says of the directory that was restored, and of whose the files in it were. */
export interface OwnNode {
  node: DirectoryNode | undefined;
  /** How many files and directories belong to somebody to whom `owner` may not give them. Not counted for root. */
  foreign: number;
  /** Whether there is anything in it that can be restored, which is all but sockets. Only told where it is asked for. */
  hasEntries: boolean;
}

/**
 * Reads from a snapshot what `restic restore ID:DIR` leaves alone: DIR's own owner, mode and time. restic says nothing where a user other
 * than root could not give a file to its owner, so that for such a user all owners are read too.
 *
 * @param mayBeEmpty - whether it is asked for what is in the directory
 */
export async function readOwnNode(
  agent: Agent,
  access: RepositoryAccess,
  snapshot: string,
  directory: string,
  owner: Owner,
  signal: AbortSignal,
  mayBeEmpty = false,
): Promise<OwnNode> {
  const recursive = owner.uid !== 0 || mayBeEmpty;
  const name = basename(directory);
  const own: OwnNode = { node: undefined, foreign: 0, hasEntries: false };
  await runRestic(agent, access, {
    args: (locking) => listDirectoryArguments({ ...locking, snapshot, directory, recursive }),
    signal,
    onLine: (line) => {
      const listed = parseJson(line);
      if (!isJsonObject(listed) || listed.struct_type !== 'node') return;
      const path = stringOf(listed, 'path') ?? '';
      if (path === `/${name}`) own.node = parseDirectory(line, name);
      if (path.startsWith(`/${name}/`) && listed.type !== 'socket') own.hasEntries = true;
      if (owner.uid !== 0 && path.startsWith(`/${name}`) && isForeign(listed, owner)) own.foreign++;
    },
  });
  return own;
}

/** What `snapshot` has of `directory` itself; undefined where it is not in it. */
export async function readNode(
  agent: Agent,
  access: RepositoryAccess,
  snapshot: string,
  directory: string,
  signal: AbortSignal,
): Promise<DirectoryNode | undefined> {
  const args = (locking: Locking) => listDirectoryArguments({ ...locking, snapshot, directory });
  const { stdout } = await runRestic(agent, access, { args, signal });
  return parseDirectory(stdout, basename(directory));
}

/**
 * Which of `directory` and the directories above it are not there, the innermost first: restic makes them with a mode and an owner that keep
 * everybody but root out.
 */
export async function missingOf(directory: string): Promise<string[]> {
  const isThere = await lstat(directory).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
  return isThere ? [] : [directory, ...(await missingOf(dirname(directory)))];
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isForeign(listed: Readonly<Record<string, unknown>>, owner: Owner): boolean {
  const ids = numbersOf(listed, 'uid', 'gid');
  return ids !== undefined && (ids.uid !== owner.uid || !owner.gids.includes(ids.gid));
}

/** Gives the directory its owner, mode and time again. Returns what the agent has no right to, in words. */
export async function applyOwnNode(directory: string, { node }: Pick<OwnNode, 'node'>): Promise<string[]> {
  if (node === undefined) return [];
  const refused: string[] = [];
  const attempt = async (what: string, change: () => Promise<void>): Promise<void> => {
    try {
      await change();
    } catch (error) {
      if (!isRefused(error)) throw error;
      refused.push(what);
    }
  };
  const now = await lstat(directory);
  if (now.uid !== node.uid || now.gid !== node.gid) {
    await attempt(`the owner ${node.uid}:${node.gid} of ${directory}`, () =>
      chown(directory, node.uid, node.gid),
    );
  }
  // After the owner, whose change takes away setuid and setgid.
  const mode = `the mode ${node.mode.toString(8)} of ${directory}`;
  await attempt(mode, () => chmod(directory, node.mode));
  // Without a right to it, setgid is left out, and chmod succeeds.
  if (!refused.includes(mode) && ((await lstat(directory)).mode & 0o7777) !== node.mode) refused.push(mode);
  const { modified } = node;
  if (modified !== undefined) {
    await attempt(`the time of ${directory}`, () => utimes(directory, modified, modified));
  }
  return refused;
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPERM' || error.code === 'EACCES');
}
