import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { removeStaleLocks } from './stale-locks.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const idOf = (index: number) => index.toString(16).padStart(64, '0');

const podName = 'web-0';

/** What is answered, and whether `unlock` was run, where the repository has `locks`: of which host, and how many minutes old. */
const lookAt = (...locks: [host: string, minutes: number][]) => lookAs(podName, podName, locks);

async function lookAs(pod: string, hostname: string, locks: [host: string, minutes: number][]) {
  const commands: string[] = [];
  const run = async (args: (locking: object) => string[]): Promise<string> => {
    const [command = '', ...rest] = args({});
    commands.push(command);
    if (command === 'list') return locks.map((_, index) => idOf(index)).join('\n');
    if (command !== 'cat') return '';
    const [host, minutes] = locks[Number.parseInt(rest.at(-1) ?? '', 16)] ?? ['', 0];
    const time = new Date(now - minutes * 60_000).toISOString();
    return JSON.stringify({ time, exclusive: true, hostname: host, username: 'root', pid: 1 }, null, 2);
  };
  const identity = { podName: pod, podUID: 'uid', namespace: 'demo', nodeName: 'node' };
  const agent = { clock: manualClock(now), identity, logger: pino({ level: 'silent' }) };
  const removed = await removeStaleLocks(agent, run, hostname);
  return { removed, hasUnlocked: commands.includes('unlock') };
}

const left = { removed: 0, hasUnlocked: false };

describe('the locks of a repository', () => {
  test('are left where none is there, or may be held', async () => {
    expect(await lookAt()).toEqual(left);
    expect(await lookAt(['other', 0], ['another', 29])).toEqual(left);
  });

  test('are removed whose holders have been silent for longer than they may', async () => {
    expect(await lookAt(['other', 0], ['another', 31], [podName, 600])).toEqual({
      removed: 2,
      hasUnlocked: true,
    });
  });

  test('are left while one may be held under the own host name, which restic takes for one of a process that is gone', async () => {
    expect(await lookAt(['other', 31], [podName, 1])).toEqual(left);
    expect(await lookAt([podName, 1], ['other', 31])).toEqual(left);
  });

  test('are left by a pod whose host name is that of others too', async () => {
    expect(await lookAs(podName, 'node-1', [['other', 31]])).toEqual(left);
  });

  test('are removed by a pod whose name is longer than a host name may be', async () => {
    const name = `${'a'.repeat(62)}-and-more`;
    expect(await lookAs(name, 'a'.repeat(62), [['other', 31]])).toMatchObject({ hasUnlocked: true });
  });
});
