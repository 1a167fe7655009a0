import { expect, test } from 'vitest';
import { formatBytes } from './sizes.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.000 KiB'],
  [1_048_575, '1023.999 KiB'],
  [2 ** 30 - 1, '1.000 GiB'],
  [1_048_576, '1.000 MiB'],
  [1_846_835_937, '1.720 GiB'],
  [1_288_490_189, '1.200 GiB'],
  [5 * 2 ** 40, '5.000 TiB'],
  [2 ** 60, '1.000 EiB'],
  [Number.MAX_SAFE_INTEGER, '8.000 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
