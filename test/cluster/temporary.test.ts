import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isDead, ownIdentity, removeAbandoned, withTemporaryFolder } from './temporary.ts';

test('a temporary folder is gone when its work is done, and not before, and when the work fails', async () => {
  const folder = await withTemporaryFolder(async (folder) => {
    removeAbandoned();
    expect(existsSync(folder)).toBe(true);
    return folder;
  });
  expect(existsSync(folder)).toBe(false);
  let failed = '';
  await expect(
    withTemporaryFolder(async (folder) => {
      failed = folder;
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(existsSync(failed)).toBe(false);
});

test('the folder of a process that was killed is removed by the next', () => {
  const [namespace] = ownIdentity().split('-');
  const ended = spawnSync('true').pid;
  const folder = join(tmpdir(), `stash-work-${namespace}-${ended}-1-abcdef`);
  mkdirSync(folder);
  removeAbandoned();
  expect(existsSync(folder)).toBe(false);
});

test('a process is dead when its number is another process by now, and alive where nobody can tell', () => {
  const [namespace, pid, start] = ownIdentity().split('-');
  expect(isDead(`${namespace}-${pid}-${start}`)).toBe(false);
  expect(isDead(`${namespace}-${pid}-${Number(start) - 1}`)).toBe(true);
  expect(isDead(`1-${pid}-${Number(start) - 1}`)).toBe(false);
  expect(isDead('')).toBe(false);
});
