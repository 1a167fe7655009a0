import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mountPoints, parseMountPoints, requireInData } from './data-mounts.ts';

/** A container with the volumes of two directories and the storage Secret, and links of an application in the first. */
async function container() {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'stash-mounts-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const at = (path: string) => join(root, path);
  for (const path of ['srv/v1/data', 'var/lib/db', 'stash/secrets/web', 'run/app/data', 'etc'])
    await mkdir(at(path), { recursive: true });
  await symlink('v1', at('srv/current'));
  await symlink(at('var/lib'), at('srv/lib'));
  await symlink(at('stash/secrets'), at('srv/apps'));
  await symlink('../stash/secrets/web', at('srv/web'));
  await symlink(at('nowhere'), at('srv/dangling'));
  await symlink('circle', at('srv/circle'));
  await symlink('../run', at('var/run'));
  const mounted = ['srv', 'var/lib/db', 'var/run/app'].map(at);
  const points = ['/', '/proc', ...['srv', 'var/lib/db', 'run/app', 'stash/secrets/web'].map(at)];
  return { root, look: (directory: string) => requireInData([at(directory)], mounted, points) };
}

describe('a directory whose data is backed up or restored', () => {
  test.each([
    ['srv/v1/data', 'no link'],
    ['srv/current/data', 'a link that stays in the volume'],
    ['srv/lib/db', "a link into another directory's volume"],
    ['var/run/app/data', "a link of the agent's own image"],
    ['srv/v1/to/come', 'nothing there yet'],
    ['srv/current/to/come', 'nothing there yet, behind a link that stays in the volume'],
    ['srv', 'the volume itself'],
  ])('may be %s: %s', async (directory) => {
    const { look } = await container();
    await expect(look(directory)).resolves.toBeUndefined();
  });

  test.each([
    ['srv/apps/web', 'the storage Secret'],
    ['srv/apps/web/to/come', 'what would be made beside it'],
    ['srv/web', 'the storage Secret, by a link at its end'],
    ['srv/lib/other', "the agent's own image, beside a volume"],
    ['srv/dangling/data', 'nothing yet'],
    ['srv/circle/data', 'itself'],
  ])('may not be %s, which leads to %s', async (directory) => {
    const { look } = await container();
    await expect(look(directory)).rejects.toMatchObject({ reason: 'DirectoryIsLink' });
  });

  test('is refused with where it leads, by which link, and where the data is', async () => {
    const { root, look } = await container();
    await expect(look('srv/apps/web')).rejects.toMatchObject({
      message: `${root}/srv/apps/web leads to ${root}/stash/secrets/web by the symbolic link ${root}/srv/apps (to ${root}/stash/secrets), which is in no volume of the data (${root}/run/app, ${root}/srv, ${root}/var/lib/db); have the link lead to a directory there, or name another in target.directories`,
    });
  });

  test('may hold volumes, rather than lie in one', async () => {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'stash-mounts-')));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    await mkdir(join(root, 'srv/a'), { recursive: true });
    const data = join(root, 'srv');
    await expect(requireInData([data], [data], ['/', join(root, 'srv/a')])).resolves.toBeUndefined();
  });
});

describe('the mounts of a container', () => {
  test('are read from what Linux tells of them', async () => {
    expect(await mountPoints()).toContain('/proc');
  });

  test('may have blanks in their names', () => {
    const line = '36 35 98:0 /mnt1 /srv/my\\040data rw,noatime master:1 - ext3 /dev/root rw';
    expect(parseMountPoints(`${line}\n`)).toEqual(['/srv/my data']);
  });
});
