import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { crdFile } from '../../scripts/crd-file.ts';
import { BACKUP_CONFIGURATION, KINDS } from './kinds.ts';

const folder = new URL('../../crds/', import.meta.url);

describe('crds/', () => {
  it.each(KINDS.map((kind) => [kind.kind, kind] as const))('is fresh for %s', (_, kind) => {
    const { name, content } = crdFile(kind);
    expect(readFileSync(new URL(name, folder), 'utf8'), 'stale: run `npm run generate`').toBe(content);
  });

  it('holds nothing else', () => {
    expect(readdirSync(folder).sort()).toEqual(KINDS.map((kind) => crdFile(kind).name).sort());
  });
});

describe('a schema of ours', () => {
  it.each(KINDS.map((kind) => [kind.kind, kind] as const))(
    'describes and bounds every field of %s',
    (_, kind) => {
      const wanting: string[] = [];
      const walk = (schema: Record<string, unknown>, path: string) => {
        if (typeof schema.description !== 'string' || schema.description.length < 5)
          wanting.push(`${path}: no description`);
        if (schema.type === 'string' && !('maxLength' in schema || 'enum' in schema || 'format' in schema)) {
          wanting.push(`${path}: no maxLength`);
        }
        if (schema.type === 'array') {
          if (!('maxItems' in schema)) wanting.push(`${path}: no maxItems`);
          walk(schema.items as Record<string, unknown>, `${path}[]`);
        }
        for (const [name, field] of Object.entries(
          (schema.properties ?? {}) as Record<string, Record<string, unknown>>,
        )) {
          walk(field, `${path}.${name}`);
        }
      };
      walk(kind.spec as unknown as Record<string, unknown>, 'spec');
      if (kind.status !== undefined) walk(kind.status as unknown as Record<string, unknown>, 'status');
      expect(wanting).toEqual([]);
    },
  );
});

describe('the definition of a kind', () => {
  it('tells the default of a field, which kubectl explain does not show of itself', () => {
    const { content } = crdFile(BACKUP_CONFIGURATION);
    expect(content).toContain(
      'How long after a failure the next session follows, as a Go duration. The default is 1m.',
    );
  });
});
