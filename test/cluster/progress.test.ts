import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { progressLine, progressOn, seconds } from './progress.ts';

describe('a time span', () => {
  test.each([
    [0, '0.0 s'],
    [1_240, '1.2 s'],
    [9_949, '9.9 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [60_000, '1 min 00 s'],
    [247_000, '4 min 07 s'],
  ])('of %i ms reads %s', (milliseconds, text) => {
    expect(seconds(milliseconds)).toBe(text);
  });
});

test('a line of progress says what, for how long, and how far', () => {
  expect(progressLine('Downloading kubectl', 3_000, '12 of 40 MiB')).toBe(
    'Downloading kubectl … 3.0 s (12 of 40 MiB)',
  );
  expect(progressLine('Building kubectl', 75_000, '')).toBe('Building kubectl … 1 min 15 s');
});

describe('work under way', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function record(isTTY: boolean) {
    const written: string[] = [];
    const start = Date.now();
    const progress = progressOn({
      write: (text) => written.push(text),
      isTTY,
      columns: 30,
      now: () => Date.now() - start,
    });
    return { written, progress };
  }

  test('is told in a log as it begins, every 15 s, and as it ends', async () => {
    const { written, progress } = record(false);
    const done = progress.during(
      'Building etcd',
      () => new Promise((resolve) => setTimeout(resolve, 40_000)),
    );
    await vi.advanceTimersByTimeAsync(40_000);
    await done;
    expect(written).toEqual([
      'Building etcd …\n',
      'Building etcd … 15 s\n',
      'Building etcd … 30 s\n',
      'Building etcd: done after 40 s\n',
    ]);
  });

  test('is told on a terminal in one line that is rewritten, and never wraps', async () => {
    const { written, progress } = record(true);
    const work = () => new Promise((resolve) => setTimeout(resolve, 2_500));
    const done = progress.during('Building something with a long name', work);
    await vi.advanceTimersByTimeAsync(2_500);
    await done;
    const lines = written.filter((text) => text.startsWith('Building') && !text.endsWith('\n'));
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
    expect(written.at(-1)).toBe('Building something with a long name: done after 2.5 s\n');
  });

  test('that fails is said to have failed, and the failure goes on', async () => {
    const { written, progress } = record(false);
    await expect(progress.during('Building etcd', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(written.at(-1)).toBe('Building etcd: failed after 0.0 s\n');
  });
});
