import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { FunctionObject } from '../api/function.ts';
import { FUNCTION, TASK } from '../api/kinds.ts';
import { FUNCTIONS } from '../api/resources.ts';
import type { Task } from '../api/task.ts';
import type { Client } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import { ApiError } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { problemsOf } from '../rules/object.ts';
import { problemsOfFunction, problemsOfTaskWith } from '../tasks/check.ts';
import { applyCatalog, readCatalog } from './catalog.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const images = { stash: 'registry.example:5000/stash:1', 'stash-postgres': 'registry.example:5000/pg:1' };
const catalog = await readCatalog(path('manifests/catalog'), images);
const functions = catalog.filter(({ kind }) => kind === FUNCTIONS.kind) as FunctionObject[];
const tasks = catalog.filter(({ kind }) => kind !== FUNCTIONS.kind) as Task[];

interface Rule {
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}
const rules = parseAllDocuments(readFileSync(path('manifests/install.yaml'), 'utf8'))
  .map((document) => document.toJS() as { kind: string; metadata: { name: string }; rules: Rule[] })
  .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'stash-operator')
  .flatMap((role) => role.rules);

describe('the catalog', () => {
  it.each(functions.map((each) => [each.metadata.name, each] as const))(
    'has in %s a Function that is admitted, with an image of the installation',
    (_, one) => {
      expect(problemsOf(FUNCTION, structuredClone(one)).problems).toEqual([]);
      expect(problemsOfFunction(one.spec)).toEqual([]);
      expect(Object.values(images)).toContain(one.spec.image);
    },
  );

  it.each(tasks.map((each) => [each.metadata.name, each] as const))(
    'has in %s a Task that a session can run',
    (_, one) => {
      expect(problemsOf(TASK, structuredClone(one)).problems).toEqual([]);
      const functionNamed = (name: string) => functions.find(({ metadata }) => metadata.name === name);
      expect(problemsOfTaskWith(one, functionNamed)).toEqual([]);
    },
  );

  it('has Functions before the Tasks that name them', () => {
    expect(catalog.map(({ kind }) => kind)).toEqual(catalog.map(({ kind }) => kind).sort());
  });

  it.each(catalog.map((each) => [each.kind, each.metadata.name]))(
    'the operator may write %s %s, and no other by name',
    (kind, name) => {
      const resource = `${kind.toLowerCase()}s`;
      const writing = rules.filter(
        (rule) => rule.resources.includes(resource) && rule.verbs.includes('patch'),
      );
      expect(writing).toHaveLength(1);
      expect(writing[0]?.resourceNames).toContain(name);
      expect(writing[0]?.verbs.toSorted()).toEqual(['create', 'get', 'patch']);
    },
  );
});

describe('applying the catalog', () => {
  it('tries no Task while a Function of it is refused, and ends with all of it', async () => {
    const applied: string[] = [];
    let refusals = 1;
    const client = {
      get: () => Promise.reject(new ApiError(404, { reason: 'NotFound' })),
      apply: async (_: unknown, { kind, metadata }: ApiObject) => {
        if (metadata.name === 'stash-post-backup' && refusals-- > 0) throw new ApiError(500, {});
        applied.push(`${kind} ${metadata.name}`);
      },
    } as unknown as Client;
    const told: unknown[] = [];
    const log = { info: (...said: unknown[]) => told.push(said), warn: () => told.push('warning') };
    const clock = {
      ...systemClock,
      setTimeout: (callback: () => void) => {
        // What could be applied is there by now.
        expect(applied).not.toContain('Task pg-backup');
        expect(applied).toContain('Task pg-recovery');
        setImmediate(callback);
        return { cancel: () => {} };
      },
    };
    const options = { client, clock, fieldManager: 'test', log: log as never };
    await applyCatalog(options, catalog, new AbortController().signal);
    expect(applied.toSorted()).toEqual(
      catalog.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
    );
    expect(told).not.toContain('warning');
  });
});
