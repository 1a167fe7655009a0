import { lstat, mkdir, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from './agent.ts';

/**
 * Bytes of restic's cache that are left in place between two duties: one command may take more for as long as it runs. The scratch volume is on the node's disk, and has no limit of its own, since
 * kubelet would evict the whole pod where an emptyDir exceeds its sizeLimit. restic has no limit for its cache either.
 */
const cacheLimit = 1024 ** 3;

/** Makes the scratch directories, and removes what a process that was killed left of its temporary files. */
export async function prepareScratch({ paths, logger }: Pick<Agent, 'paths' | 'logger'>): Promise<void> {
  const temporary = join(paths.scratch, 'tmp');
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await mkdir(join(paths.scratch, 'cache'), { recursive: true });
  } catch (error) {
    logger.error({ err: error }, 'the scratch volume cannot be written to');
  }
}

/** Removes restic's cache where it is larger than `limit`: the next command reads the repository's index again, and that is all. */
export async function boundCache(
  { paths, logger }: Pick<Agent, 'paths' | 'logger'>,
  limit: number = cacheLimit,
): Promise<void> {
  const cache = join(paths.scratch, 'cache');
  try {
    const size = await sizeOf(cache);
    if (size <= limit) return;
    await rm(cache, { recursive: true, force: true });
    await mkdir(cache, { recursive: true });
    logger.info({ size, limit }, 'the cache was too large and is removed');
  } catch (error) {
    logger.warn({ err: error }, 'the cache could not be bounded');
  }
}

async function sizeOf(directory: string): Promise<number> {
  let size = 0;
  for await (const entry of await opendir(directory, { recursive: true })) {
    if (entry.isFile()) size += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return size;
}
