import { lstat, readlink, realpath } from 'node:fs/promises';
import { HostFailure } from './failure.ts';

/** `path` without slashes at its end: one directory has one name, in tags and in statistics. */
export function directoryName(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}

/**
 * Every one of `wanted` has to be mounted here, since the agent's image may have a directory of the same name, with other content.
 *
 * @throws {HostFailure} `DirectoryNotMounted`
 */
export function requireMounted(wanted: readonly string[], mounted: readonly string[]): void {
  const here = new Set(mounted.map(directoryName));
  const missing = wanted.filter((directory) => !here.has(directoryName(directory)));
  if (missing.length === 0) return;
  throw new HostFailure(
    'DirectoryNotMounted',
    `${missing.join(', ')}: not mounted in the agent of this pod, which was made before the directory was asked for; roll the workload out (mounted are: ${[...here].join(', ')})`,
  );
}

/**
 * Every one of `wanted` has to lie in the claim that is mounted at `mountPath`: the image may have a directory of the same name.
 *
 * @throws {HostFailure} `DirectoryNotMounted`
 */
export function requireBelow(wanted: readonly string[], mountPath: string): void {
  const mount = directoryName(mountPath);
  const outside = wanted.filter((directory) => directory !== mount && !directory.startsWith(`${mount}/`));
  if (outside.length === 0) return;
  throw new HostFailure(
    'DirectoryNotMounted',
    `${outside.join(', ')}: not in the claim, which is mounted at ${mount}; name directories below that, or change target.mountPath`,
  );
}

/**
 * What restic would back up under this name has to be the directory itself: of a link it keeps the link, and nothing behind it. A link in
 * the middle of the path is followed: {@link requireInData} says how far.
 *
 * @throws {HostFailure} `DirectoryNotFound`: its volume has no such directory; `DirectoryIsLink`; `DirectoryUnreadable`
 */
export async function requireDirectory(directory: string): Promise<void> {
  try {
    const found = await lstat(directory);
    if (found.isDirectory()) return;
    if (found.isSymbolicLink()) throw await isLink(directory);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EACCES') {
      throw new HostFailure('DirectoryUnreadable', `${directory}: the user of the agent may not read it`);
    }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
  throw new HostFailure('DirectoryNotFound', `${directory}: its volume has no such directory`);
}

/** Says of a directory that it is a link, and where it leads. */
export async function isLink(directory: string): Promise<HostFailure> {
  const link = `${directory} is a symbolic link to ${await readlink(directory)}`;
  const end = await realpath(directory).catch((error: unknown) => {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  });
  const advice =
    end === undefined
      ? 'which leads nowhere that the agent can reach; name the directory itself in target.directories'
      : `and only the link would be backed up; name ${end}, where it leads, in target.directories`;
  return new HostFailure('DirectoryIsLink', `${link}, ${advice}`);
}

/** The code of a system call's error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
