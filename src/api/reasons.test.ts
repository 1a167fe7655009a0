import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withReasons } from '../../scripts/reasons-table.ts';
import { REASONS } from './reasons.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/* A reason stands after `reason:`, or is given to what makes a condition, a failure or an end. Admission's are HTTP's. */
const GIVEN = [
  /\breason(?:: | = |\?\? )'([A-Z]\w+)'/g,
  /\breason \?\? '([A-Z]\w+)'/g,
  /\b(?:no|missing|fault|HostFailure|Stopped|refuseAll)\(\s*(?:\w+,\s*)?'([A-Z]\w+)'/g,
  /\b(?:wait|end|outcome)\(\s*(?:\w+,\s*)?(?:'(?:True|False|Unknown|Succeeded|Failed|Skipped)',\s*)?'([A-Z]\w+)'/g,
];
/** Never reported: somebody else has settled the matter. And a word that is a status. */
const NONE = new Set(['SessionOver', 'GivenUp', 'True', 'False', 'Unknown', 'Succeeded', 'Skipped']);

const sources = globSync('src/{api,agent,controllers,injection,restic}/**/*.ts', { cwd: root }).filter(
  (file) => !/(\.(test|fixture)|api\/reasons)\.ts$/.test(file),
);
const texts = sources.map((file) => readFileSync(`${root}/${file}`, 'utf8'));
const given = new Set(
  texts.flatMap((text) =>
    GIVEN.flatMap((pattern) => [...text.matchAll(pattern)].map(([, reason = '']) => reason)),
  ),
);

describe('the reasons', () => {
  it('that are given anywhere are all in the list', () => {
    expect(given.size).toBeGreaterThan(40);
    expect([...given].filter((reason) => !NONE.has(reason) && !(reason in REASONS))).toEqual([]);
  });

  it('in the list are all given somewhere', () => {
    const all = texts.join('\n');
    expect(Object.keys(REASONS).filter((reason) => !all.includes(`'${reason}'`))).toEqual([]);
  });

  it('are told to users as the list has them', () => {
    const page = readFileSync(`${root}/docs/api.md`, 'utf8');
    expect(withReasons(page), 'stale: run `npm run generate`').toBe(page);
  });
});
