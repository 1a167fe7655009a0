import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { Clock } from '../kube/clock.ts';
import { ApiError } from '../kube/errors.ts';
import { type Dump, dumpCluster } from './cluster-dump.ts';

const clock: Clock = {
  now: () => 0,
  setTimeout: (callback) => {
    queueMicrotask(callback);
    return { cancel: () => {} };
  },
};

const resource = (name: string, kind: string, namespaced: boolean) => ({
  ...{ name, kind, namespaced, verbs: ['create', 'list'] },
});
const named = (name: string, namespace?: string) => ({ metadata: { name, namespace } });
const core = [resource('namespaces', 'Namespace', false), resource('configmaps', 'ConfigMap', true)];

/** A cluster with two namespaces, and a ConfigMap in each. */
const answers: Record<string, object> = {
  '/apis': { groups: [] },
  '/api/v1': { resources: core },
  '/api/v1/namespaces': { items: [named('bank'), named('shop')], metadata: {} },
  '/api/v1/configmaps': { items: [named('web', 'shop'), named('web', 'bank')], metadata: {} },
  '/api/v1/namespaces/shop/configmaps': { items: [named('web', 'shop')], metadata: {} },
  '/api/v1/namespaces/bank/configmaps': { items: [named('web', 'bank')], metadata: {} },
};

type Answer = object | number | ((query: { limit: number; continue?: string }) => object);

/** The dump of a cluster that gives `changed` in place of some answers: another one, or the status of a refusal. */
async function dumpOf(
  changed: Record<string, Answer>,
  sanitize = true,
): Promise<Dump & { directory: string; files: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'stash-dump-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const given: Record<string, Answer> = { ...answers, ...changed };
  const connection = {
    request: async ({ path, query }: { path: string; query: { limit: number; continue?: string } }) => {
      const found = given[path] ?? 404;
      const answer = typeof found === 'function' ? found(query) : found;
      if (typeof answer === 'number') throw new ApiError(answer, { message: `refused by ${answer}` });
      return { status: 200, body: structuredClone(answer) };
    },
  };
  const source = {
    connection: connection as never,
    clock,
    random: () => 0,
    signal: new AbortController().signal,
  };
  const dump = await dumpCluster(source, { directory, sanitize, includeSecrets: false, namespace: 'shop' });
  const files = await readdir(directory, { recursive: true });
  return { ...dump, directory, files: files.filter((file) => file.endsWith('.yaml')).sort() };
}

const forbidden = { why: 'forbidden', isFault: false };
const failed = { why: 'refused by 500', isFault: true };

test('a claim names no volume that is left out, whichever is listed first', async () => {
  const volume = { metadata: { name: 'pvc-1', annotations: { 'pv.kubernetes.io/provisioned-by': 'csi' } } };
  const claim = { ...named('data', 'shop'), spec: { volumeName: 'pvc-1', storageClassName: 'fast' } };
  const byHand = { ...named('kept', 'shop'), spec: { volumeName: 'by-hand' } };
  const resources = [
    resource('persistentvolumeclaims', 'PersistentVolumeClaim', true),
    resource('persistentvolumes', 'PersistentVolume', false),
  ];
  const { directory } = await dumpOf({
    '/api/v1': { resources },
    '/api/v1/persistentvolumeclaims': { items: [claim, byHand], metadata: {} },
    '/api/v1/persistentvolumes': { items: [volume, named('by-hand')], metadata: {} },
  });
  const specOf = async (name: string) => {
    const file = join(directory, 'core', 'v1', 'PersistentVolumeClaim', 'shop', `${name}.yaml`);
    return parse(await readFile(file, 'utf8')).spec;
  };
  expect(await specOf('data')).toEqual({ storageClassName: 'fast' });
  expect(await specOf('kept')).toEqual({ volumeName: 'by-hand' });
});

