import { describe, expect, it } from 'vitest';
import { fingerprint } from './fingerprint.ts';

describe('the fingerprint', () => {
  it.each([
    ['the order of fields', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a field that is null', { a: 1, creationTimestamp: null }, { a: 1 }],
    ['a field that is empty', { a: 1, resources: {}, volumes: [] }, { a: 1 }],
    ['a field in which all is empty', { metadata: { creationTimestamp: null } }, {}],
  ])('is blind to %s', (_, a, b) => {
    expect(fingerprint(a)).toBe(fingerprint(b));
  });

  it.each([
    ['another value', { a: 1 }, { a: 2 }],
    ['another type', { a: 1 }, { a: '1' }],
    ['the order of a list', [1, 2], [2, 1]],
    ['false', { readOnly: false }, {}],
    ['text in which there would be JSON', { a: '{"b":1}' }, { a: { b: 1 } }],
  ])('sees %s', (_, a, b) => {
    expect(fingerprint(a)).not.toBe(fingerprint(b));
  });
});
