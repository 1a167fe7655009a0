import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from './pattern.ts';
import { InvalidPatternError } from './pattern-syntax.ts';

/** Patterns that JavaScript reads as we do. */
const pattern = fc.letrec<{ node: string; atom: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('atom'),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?', '+?'))
      .map(([a, repeat]) => `(?:${a})${repeat}`),
  ),
  atom: fc.constantFrom(
    ...[
      'a',
      'b',
      '-',
      '.',
      '^',
      '$',
      '[ab]',
      '[^ab]',
      '[a-c-]',
      '[\\]a]',
      '\\d',
      '\\w',
      '\\s',
      '\\.',
      '[\\d_]',
      '',
    ],
  ),
})).node;

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '1', '_', ' ', '.', '\n', 'é', '😀') });

describe('compilePattern', () => {
  it('matches what JavaScript matches', () => {
    fc.assert(
      fc.property(pattern, text, (source, candidate) => {
        expect(compilePattern(source).test(candidate)).toBe(new RegExp(source, 'u').test(candidate));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['^[a-z]+(-[a-z]+)*$', 'my-table', true],
    ['^[a-z]+(-[a-z]+)*$', 'my--table', false],
    ['^(yes|no)$', 'yes', true],
    ['^(yes|no)$', 'yesno', false],
    ['^.{3}$', '😀😀😀', true],
    ['\\$\\(', 'a$(b)', true],
    ['[\\]\\[]', ']', true],
    ['', 'x', true],
  ])('%s says of %j %s', (source, candidate, expected) => {
    expect(compilePattern(source).test(candidate)).toBe(expected);
  });

  it.each([
    '(a+)+$',
    '^(a|a)*$',
    '^(a*)*$',
    'a*a*a*a*a*a*a*a*b',
    '(?:a{0,30}){0,20}b',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
  ])('answers %s at once, over which others take for ever', (source) => {
    const started = performance.now();
    expect(compilePattern(source).test(`${'a'.repeat(8_191)}!`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it.each([
    ['(', 'a "(" is not closed'],
    [')', 'a ")" closes nothing'],
    ['[a', 'a "[" is not closed'],
    ['a\\', 'escapes nothing'],
    ['*a', 'a "*" repeats nothing'],
    ['a**', 'what repeats is repeated'],
    ['a{2,1}', '"{2,1}" is no range'],
    ['a{9999}', '"{9999}" is no range'],
    ['a{x}', 'a "{" is no {n}'],
    ['[z-a]', 'ends before it'],
    ['(?=a)', 'a "(?" is not possible'],
    ['(?<name>a)', 'a "(?" is not possible'],
    ['(a)\\1', '"\\1" is not known'],
    ['\\pL', '"\\p" is not known'],
    ['[[:alpha:]]', 'names a class'],
    ['('.repeat(40), 'deep'],
    ['(((a{100}){100}){100}){100}', 'repeats too much'],
    ['((((){1000}){1000}){1000}){1000}', 'repeats too much'],
  ])('refuses %j', (source, message) => {
    expect(() => compilePattern(source)).toThrow(InvalidPatternError);
    expect(() => compilePattern(source)).toThrow(message);
  });
});
