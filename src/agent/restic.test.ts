import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../kube/clock.ts';
import type { Agent } from './agent.ts';
import { spawnQuietly } from './main.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { type ResticCommand, type ResticResult, runRestic } from './restic.ts';

const deadline = '2100-01-01T00:00:00Z';

/** Node in place of restic. */
function running(
  code: string,
  command: Partial<ResticCommand> = {},
  more: Partial<RepositoryAccess> = {},
): Promise<ResticResult> {
  const agent = {
    restic: process.execPath,
    clock: systemClock,
    spawn: spawnQuietly,
    logger: pino({ level: 'silent' }),
  } as unknown as Agent;
  const access = { env: {}, options: [], secrets: [], deadline, ...more };
  const { signal } = new AbortController();
  return runRestic(agent, access, { args: () => ['-e', code], signal, ...command });
}

const line = 'process.stdout.write("x".repeat(9 * 1024 * 1024) + "\\n");';
const lines = 'for (let n = 0; n < 17; n++) process.stdout.write("x".repeat(1024 * 1024) + "\\n");';

describe('the output of restic', () => {
  test('is returned', async () => {
    expect(await running('console.log("a\\nb")')).toEqual({ code: 0, stdout: 'a\nb' });
  });

  test.each([
    ['a line', line],
    ['it all together', lines],
  ])('is a failure where %s is too long: what is left would tell of less than there is', async (_, code) => {
    await expect(running(code)).rejects.toMatchObject({ reason: 'OutputTooLong' });
  });

  test.each([
    ['a line', line],
    ['it all together', lines],
  ])('may be as long as it likes where each line counts for itself, %s', async (_, code) => {
    const seen: number[] = [];
    const { code: exit } = await running(`${code} console.log("end")`, {
      onLine: (said) => seen.push(said.length),
    });
    expect([exit, seen.at(-1)]).toEqual([0, 3]);
  });
});

test('no repository in a directory of the node is told of with the node', async () => {
  const hostPath = { path: '/srv/backups', node: 'node-b' };
  await expect(running('process.exit(10)', {}, { hostPath })).rejects.toMatchObject({
    reason: 'RepositoryNotFound',
    message: expect.stringContaining('/srv/backups of the node node-b'),
  });
});

test('restic waits for a lock until it is time to look into who holds it', async () => {
  const args: ResticCommand['args'] = ({ retryLock }) => ['-e', `console.log("${retryLock}")`];
  expect(await running('', { args })).toEqual({ code: 0, stdout: '300s' });
});

test('a restic that says at once that the repository is locked is not asked again', async () => {
  await expect(running('process.exit(11)')).rejects.toMatchObject({ reason: 'RepositoryLocked' });
});
