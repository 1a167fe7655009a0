import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { seldom } from './seldom.ts';
import { runSidecar, type SidecarOptions } from './sidecar.ts';

test('what fails all the time is said once a minute', async () => {
  const clock = manualClock();
  const said: number[] = [];
  const warn = seldom(clock);
  for (let second = 0; second < 200; second += 7) {
    clock.set(second * 1000);
    warn(() => said.push(second));
  }
  expect(said).toEqual([0, 63, 126, 189]);
});

test.each([
  ['rights', new ApiError(403, { message: 'no' })],
  ['kinds', new ApiError(404, { message: 'no such kind' })],
])(
  'a sidecar whose %s are gone waits for an hour, quietly, and goes when it is asked to',
  async (_, error) => {
    const clock = manualClock();
    const termination = new AbortController();
    const lines: { at: number; level: number }[] = [];
    let asked = 0;
    const logger = pino(
      { level: 'info' },
      { write: (line) => lines.push({ ...JSON.parse(line), at: clock.now() }) },
    );
    const scratch = mkdtempSync(join(tmpdir(), 'stash-seldom-'));
    const options = {
      identity: { podName: 'web-1', podUID: 'uid', namespace: 'shop', nodeName: 'node' },
      directories: ['/data'],
      paths: { secrets: scratch, scratch },
      configurations: ['nightly'],
      client: {
        pages: () => {
          asked++;
          throw error;
        },
      },
      clock,
      random: () => 0,
      signal: termination.signal,
      logger,
    } as unknown as SidecarOptions;
    try {
      let status: number | undefined;
      const ended = runSidecar(options).then((code) => {
        status = code;
      });
      // Its first steps are real files.
      await expect.poll(() => lines.length).toBeGreaterThan(0);
      for (let minute = 0; minute < 60; minute++) await clock.advance(60_000);
      expect(status).toBeUndefined();
      expect(asked).toBeGreaterThan(100);
      const warnings = lines.filter(({ level }) => level >= 40).map(({ at }) => at);
      expect(warnings.length).toBeGreaterThan(30);
      expect(warnings.every((at, index) => index === 0 || at - (warnings[index - 1] ?? 0) >= 60_000)).toBe(
        true,
      );
      termination.abort();
      for (let second = 0; second < 30 && status === undefined; second++) await clock.advance(1_000);
      await ended;
      expect(status).toBe(0);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
);
