import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { microTime, sleep, systemClock } from './clock.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a delay of sixty days neither fires at once nor is lost', () => {
  const days = 24 * 3_600_000;
  let fired = 0;
  systemClock.setTimeout(() => fired++, 60 * days);
  vi.advanceTimersByTime(60 * days - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
});

test('a long delay can be cancelled after its first part', () => {
  let fired = 0;
  const timer = systemClock.setTimeout(() => fired++, 2 ** 32);
  vi.advanceTimersByTime(2 ** 31);
  timer.cancel();
  vi.advanceTimersByTime(2 ** 33);
  expect(fired).toBe(0);
});

test('a sleep ends when it is over or when its signal is aborted, and leaves no timer', async () => {
  const controller = new AbortController();
  const short = sleep(systemClock, 10, controller.signal);
  const long = sleep(systemClock, 1_000_000, controller.signal);
  vi.advanceTimersByTime(10);
  await short;
  controller.abort();
  await long;
  await sleep(systemClock, 1_000_000, controller.signal);
  expect(vi.getTimerCount()).toBe(0);
});

test('a MicroTime has six digits after the point', () => {
  expect(microTime(1_767_225_600_123)).toBe('2026-01-01T00:00:00.123000Z');
});
