import { describe, expect, it } from 'vitest';
import { INJECTED_ANNOTATION } from '../api/annotations.ts';
import { createCaches } from './caches.ts';
import { aConfiguration, aRepository } from './objects.fixture.ts';
import { wantedAtRest, wantedFor } from './wanted.ts';

function cachesWith(...configurations: Parameters<typeof aConfiguration>[0][]) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  for (const over of configurations) caches.configurations.set(aConfiguration(over));
  return caches;
}

const named = (name: string, rollout: 'Automatic' | 'OnNextUpdate' = 'Automatic') => ({
  metadata: { name },
  spec: { rollout },
});
const carrying = (...backups: string[]) => ({
  [INJECTED_ANNOTATION]: JSON.stringify({
    ...{
      containers: [],
      initContainers: [],
      volumes: [],
      imagePullSecrets: [],
      restores: [],
      restoresServed: [],
      backupsServed: backups,
    },
    ...{ backups, backupsWanted: 'x', template: 'x', before: {} },
  }),
});
const names = (wanted: ReturnType<typeof wantedAtRest>) => wanted?.backups.map(({ name }) => name);

describe('wantedFor', () => {
  it('is every configuration of the workload, by name, with where its repository is mounted', () => {
    const wanted = wantedFor(cachesWith(named('b'), named('a')), 'demo', 'Deployment', 'shop');
    expect(names(wanted)).toEqual(['a', 'b']);
    expect(wanted.backups[0]?.repository).toMatchObject({
      name: 'repo',
      local: { mountPath: '/stash/repositories/repo' },
    });
  });

  it('is nothing for another kind, name or namespace', () => {
    const caches = cachesWith(named('a'));
    for (const [namespace, kind, name] of [
      ['other', 'Deployment', 'shop'],
      ['demo', 'StatefulSet', 'shop'],
      ['demo', 'Deployment', 'blog'],
    ] as const) {
      expect(wantedFor(caches, namespace, kind, name).backups).toEqual([]);
    }
  });

  it('leaves out what is being deleted, and what has no repository that can be mounted', () => {
    const caches = cachesWith(
      { metadata: { name: 'going', deletionTimestamp: '2026-11-22T18:00:00Z' } },
      named('stays'),
    );
    expect(names(wantedFor(caches, 'demo', 'Deployment', 'shop'))).toEqual(['stays']);
    caches.repositories.set({ ...aRepository({ metadata: { resourceVersion: '2' } }), status: {} });
    expect(names(wantedFor(caches, 'demo', 'Deployment', 'shop'))).toEqual([]);
  });
});

describe('wantedAtRest', () => {
  const atRest = (caches: ReturnType<typeof createCaches>, annotations: unknown) =>
    wantedAtRest(caches, 'demo', wantedFor(caches, 'demo', 'Deployment', 'shop'), annotations);

  it('is all of it where every configuration rolls out by itself', () => {
    expect(names(atRest(cachesWith(named('a'), named('b')), {}))).toEqual(['a', 'b']);
  });

  it('is nothing where each waits for the next update, be it in already or not', () => {
    const caches = cachesWith(named('a', 'OnNextUpdate'));
    expect(atRest(caches, {})).toBeUndefined();
    expect(atRest(caches, carrying('a'))).toBeUndefined();
  });

  it('leaves out what waits and is not in yet', () => {
    const caches = cachesWith(named('a'), named('b', 'OnNextUpdate'));
    expect(names(atRest(caches, carrying('a')))).toEqual(['a']);
    expect(names(atRest(caches, carrying('a', 'b')))).toEqual(['a', 'b']);
  });

  it('takes out a configuration that is gone, whatever the others wait for', () => {
    expect(names(atRest(cachesWith(named('a', 'OnNextUpdate')), carrying('a', 'gone')))).toEqual(['a']);
  });
});
