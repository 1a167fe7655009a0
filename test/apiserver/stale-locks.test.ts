import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { spawnQuietly } from '../../src/agent/main.ts';
import { runRestic } from '../../src/agent/restic.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { forgetArguments } from '../../src/restic/arguments.ts';

/* The real restic, and those that were killed in the middle. What lies half an hour ahead is the clock of the agent alone. */

const minute = 60_000;
let root: string;
let env: Record<string, string>;
const holders: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stash-locks-'));
  env = {
    PATH: process.env.PATH ?? '',
    RESTIC_REPOSITORY: join(root, 'repository'),
    RESTIC_PASSWORD: 'of the repository',
    RESTIC_CACHE_DIR: join(root, 'cache'),
  };
  await restic('init');
});

afterEach(async () => {
  for (const holder of holders.splice(0)) holder.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

async function restic(...args: string[]): Promise<string> {
  return (await promisify(execFile)('restic', args, { env })).stdout;
}

async function locks(): Promise<number> {
  return (await restic('list', '--no-lock', 'locks')).split('\n').filter((line) => line !== '').length;
}

/** A restic that holds the repository, until it is killed; on another host where `host` says so. */
async function hold(host?: string): Promise<ChildProcess> {
  const command = ['restic', 'backup', '--stdin'];
  const elsewhere = ['unshare', '--uts', 'sh', '-c', `hostname ${host} && exec "$@"`, 'sh'];
  const [program = '', ...args] = host === undefined ? command : [...elsewhere, ...command];
  const holder = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
  holders.push(holder);
  while ((await locks()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  return holder;
}

async function crash(holder: ChildProcess): Promise<void> {
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
}

/** A command that wants the repository for itself, of an agent whose clock is ahead by so much. */
function forget(aheadMs: number) {
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const agent = {
    clock,
    identity: { podName: hostname() },
    restic: 'restic',
    spawn: spawnQuietly,
    logger: pino({ level: 'silent' }),
  } as unknown as Agent;
  // There is a second left to wait for a lock.
  const access = { env, options: [], secrets: [], deadline: new Date(clock.now() + 31_000).toISOString() };
  return runRestic(agent, access, {
    args: (locking) => forgetArguments({ ...locking, tags: ['a=b'], policy: { keepLast: 1 } }),
    signal: new AbortController().signal,
  });
}

const locked = { reason: 'RepositoryLocked' };

test('the lock of a restic that crashed is removed once it is too old to be held', async () => {
  await crash(await hold());
  await expect(forget(0)).rejects.toMatchObject(locked);
  expect(await locks()).toBe(1);
  await expect(forget(31 * minute)).resolves.toMatchObject({ code: 0 });
  expect(await locks()).toBe(0);
});

test('the lock of a restic that may run on another host is left', async () => {
  await crash(await hold('another-host'));
  await expect(forget(29 * minute)).rejects.toMatchObject(locked);
  expect(await locks()).toBe(1);
});

test('a lock that is held is left, whatever an agent thinks of its age', async () => {
  await hold();
  await expect(forget(31 * minute)).rejects.toMatchObject(locked);
  expect(await locks()).toBe(1);
});
