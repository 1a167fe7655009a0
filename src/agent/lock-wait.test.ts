import { expect, test } from 'vitest';
import { lockWaitMs } from './lock-wait.ts';

test.each([
  ['for five minutes where no deadline is known', undefined, 300],
  ['until shortly before the deadline', '1970-01-01T00:20:00Z', 1_170],
  ['for an hour at most', '1970-01-02T00:00:00Z', 3_600],
  ['not at all where the deadline is near', '1970-01-01T00:00:10Z', 0],
  ['not at all where it has passed', '1969-12-31T00:00:00Z', 0],
])('a command waits for a lock %s', (_, deadline, seconds) => {
  expect(lockWaitMs(0, deadline)).toBe(seconds * 1000);
});
