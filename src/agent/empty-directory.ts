import { readdir, rm } from 'node:fs/promises';
import { isExcluded } from '../restic/patterns.ts';
import { HostFailure } from './failure.ts';

/**
 * Deletes all that is in `directory` and that `exclude` does not match, as `restic restore --delete` deletes what the snapshot lacks; but it
 * deletes nothing from a directory that is empty in the snapshot.
 *
 * @param exclude - patterns of restic, relative to the directory
 * @throws {HostFailure} `NotDeleted`
 */
export async function emptyDirectory(directory: string, exclude: readonly string[]): Promise<void> {
  // A name need not be UTF-8, and would not be found again as text.
  for (const name of await readdir(directory, { encoding: 'buffer' })) {
    if (isExcluded(exclude, `/${name}`)) continue;
    try {
      await rm(Buffer.concat([Buffer.from(`${directory}/`), name]), { recursive: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new HostFailure(
        'NotDeleted',
        `${directory} is empty in the snapshot, and mode Exact could not delete ${name} from it: ${why}`,
      );
    }
  }
}
