import { describe, expect, it } from 'vitest';
import { aWorkload } from './objects.fixture.ts';
import { type SharedTarget, shareData } from './shared-targets.ts';
import type { Workload } from './workload.ts';
import { WorkloadCaches } from './workload-caches.ts';

const claim = (name: string): SharedTarget => ({
  ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name },
});
const binding = (name: string): SharedTarget => ({
  ref: { apiVersion: 'appcatalog.appscode.com/v1alpha1', kind: 'AppBinding', name },
});
const workload = (kind: string, name: string, ...directories: string[]): SharedTarget => ({
  ref: { apiVersion: 'apps/v1', kind, name },
  directories: directories.length === 0 ? ['/data'] : directories,
});
const shop = workload('Deployment', 'shop');
const web = workload('StatefulSet', 'web');

function aPodTemplate(mounts: object[], claims: string[]): NonNullable<Workload['spec']['template']> {
  const containers = [{ name: 'app', volumeMounts: mounts }];
  const volumes = claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { spec: { containers, volumes } } as NonNullable<Workload['spec']['template']>;
}

function cached(kind: string, name: string, mounts: object[], claims: string[], spec: object = {}) {
  return aWorkload({
    kind,
    metadata: { name, namespace: 'demo' },
    spec: { template: aPodTemplate(mounts, claims), ...spec },
  });
}

function caching(...all: Workload[]): WorkloadCaches {
  const caches = new WorkloadCaches();
  for (const each of all) caches.of(each.kind).set(each);
  return caches;
}

const workloads = caching(
  cached(
    'Deployment',
    'shop',
    [
      { name: 'data', mountPath: '/data' },
      { name: 'files', mountPath: '/files', subPath: 'shop' },
    ],
    ['data', 'files'],
  ),
  cached('Deployment', 'reader', [{ name: 'data', mountPath: '/shown' }], ['data']),
  cached('Deployment', 'other', [{ name: 'files', mountPath: '/files', subPath: 'other' }], ['files']),
  cached('DaemonSet', 'each', [{ name: 'files', mountPath: '/f', subPathExpr: '$(NODE)' }], ['files']),
  cached('StatefulSet', 'web', [{ name: 'data', mountPath: '/data' }], [], {
    volumeClaimTemplates: [{ metadata: { name: 'data' } }],
  } as object),
);

describe('two targets', () => {
  it.each<[string, SharedTarget, SharedTarget, boolean]>([
    ['one claim', claim('data'), claim('data'), true],
    ['one AppBinding', binding('data'), binding('data'), true],
    ['one workload, by two directories', shop, workload('Deployment', 'shop', '/files'), true],
    ['a claim, and a workload that mounts it', claim('data'), shop, true],
    ['two workloads that mount one claim', shop, workload('Deployment', 'reader', '/shown'), true],
    ['a claim of an ordinal, and its StatefulSet', claim('data-web-0'), web, true],
    ['a claim of an ordinal that is scaled away', claim('data-web-12'), web, true],
    ['a directory, and one in it', workload('Deployment', 'reader', '/shown/a'), shop, true],
    [
      'directories of a claim, as far as can be told',
      workload('DaemonSet', 'each', '/f'),
      workload('Deployment', 'other', '/files'),
      true,
    ],
    ['an AppBinding and a claim of its name', binding('data'), claim('data'), false],
    ['two claims', claim('data-web-0'), claim('data-web-1'), false],
    ['a workload, and a claim that holds other directories', shop, claim('files'), false],
    ['a StatefulSet, and a claim of another name', web, claim('data-web-old'), false],
    ['a StatefulSet, and a Deployment of a claim of the same name', web, shop, false],
    [
      'two directories of one claim',
      workload('Deployment', 'shop', '/files'),
      workload('Deployment', 'other', '/files'),
      false,
    ],
    [
      'two directories of one volume',
      workload('Deployment', 'shop', '/data/a'),
      workload('Deployment', 'reader', '/shown/b'),
      false,
    ],
    ['a claim, and a workload that is not known', claim('data'), workload('Deployment', 'gone'), false],
  ])('share data or not: %s', (_, one, other, isShared) => {
    expect(shareData(workloads, 'demo', one, other)).toBe(isShared);
    expect(shareData(workloads, 'demo', other, one)).toBe(isShared);
  });

  it('share nothing by the claim of a repository, which injection mounts', () => {
    const mounts = [{ name: 'data', mountPath: '/data' }];
    const two = caching(
      cached('Deployment', 'shop', mounts, ['data', 'backups']),
      cached('Deployment', 'reader', [{ name: 'own', mountPath: '/data' }], ['own', 'backups']),
    );
    expect(shareData(two, 'demo', shop, workload('Deployment', 'reader'))).toBe(false);
  });
});