describe('what a dump lacks', () => {
  test('is nothing where every list was answered', async () => {
    expect(await dumpOf({})).toMatchObject({ objects: 4, omissions: [] });
  });

  test.each([403, 405])('is no fault where the server refuses by %i whenever it is asked', async (status) => {
    const { omissions } = await dumpOf({ '/api/v1/namespaces': status });
    expect(omissions).toEqual([expect.objectContaining({ what: 'namespaces', isFault: false })]);
  });

  test('is nothing where a kind was taken away meanwhile', async () => {
    expect((await dumpOf({ '/api/v1/namespaces': 404 })).omissions).toEqual([]);
  });

  // An account whose token is no more valid would lack all that comes after.
  test.each([400, 401, 429, 500, 503])('is a fault where the server refuses by %i', async (status) => {
    const { omissions } = await dumpOf({ '/api/v1/configmaps': status });
    expect(omissions).toEqual([{ what: 'configmaps', why: `refused by ${status}`, isFault: true }]);
  });

  test('is a fault where the server of a group does not answer', async () => {
    const groups = [{ name: 'down.example.com', versions: [{ version: 'v1' }] }];
    const { omissions } = await dumpOf({ '/apis': { groups }, '/apis/down.example.com/v1': 503 });
    expect(omissions).toEqual([{ what: 'down.example.com/v1', why: 'refused by 503', isFault: true }]);
  });

  test.each<[string, Record<string, number>, object[]]>([
    [
      'one namespace that it may not read',
      { '/api/v1/namespaces/bank/configmaps': 403 },
      [{ what: 'configmaps in 1 of 2 namespaces', ...forbidden }],
    ],
    [
      'one namespace that failed, and one that it may not read',
      { '/api/v1/namespaces/bank/configmaps': 403, '/api/v1/namespaces/shop/configmaps': 500 },
      [{ what: 'configmaps', ...failed }],
    ],
    [
      'all but its own',
      { '/api/v1/namespaces': 403 },
      [
        { what: 'namespaces', ...forbidden },
        { what: 'configmaps outside shop', ...forbidden },
      ],
    ],
    [
      'all, and the rest is not told again',
      { '/api/v1/namespaces': 403, '/api/v1/namespaces/shop/configmaps': 403 },
      [
        { what: 'namespaces', ...forbidden },
        { what: 'configmaps', ...forbidden },
      ],
    ],
    [
      'all but its own, since the list of namespaces failed',
      { '/api/v1/namespaces': 500 },
      [
        { what: 'namespaces', ...failed },
        { what: 'configmaps outside shop', ...failed },
      ],
    ],
  ])('of an account that reads by namespaces is: %s', async (_, changed, omissions) => {
    expect((await dumpOf({ '/api/v1/configmaps': 403, ...changed })).omissions).toEqual(omissions);
  });
});

describe('what a dump counts', () => {
  test('is told apart by whether it is a session of ours', async () => {
    const group = 'stash.appscode.com';
    const resources = [resource('backupsessions', 'BackupSession', true)];
    const changed = {
      '/apis': { groups: [{ name: group, versions: [{ version: 'v1beta1' }] }] },
      [`/apis/${group}/v1beta1`]: { resources },
      [`/apis/${group}/v1beta1/backupsessions`]: { items: [named('nightly-1', 'shop')], metadata: {} },
    };
    expect(await dumpOf(changed, false)).toMatchObject({ objects: 5, sessions: 1 });
    const blind = { '/api/v1/namespaces': 403, '/api/v1/configmaps': 403 };
    expect(await dumpOf({ ...changed, ...blind }, false)).toMatchObject({ objects: 2, sessions: 1 });
  });
});

describe('a list that the server forgets in the middle', () => {
  const gone = (more: object) => new ApiError(410, { reason: 'Expired', message: 'too old', ...more });
  const page = (names: string[], next?: string) => ({
    items: names.map((name) => named(name, 'shop')),
    metadata: next === undefined ? {} : { continue: next },
  });

  test('goes on where the server says, and has everything once', async () => {
    const { objects, omissions, files } = await dumpOf({
      '/api/v1/namespaces': { items: [named('shop')], metadata: {} },
      '/api/v1/configmaps': (query) => {
        if (query.continue === undefined) return page(['a', 'b'], 'old');
        if (query.continue === 'old') throw gone({ metadata: { continue: 'from c, as it is now' } });
        return page(['c', 'd']);
      },
    });
    expect({ objects, omissions }).toEqual({ objects: 5, omissions: [] });
    expect(files.filter((file) => file.includes('ConfigMap'))).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => `core/v1/ConfigMap/shop/${name}.yaml`),
    );
  });

  test('is begun again where it cannot go on, and what is gone by then is in no file', async () => {
    let begun = 0;
    const { objects, omissions, files } = await dumpOf({
      '/api/v1/namespaces': { items: [named('shop')], metadata: {} },
      '/api/v1/configmaps': (query) => {
        if (query.continue === undefined) return page(begun++ === 0 ? ['a', 'b'] : ['b', 'c'], 'old');
        if (begun === 1) throw gone({});
        return page(['d']);
      },
    });
    expect({ objects, omissions }).toEqual({ objects: 4, omissions: [] });
    expect(files.filter((file) => file.includes('ConfigMap'))).toEqual(
      ['b', 'c', 'd'].map((name) => `core/v1/ConfigMap/shop/${name}.yaml`),
    );
  });

  test('is a fault where it is forgotten every time', async () => {
    const { objects, omissions } = await dumpOf({
      '/api/v1/configmaps': (query) => {
        if (query.continue === undefined) return page(['a'], 'old');
        throw gone({});
      },
    });
    expect(objects).toBe(2);
    expect(omissions).toEqual([{ what: 'configmaps', why: 'too old', isFault: true }]);
  });

  test('of the namespaces loses none of them', async () => {
    let begun = 0;
    const { objects, omissions } = await dumpOf({
      '/api/v1/configmaps': 403,
      '/api/v1/namespaces': (query) => {
        if (query.continue === undefined) begun++;
        // Begun for the namespaces themselves, and then to look in each.
        if (query.continue === undefined && begun === 2) return page(['bank'], 'old');
        if (query.continue !== undefined) throw gone({});
        return { items: [named('bank'), named('shop')], metadata: {} };
      },
    });
    expect({ objects, omissions }).toEqual({ objects: 4, omissions: [] });
  });
});
