import { describe, expect, test } from 'vitest';
import { linksUpToNpm, type Seen } from './parents.ts';

const command = (...words: string[]) => words.map((word) => `${word}\0`).join('');
const npm = 'npm run cluster true\0\0\0\0';
const npmShell = command('sh', '-c', 'node scripts/run.mjs test/cluster/main.ts true');
const runner = command('node', 'scripts/run.mjs', 'test/cluster/main.ts', 'true');
const testRunner = command('/x/node', '/x/test/run.ts', 'e2e');
const usersShell = command('bash', '-c', 'npm run cluster true');

/** @param line - the processes from 1 on, each the parent of the next */
function family(...line: string[]): (pid: number) => Seen {
  return (pid) => ({ parent: pid - 1, command: line[pid - 1] ?? '' });
}

describe('whose end is the end of the cluster', () => {
  test.each([
    {
      name: 'npm and what it started',
      line: ['init', usersShell, npm, npmShell, runner, 'me'],
      parents: [5, 4, 3],
    },
    {
      name: 'npm that starts without a shell',
      line: ['init', usersShell, npm, runner, 'me'],
      parents: [4, 3],
    },
    {
      name: 'the runner of the tests too',
      line: ['init', npm, runner, testRunner, 'me'],
      parents: [4, 3, 2],
    },
    {
      name: 'our runner, but not the shell of its user',
      line: ['init', usersShell, runner, 'me'],
      parents: [3],
    },
    { name: 'nobody where it is run by itself', line: ['init', usersShell, 'me'], parents: [] },
  ])('$name', ({ line, parents }) => {
    expect(linksUpToNpm(line.length, family(...line)).map(({ parent }) => parent)).toEqual(parents);
  });
});
