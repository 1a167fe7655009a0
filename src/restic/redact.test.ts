import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact } from './redact.ts';

describe('a secret is taken out of a text', () => {
  test.each([
    ['as it is', 'wrong key hunter2 for me', ['hunter2'], 'wrong key [redacted] for me'],
    ['every time', 'hunter2hunter2', ['hunter2'], '[redacted][redacted]'],
    ['whole where it begins with another', 'key abcdef', ['abc', 'abcdef'], 'key [redacted]'],
    ['without the line break that a file ends with', 'key hunter2', ['hunter2\n'], 'key [redacted]'],
    ['as JSON has it', '{"m":"a\\"b"}', ['a"b'], '{"m":"[redacted]"}'],
    ["as Go's JSON has it", '{"m":"a\\u003cb\\u0026"}', ['a<b&'], '{"m":"[redacted]"}'],
    ['as a URL has it', 'rest:http://me:p%40ss@host', ['p@ss'], 'rest:http://me:[redacted]@host'],
    [
      'line by line',
      'cannot parse MIIEvQIBADANBg',
      ['-----BEGIN-----\nMIIEvQIBADANBg\n-----END-----'],
      'cannot parse [redacted]',
    ],
    ['though it looks like a pattern', 'key a.c$^[x', ['a.c$^[x'], 'key [redacted]'],
    ['and nothing else', 'key abc', ['a.c', '', ' '], 'key abc'],
  ])('%s', (_, text, secrets, expected) => {
    expect(redact(text, secrets)).toBe(expected);
  });

  test('wherever it stands, and however JSON writes it', () => {
    const secret = fc.string({ unit: 'grapheme', minLength: 3 }).filter((text) => text.trim().length >= 3);
    fc.assert(
      fc.property(secret, (value) => {
        expect(redact(`before ${value} after`, [value])).not.toContain(value.trim());
        expect(redact(JSON.stringify({ message: value }), [value])).not.toContain(
          JSON.stringify(value).slice(1, -1),
        );
      }),
    );
  });
});
