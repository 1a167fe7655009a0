import { describe, expect, it } from 'vitest';
import { MISTAKES, objectOf } from '../../test/apiserver/mistakes.fixture.ts';
import { KINDS } from '../api/kinds.ts';
import { problemsOf } from './object.ts';

describe('problemsOf', () => {
  it.each(KINDS.map((kind) => [kind.kind, kind] as const))(
    'finds nothing wrong with a right %s',
    (_, kind) => {
      expect(problemsOf(kind, objectOf(kind)).problems).toEqual([]);
    },
  );

  it('is held against forty mistakes at least, of every kind', () => {
    expect(MISTAKES.length).toBeGreaterThanOrEqual(40);
    expect(new Set(MISTAKES.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  });

  it.each(MISTAKES.map((mistake) => [mistake.kind.kind, mistake.what, mistake] as const))(
    'says of a %s with %s where it is, what was found and what to do, and nothing else',
    (_, __, { kind, difference, path, message }) => {
      const { problems } = problemsOf(kind, objectOf(kind, difference));
      expect(problems.map((problem) => problem.path)).toEqual([path]);
      expect(problems[0]?.message).toContain(message);
      expect(problems[0]?.message).not.toMatch(/undefined|\[object|#\/|ajv|\bat \S+:\d+|NaN|must /i);
    },
  );
});
