import { lstat, readFile, readlink, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, directoryName, isLink } from './directories.ts';
import { HostFailure } from './failure.ts';

/*
 * The agent has mounts that its data has not: the storage Secret, a token, the volume of the repository. Whoever writes into the volume of the
 * data can make a directory in it a link to one of those, and would have it backed up as data, or written over by a restore.
 */

/** Where something is mounted in this container. @see proc_pid_mountinfo(5) */
export async function mountPoints(): Promise<string[]> {
  return parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** The mount points that `mountinfo` names. Blanks in them are written as octal numbers. */
export function parseMountPoints(mountinfo: string): string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined ? [] : [unescaped(point)];
  });
}

function unescaped(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Every one of `wanted` has to lead to where data is mounted, or will once it is made: a link above it may lead to another directory of the
 * data, and nowhere else.
 *
 * @param mounted - the directories whose volumes are mounted here for the sake of data
 * @param points - where something is mounted here, whatever it is
 * @throws {HostFailure} `DirectoryIsLink`, `DirectoryUnreadable`
 */
export async function requireInData(
  wanted: readonly string[],
  mounted: readonly string[],
  points: readonly string[],
): Promise<void> {
  const volumes = points.filter((point) => point !== '/');
  const data = new Set<string>();
  for (const directory of mounted.map(directoryName)) {
    const path = await inVolume(directory, volumes);
    const around = volumes.filter((point) => isWithin(path, point)).sort((a, b) => b.length - a.length)[0];
    for (const point of volumes) if (point === around || isWithin(point, path)) data.add(point);
  }
  for (const directory of wanted.map(directoryName)) {
    const path = await inVolume(directory, volumes);
    const end = await endOf(path);
    if (end === path || [...data].some((point) => isWithin(end, point))) continue;
    throw new HostFailure(
      'DirectoryIsLink',
      `${directory} leads to ${end}${await byLink(path)}, which is in no volume of the data (${[...data].sort().join(', ')}); have the link lead to a directory there, or name another in target.directories`,
    );
  }
}

/**
 * `path` as what is mounted there has it: links in the agent's own image are followed, as they were when it was mounted (/var/run leads to
 * /run), and those in a volume are not.
 */
async function inVolume(path: string, volumes: readonly string[]): Promise<string> {
  const names = path.split('/').filter((name) => name !== '');
  let here = '/';
  while (names.length > 0 && !volumes.some((point) => isWithin(here, point))) {
    const next = join(here, names.shift() ?? '');
    here = await realpath(next).catch((error: unknown) => {
      if (isNowhere(error)) return next;
      throw error;
    });
  }
  return join(here, ...names);
}

/** Where `path` leads, of which the end need not be there yet. */
async function endOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === 'EACCES') {
      throw new HostFailure('DirectoryUnreadable', `${path}: the user of the agent may not read it`);
    }
    if (!isNowhere(error)) throw error;
  }
  // What is not there now may be when it is written to.
  if (await isSymbolicLink(path)) throw await isLink(path);
  return join(await endOf(dirname(path)), path.slice(dirname(path).length));
}

/** By which link it is that `path` leads elsewhere, as a part of a sentence. */
async function byLink(path: string): Promise<string> {
  const names = path.split('/').slice(1);
  const above = names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
  for (const each of above) {
    if (await isSymbolicLink(each)) return ` by the symbolic link ${each} (to ${await readlink(each)})`;
  }
  return '';
}

async function isSymbolicLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

function isNowhere(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(String(codeOf(error)));
}

function isWithin(path: string, point: string): boolean {
  return path === point || path.startsWith(`${point}/`);
}
