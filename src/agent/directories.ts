import { stat } from 'node:fs/promises';
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
 * @throws {HostFailure} `DirectoryNotFound`: its volume has no such directory
 */
export async function requireDirectory(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).isDirectory()) return;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EACCES') {
      throw new HostFailure('DirectoryUnreadable', `${directory}: the user of the agent may not read it`);
    }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
  throw new HostFailure('DirectoryNotFound', `${directory}: its volume has no such directory`);
}
