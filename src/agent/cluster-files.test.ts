import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileOf, kindDirectory, nameOfFile, namespaceDirectory } from './cluster-files.ts';

describe('the file of an object', () => {
  it.each([
    ['web', 'web.yaml'],
    ['kube-root-ca.crt', 'kube-root-ca.crt.yaml'],
    ['system:node', 'system%3Anode.yaml'],
    ['Admins of "A"', '%41dmins%20of%20%22%41%22.yaml'],
    ['ü', '%C3%BC.yaml'],
    ['..', '%2E..yaml'],
    ['.hidden', '%2Ehidden.yaml'],
    ['con', '%63on.yaml'],
    ['com1.v1', '%63om1.v1.yaml'],
    ['console', 'console.yaml'],
    ['n'.repeat(250), `${'n'.repeat(250)}.yaml`],
    ['n'.repeat(253), `${'n'.repeat(247)}%/nnnnnn.yaml`],
    [`${'n'.repeat(246)}:::`, `${'n'.repeat(246)}%/%3A%3A%3A.yaml`],
    [`${'n'.repeat(247)}.con`, `${'n'.repeat(247)}%/%2Econ.yaml`],
  ])('of %s is %s', (name, file) => {
    expect(fileOf(name)).toBe(file);
    expect(nameOfFile(file)).toBe(name);
  });

  it('tells its name, stays within its directory, and is one that every file system takes', () => {
    const name = fc
      .oneof(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.string({ unit: 'grapheme', minLength: 200, maxLength: 2000 }),
      )
      .filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(name, (text) => {
        const file = fileOf(text);
        expect(nameOfFile(file)).toBe(text);
        for (const part of file.split('/')) {
          expect(part).toMatch(/^[a-z0-9_%-][A-Z0-9a-z._%-]*$/);
          // Upper-case letters only as digits of an escape, so that names that differ by case stay apart where case is ignored.
          expect(part.replace(/%[0-9A-F]{2}/g, '')).not.toMatch(/[A-Z]/);
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
        }
      }),
    );
  });

  it('is not the file of another object', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
        fc.pre(a !== b);
        expect(fileOf(a).toLowerCase()).not.toBe(fileOf(b).toLowerCase());
      }),
    );
  });

  it('is in the directory of its group, version, kind and namespace', () => {
    expect(kindDirectory({ group: '', version: 'v1', kind: 'ConfigMap' })).toBe('core/v1/ConfigMap');
    expect(kindDirectory({ group: 'apps', version: 'v1', kind: 'Deployment' })).toBe('apps/v1/Deployment');
    expect(namespaceDirectory('demo')).toBe('demo');
    expect(namespaceDirectory('aux')).toBe('%61ux');
    expect(namespaceDirectory(undefined)).toBe('_cluster');
  });
});
