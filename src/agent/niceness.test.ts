import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { giveWay } from './niceness.ts';

describe.runIf(existsSync('/proc/self/task'))('giveWay', () => {
  it('sets every thread of a process, as it starts and when it has many', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log()'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const pid = child.pid ?? 0;
    const own = getPriority();
    giveWay(pid, 3);
    await once(child.stdout, 'data');
    giveWay(pid, 4);
    const threads = readdirSync(`/proc/${pid}/task`).map(Number);
    expect(threads.length).toBeGreaterThan(1);
    expect(new Set(threads.map(getPriority))).toEqual(new Set([Math.min(19, own + 4)]));
  });

  it('does nothing to a process that has ended', () => {
    expect(() => giveWay(2 ** 30, 5)).not.toThrow();
  });
});
