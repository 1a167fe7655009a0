import { describe, expect, test } from 'vitest';
import { systemClock } from '../kube/clock.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { spawnQuietly } from './main.ts';
import { type ProcessOptions, runProcess } from './process.ts';
import { Stopped } from './stop.ts';

function script(code: string, options: Partial<ProcessOptions> = {}): ProcessOptions & { lines: string[] } {
  const lines: string[] = [];
  return {
    command: process.execPath,
    args: ['-e', code],
    env: {},
    spawn: spawnQuietly,
    clock: systemClock,
    signal: new AbortController().signal,
    onStdout: (line) => lines.push(line),
    onStderr: (line) => lines.push(`! ${line}`),
    ...options,
    lines,
  };
}

describe('a process', () => {
  test('gives its lines and its exit code', async () => {
    const options = script('console.log("a\\nb"); console.error("c"); process.exitCode = 3');
    expect(await runProcess(options)).toEqual({ code: 3 });
    expect(options.lines.toSorted()).toEqual(['! c', 'a', 'b']);
  });

  test('gets no variable that it was not given', async () => {
    process.env.RESTIC_REPOSITORY = 'elsewhere';
    const options = script('console.log(JSON.stringify(process.env))', { env: { ONLY: 'this' } });
    await runProcess(options);
    Reflect.deleteProperty(process.env, 'RESTIC_REPOSITORY');
    expect(options.lines).toEqual(['{"ONLY":"this"}']);
  });

  test('that cannot be started says why', async () => {
    const end = await runProcess(script('', { command: '/no/such/program' }));
    expect(end).toEqual({ failure: expect.stringContaining('ENOENT') });
  });

  test('that a signal ends says which', async () => {
    expect(await runProcess(script('process.kill(process.pid, "SIGKILL")'))).toEqual({ killedBy: 'SIGKILL' });
  });

  test('is asked to end, and may tidy up', async () => {
    const stop = new AbortController();
    const options = script(
      'process.on("SIGINT", () => process.exit(130)); setInterval(() => {}, 1000); console.log("up")',
      { signal: stop.signal, onStdout: () => stop.abort(new Stopped('Cancelled')) },
    );
    expect(await runProcess(options)).toEqual({ code: 130 });
  });

  test.each([
    ['Cancelled', 20_000],
    ['Terminated', 10_000],
  ] as const)('that does not end when %s is killed after %d ms', async (reason, graceMs) => {
    const stop = new AbortController();
    const clock = manualClock();
    const up = Promise.withResolvers<void>();
    const interrupted = Promise.withResolvers<void>();
    const options = script(
      'process.on("SIGINT", () => console.log("no")); setInterval(() => {}, 1000); console.log("up")',
      { signal: stop.signal, clock, onStdout: (line) => (line === 'up' ? up : interrupted).resolve() },
    );
    let ended = false;
    const end = runProcess(options).finally(() => {
      ended = true;
    });
    await up.promise;
    stop.abort(new Stopped(reason));
    await interrupted.promise;
    await clock.advance(graceMs - 1);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(await end).toEqual({ killedBy: 'SIGKILL' });
  });

  test('that was stopped before is never started', async () => {
    const options = script('console.log("ran")', { signal: AbortSignal.abort(new Stopped('Cancelled')) });
    expect(await runProcess(options)).toEqual({ failure: expect.stringContaining('cancelled') });
    expect(options.lines).toEqual([]);
  });
});
