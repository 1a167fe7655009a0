import { chmod, chown, lstat, utimes } from 'node:fs/promises';
import { basename } from 'node:path';
import { listDirectoryArguments } from '../restic/arguments.ts';
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
}

/**
 * Reads from a snapshot what `restic restore ID:DIR` leaves alone: DIR's own owner, mode and time. restic says nothing where a user other
 * than root could not give a file to its owner, so that for such a user all owners are read too.
 */
export async function readOwnNode(
  agent: Agent,
  access: RepositoryAccess,
  snapshot: string,
  directory: string,
  owner: Owner,
  signal: AbortSignal,
): Promise<OwnNode> {
  const recursive = owner.uid !== 0;
  const name = basename(directory);
  const own: OwnNode = { node: undefined, foreign: 0 };
  await runRestic(agent, access, {
    args: (locking) => listDirectoryArguments({ ...locking, snapshot, directory, recursive }),
    signal,
    onLine: (line) => {
      const listed = parseJson(line);
      if (!isJsonObject(listed) || listed.struct_type !== 'node') return;
      const path = stringOf(listed, 'path') ?? '';
      if (path === `/${name}`) own.node = parseDirectory(line, name);
      if (owner.uid !== 0 && path.startsWith(`/${name}`) && isForeign(listed, owner)) own.foreign++;
    },
  });
  return own;
}

function isForeign(listed: Readonly<Record<string, unknown>>, owner: Owner): boolean {
  const ids = numbersOf(listed, 'uid', 'gid');
  return ids !== undefined && (ids.uid !== owner.uid || !owner.gids.includes(ids.gid));
}

/** Gives the directory its owner, mode and time again. Returns what the agent has no right to, in words. */
export async function applyOwnNode(directory: string, { node }: OwnNode): Promise<string[]> {
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
  await attempt(`the mode ${node.mode.toString(8)} of ${directory}`, () => chmod(directory, node.mode));
  const { modified } = node;
  if (modified !== undefined) {
    await attempt(`the time of ${directory}`, () => utimes(directory, modified, modified));
  }
  return refused;
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPERM' || error.code === 'EACCES');
}
