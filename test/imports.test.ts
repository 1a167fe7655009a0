import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which rooms each room may import from, besides itself. Imports point one way. */
const MAY_IMPORT: Record<string, string[]> = {
  api: [],
  injection: ['api'],
  tasks: ['api'],
  schedules: ['api'],
  restic: ['api'],
  rules: ['api', 'injection', 'schedules', 'tasks'],
  kube: ['api'],
  admission: ['api', 'rules', 'injection', 'tasks', 'schedules', 'restic', 'kube'],
  controllers: ['api', 'injection', 'tasks', 'schedules', 'restic', 'kube'],
  metrics: ['api', 'injection', 'kube', 'controllers'],
  agent: ['api', 'injection', 'tasks', 'schedules', 'restic', 'kube'],
  kubectl: ['api', 'rules', 'injection', 'tasks', 'schedules', 'restic', 'kube'],
};

/** Of Node's own modules a pure room has use for, none reads a clock, a file or the network. */
const PURE = ['api', 'injection', 'tasks', 'schedules', 'restic', 'rules'];
const PURE_BUILTINS = ['node:crypto', 'node:path', 'node:util'];

interface Import {
  from: string;
  to: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(
    /^\s*(?:import|export)\b[^;]*?from '([^']+)'|^\s*import '([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map(([, a, b, c]) => ({ from: file, to: a ?? b ?? c ?? '' }));
}

const files = globSync('src/*/**/*.ts', { cwd: root }).filter((file) => !/\.(test|fixture)\.ts$/.test(file));
const imports = files.flatMap(importsOf);
const roomOf = (file: string) => file.split('/')[1] ?? '';

describe('src/', () => {
  it('has rooms, and imports in them', () => {
    expect(new Set(files.map(roomOf)).size).toBeGreaterThan(5);
    expect(imports.length).toBeGreaterThan(100);
  });

  it('imports one way: api, the pure rooms, kube, what serves', () => {
    const wrong = imports
      .filter(({ to }) => to.startsWith('.'))
      .map(({ from, to }) => ({ from, to: normalize(join(dirname(from), to)) }))
      .filter(({ from, to }) => to.startsWith('src/') && roomOf(to) !== roomOf(from))
      .filter(({ from, to }) => !(MAY_IMPORT[roomOf(from)] ?? []).includes(roomOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  it('reads no clock, file or network in a pure room', () => {
    const inPureRooms = files.filter((file) => PURE.includes(roomOf(file)));
    const builtins = imports
      .filter(
        ({ from, to }) =>
          PURE.includes(roomOf(from)) && to.startsWith('node:') && !PURE_BUILTINS.includes(to),
      )
      .map(({ from, to }) => `${from} imports ${to}`);
    const clocks = inPureRooms
      .filter((file) =>
        /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bfetch\(|\bprocess\.\w/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
      )
      .map((file) => `${file} reads a clock, chance, the process or the network`);
    expect([...builtins, ...clocks]).toEqual([]);
  });
});
