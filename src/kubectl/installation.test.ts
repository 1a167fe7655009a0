import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { ApiObject } from '../kube/object.ts';
import { INSTALLATION, INSTALLATION_LABEL, OWN_PARTS, UNLABELLED } from './installation.ts';

const manifest = parseAllDocuments(
  readFileSync(new URL('../../manifests/install.yaml', import.meta.url), 'utf8'),
).map((document) => document.toJS() as ApiObject);

it('knows all that the manifest brings, and nothing else but what the operator makes for itself', () => {
  const brought = manifest.filter(({ kind }) => kind !== 'Namespace');
  const known = OWN_PARTS.filter(({ resource }) => !UNLABELLED.includes(resource));
  expect(known.map(({ resource, name }) => `${resource.kind} ${name}`).sort()).toEqual(
    brought.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
  );
});

it('finds on all of it the label without which nothing is taken away', () => {
  for (const { metadata } of manifest) {
    expect(metadata.labels?.[INSTALLATION_LABEL], metadata.name).toBe(INSTALLATION);
  }
});
