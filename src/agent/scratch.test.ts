import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { boundCache, prepareScratch } from './scratch.ts';

async function scratch() {
  const root = await mkdtemp(join(tmpdir(), 'stash-scratch-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return { root, agent: { paths: { secrets: '', scratch: root }, logger: pino({ level: 'silent' }) } };
}

describe('the scratch volume', () => {
  test('has its directories, and nothing of what a process before left in the temporary one', async () => {
    const { root, agent } = await scratch();
    await mkdir(join(root, 'tmp'));
    await writeFile(join(root, 'tmp', 'restic-temp-pack'), 'x');
    await prepareScratch(agent);
    expect((await readdir(root)).sort()).toEqual(['cache', 'tmp']);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  test.each([
    ['keeps a cache up to its limit', 200, ['id']],
    ['loses a cache beyond its limit, all depths counted', 199, []],
  ])('%s', async (_, limit, left) => {
    const { root, agent } = await scratch();
    await prepareScratch(agent);
    await mkdir(join(root, 'cache', 'id', 'index'), { recursive: true });
    await writeFile(join(root, 'cache', 'id', 'version'), 'x'.repeat(100));
    await writeFile(join(root, 'cache', 'id', 'index', 'a'), 'x'.repeat(100));
    await boundCache(agent, limit);
    expect(await readdir(join(root, 'cache'))).toEqual(left);
  });
});
