import { chmodSync, copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianSource } from './catalog.ts';
import { ClusterFailure } from './failure.ts';
import { refreshPackageLists } from './packages.ts';
import { attempt, run } from './run.ts';
import { withTemporaryFolder } from './temporary.ts';

/* Debian packages that are not installed: what is taken out of them runs nothing on this machine by itself. */

/** Puts the files of the packages `names` into `folder`. */
export async function downloadPackages(names: readonly string[], folder: string): Promise<void> {
  const fetchAll = () => attempt('apt-get', ['-q', 'download', ...names], { cwd: folder });
  if ((await fetchAll()).status === 0) return;
  await refreshPackageLists();
  const again = await fetchAll();
  if (again.status !== 0) throw new ClusterFailure(`apt-get download failed; it said:\n${again.tail}`);
}

/** Copies a program out of its package. */
export async function takeFromDebian({ debian, file }: DebianSource, output: string): Promise<void> {
  await withTemporaryFolder(async (work) => {
    await downloadPackages([debian], work);
    const [archive = ''] = readdirSync(work);
    await run('dpkg-deb', ['-x', join(work, archive), join(work, 'unpacked')]);
    copyFileSync(join(work, 'unpacked', file), output);
  });
  chmodSync(output, 0o755);
}
