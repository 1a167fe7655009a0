import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KINDS } from '../api/kinds.ts';
import { problemsOf } from './object.ts';

const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parse(text));

describe('docs/api.md', () => {
  it('has an example of each kind', () => {
    expect(examples.map(({ kind }) => kind)).toEqual(KINDS.map(({ kind }) => kind));
  });

  it.each(examples.map((example) => [example.kind, example]))('has a %s that is right', (name, example) => {
    const kind = KINDS.find((one) => one.kind === name);
    expect(kind && problemsOf(kind, example)).toEqual({ problems: [], warnings: [] });
  });
});
