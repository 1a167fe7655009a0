import { describe, expect, it } from 'vitest';
import { managersOf } from './field-managers.ts';

const owning = (manager: string, fieldsV1: unknown) => ({ manager, operation: 'Update', fieldsV1 });
const object = (managedFields?: unknown) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', managedFields },
});

describe('the managers of a field', () => {
  it.each<[string, unknown, string[]]>([
    [
      'those that wrote it',
      [
        owning('helm', { 'f:spec': { 'f:template': {}, 'f:replicas': {} } }),
        owning('kubectl', { 'f:spec': { 'f:template': {} } }),
        owning('hpa', { 'f:spec': { 'f:replicas': {} } }),
      ],
      ['helm', 'hpa'],
    ],
    ['not those that were forgotten', [owning('ancient-changes', { 'f:spec': { 'f:replicas': {} } })], []],
    ['nobody where they were taken out', [{}], []],
    ['nobody where nothing is told', undefined, []],
  ])('are %s', (_, managedFields, managers) => {
    expect(managersOf(object(managedFields) as never, 'spec', 'replicas')).toEqual(managers);
  });
});
