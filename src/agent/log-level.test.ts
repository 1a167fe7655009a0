import { pino } from 'pino';
import { expect, test } from 'vitest';
import { logLevel } from './log-level.ts';

test.each([
  [undefined, 'info'],
  ['', 'info'],
  ['loud', 'info'],
  ['constructor', 'info'],
  ['debug', 'debug'],
  ['WARN', 'warn'],
  ['silent', 'silent'],
])('a LOG_LEVEL of %s makes a logger of level %s', (wanted, level) => {
  expect(pino({ level: logLevel(wanted) }, { write: () => {} }).level).toBe(level);
});
