import fc from 'fast-check';
import { applyPatch, type Operation } from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { options, wants, workloads } from '../injection/arbitraries.ts';
import { inject, remove } from '../injection/inject.ts';
import { patchBetween } from './template-patch.ts';

const patched = (before: unknown, after: unknown) =>
  applyPatch({ root: structuredClone(before) }, patchBetween(before, after, '/root') as Operation[])
    .newDocument.root;

describe('patchBetween', () => {
  it('is nothing between what is the same', () => {
    expect(patchBetween({ a: [1] }, { a: [1] }, '')).toEqual([]);
  });

  it('writes what is put in and taken out, and nothing that stays', () => {
    const app = { name: 'app' };
    const before = { 'a/b~c': 1, containers: [app, { name: 'old' }], volumes: null };
    const after = {
      'a/b~c': 2,
      containers: [{ name: 'first' }, app, { name: 'last' }],
      volumes: [{ name: 'v' }],
    };
    expect(patchBetween(before, after, '/spec')).toEqual([
      { op: 'replace', path: '/spec/a~1b~0c', value: 2 },
      { op: 'remove', path: '/spec/containers/1' },
      { op: 'add', path: '/spec/containers/0', value: { name: 'first' } },
      { op: 'add', path: '/spec/containers/2', value: { name: 'last' } },
      { op: 'replace', path: '/spec/volumes', value: [{ name: 'v' }] },
    ]);
  });

  it('makes any value of any other', () => {
    // As JSON has it, which knows no -0; and the library that applies patches here refuses a field called __proto__.
    const value = fc
      .json({ maxDepth: 4 })
      .filter((text) => !text.includes('__proto__'))
      .map((text): unknown => JSON.parse(text));
    fc.assert(
      fc.property(value, value, (before, after) => {
        expect(patched(before, after)).toEqual(after);
      }),
    );
  });

  it('makes what injection and removal made, and never names a field of the owner’s', () => {
    fc.assert(
      fc.property(workloads, wants, options, (x, wanted, o) => {
        const { workload } = inject(x, wanted, o);
        expect(patched(x, workload)).toEqual(workload);
        expect(patched(workload, remove(workload, o).workload)).toEqual(x);
        const written = patchBetween(x, workload, '').map(({ path }) => path);
        const lists = '(containers|initContainers|volumes|imagePullSecrets)(/\\d+)?';
        const ours = new RegExp(`^/spec/template/(metadata(/annotations(/.*injected)?)?|spec/${lists})$`);
        expect(written.filter((path) => !ours.test(path))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
