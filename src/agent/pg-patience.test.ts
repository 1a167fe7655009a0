import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../kube/clock.ts';
import type { Spawn } from './agent.ts';
import { spawnQuietly } from './main.ts';
import { awaitServer } from './pg-patience.ts';
import { Stopped } from './stop.ts';

/** Waits with a pg_isready that ends as `codes` say one after the other, the last of them from then on. */
async function waitWith(codes: number[], signal = new AbortController().signal) {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    setTimeout: (callback, ms) => {
      now += ms;
      setImmediate(callback);
      return { cancel: () => {} };
    },
  };
  const asked: unknown[] = [];
  const spawn: Spawn = (command, _, env) => {
    const code = codes[Math.min(asked.length, codes.length - 1)];
    asked.push([command, env.PGHOST]);
    return spawnQuietly('/bin/sh', ['-c', `exit ${code}`], env);
  };
  const agent = { clock, spawn, programPath: '/usr/bin:/bin', logger: pino({ level: 'silent' }) };
  await awaitServer(agent, { env: { PGHOST: 'db' }, secrets: [] }, signal);
  return { asked, waited: now };
}

describe('a server', () => {
  it('that answers is not waited for', async () => {
    expect(await waitWith([0])).toEqual({ asked: [['pg_isready', 'db']], waited: 0 });
  });

  it('that does not answer, or is starting, is waited for', async () => {
    expect(await waitWith([2, 1, 0])).toMatchObject({ asked: { length: 3 }, waited: 4_000 });
  });

  it('that never answers is waited for a minute', async () => {
    expect(await waitWith([2])).toMatchObject({ waited: 60_000 });
  });

  it('that cannot be asked so is left to whoever asks it next', async () => {
    expect(await waitWith([3])).toMatchObject({ waited: 0 });
  });

  it('is not waited for by a session that is over', async () => {
    expect(await waitWith([2], AbortSignal.abort(new Stopped('Cancelled')))).toMatchObject({ asked: [] });
  });
});
