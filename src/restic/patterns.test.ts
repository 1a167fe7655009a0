import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eitherOf, excludesBelow, includeWithout, isExcluded } from './patterns.ts';

/* What is expected here is what restic 0.18.1 left out of a snapshot; test/apiserver/restic.test.ts asks the real one. */

describe('a path is excluded', () => {
  it.each<[string, string[], string, boolean]>([
    ['by its name, wherever it is', ['cache'], '/a/cache', true],
    ['by a part of its path', ['data/cache'], '/srv/data/cache', true],
    ['with what is below', ['data'], '/srv/data/cache', true],
    ['from the root on, where the pattern begins there', ['/cache'], '/a/cache', false],
    ['by any number of directories between', ['/srv/**/q'], '/srv/a/b/q', true],
    ['by none between', ['/srv/**/q'], '/srv/q', true],
    ['by any characters', ['*.tmp'], '/a/.b.tmp', true],
    ['by any characters, more than once', ['*a*b'], '/aaab', true],
    ['not by half a name', ['ab'], '/abc', false],
    ['by no character where there has to be one', ['?'], '/', false],
    ['by one of some characters', ['[a-cü]'], '/ü', true],
    ['by one of all others', ['[^a-c]'], '/b', false],
    ['by what is escaped', ['x\\[1\\]'], '/x[1]', true],
    ['by what is escaped in a class', ['[\\]x]'], '/]', true],
    ['not where a later pattern takes it back', ['*.log', '!keep.log'], '/keep.log', false],
    ['where a later pattern takes it out again', ['*.log', '!keep.log', 'keep*'], '/keep.log', true],
    ['however it is written', ['./cache//y/'], '/cache/y/z', true],
    ['by nothing', [], '/a', false],
  ])('%s', (_, patterns, path, expected) => {
    expect(isExcluded(patterns, path)).toBe(expected);
  });

  it('in no time, however many stars do not match', () => {
    expect(isExcluded([`${'*a'.repeat(60)}b`], `/${'a'.repeat(255)}`)).toBe(false);
  });
});

describe('patterns of whole paths', () => {
  it.each<[string, string, string[]]>([
    ['/srv/data/cache', '/srv/data', ['/cache']],
    ['/srv/other/cache', '/srv/data', []],
    ['*.tmp', '/srv/data', ['*.tmp']],
    ['data/cache', '/srv/data', ['data/cache', '/cache']],
    ['!/srv/*/[a-d]ache/', '/srv/data', ['!/[a-d]ache']],
    ['/srv/**/cache', '/srv/data', ['/**/cache']],
    ['srv', '/srv/data', ['srv', '/*']],
  ])('%s is for what is below %s %j', (pattern, directory, expected) => {
    expect(excludesBelow([pattern], directory)).toEqual(expected);
  });

  const names = (max: number) =>
    fc
      .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: max })
      .map((all) => `/${all.join('/')}`);
  const pattern = fc
    .tuple(
      fc.constantFrom('', '!'),
      fc.constantFrom('', '/'),
      fc.array(fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '[^a]'), { minLength: 1, maxLength: 4 }),
    )
    .map(([negation, root, parts]) => `${negation}${root}${parts.join('/')}`);

  it('exclude the same below a directory, where paths begin there', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), names(3), names(3), (patterns, directory, path) => {
        const below = excludesBelow(patterns, directory);
        expect(isExcluded(below, path)).toBe(isExcluded(patterns, directory + path));
      }),
    );
  });

  it('are put together such that either list excludes, or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 3 }),
        fc.array(pattern, { maxLength: 3 }),
        names(3),
        (a, b, path) => {
          const both = eitherOf(a, b);
          if (both === undefined) expect([a, b].every((list) => list.join().includes('!'))).toBe(true);
          else expect(isExcluded(both, path)).toBe(isExcluded(a, path) || isExcluded(b, path));
        },
      ),
    );
  });

  it('are taken out of what is included, or not at all', () => {
    expect(includeWithout(['/etc', '*.sql'], ['/etc/cache'])).toEqual(['/etc', '*.sql', '!/etc/cache']);
    expect(includeWithout(['/etc'], ['*.log', '!keep.log'])).toBeUndefined();
  });
});
