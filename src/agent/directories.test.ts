import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { requireDirectory } from './directories.ts';

async function volume(): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'stash-directories-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'v1', 'data'), { recursive: true });
  await writeFile(join(root, 'file'), 'x');
  await symlink('v1', join(root, 'current'));
  await symlink('/nowhere/at/all', join(root, 'dangling'));
  await symlink('file', join(root, 'link to a file'));
  return root;
}

describe('a directory that is to be backed up', () => {
  test.each(['v1', 'v1/data', 'current/data'])('may be %s', async (directory) => {
    await expect(requireDirectory(join(await volume(), directory))).resolves.toBeUndefined();
  });

  test.each([
    ['none', 'DirectoryNotFound', 'its volume has no such directory'],
    ['file', 'DirectoryNotFound', 'its volume has no such directory'],
    ['file/below', 'DirectoryNotFound', 'its volume has no such directory'],
    ['dangling', 'DirectoryIsLink', 'is a symbolic link to /nowhere/at/all, which leads nowhere'],
    ['link to a file', 'DirectoryIsLink', 'is a symbolic link to file'],
  ])('may not be %s', async (directory, reason, message) => {
    await expect(requireDirectory(join(await volume(), directory))).rejects.toMatchObject({
      reason,
      message: expect.stringContaining(message),
    });
  });

  test('may not be a link, of which restic would keep the link alone; where it leads is named', async () => {
    const root = await volume();
    await expect(requireDirectory(join(root, 'current'))).rejects.toMatchObject({
      reason: 'DirectoryIsLink',
      message: `${root}/current is a symbolic link to v1, and only the link would be backed up; name ${root}/v1, where it leads, in target.directories`,
    });
  });
});
