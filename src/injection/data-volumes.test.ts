import { describe, expect, it } from 'vitest';
import { dataVolumesOf } from './data-volumes.ts';
import { backup, deployment, OPTIONS } from './fixtures.ts';
import { inject } from './inject.ts';
import type { Raw } from './raw.ts';

const withVolume = (source: Raw) => deployment({ volumes: [{ name: 'data', ...source }] });
const wanted = { directories: ['/data/'] };

describe('the volume of a directory', () => {
  it.each<[string, Raw, string]>([
    ['a claim', { persistentVolumeClaim: { claimName: 'c' } }, 'Shared'],
    ['a share', { nfs: { server: 's', path: '/' } }, 'Shared'],
    ['a directory of the node', { hostPath: { path: '/srv' } }, 'Node'],
    ['an emptyDir', { emptyDir: {} }, 'Pod'],
    ['a volume without a kind, which is an emptyDir', {}, 'Pod'],
    ['a claim of the pod', { ephemeral: {} }, 'Pod'],
    ['an inline volume of a driver', { csi: { driver: 'd' } }, 'Pod'],
  ])('is %s', (_, source, owner) => {
    expect(dataVolumesOf(withVolume(source), wanted)).toEqual([
      { name: 'data', directory: '/data/', kind: Object.keys(source)[0] ?? 'emptyDir', owner },
    ]);
  });

  it('is the claim of the ordinal, where a StatefulSet has a template of this name', () => {
    const { spec, ...rest } = withVolume({ emptyDir: {} });
    const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] };
    const workload = { ...rest, kind: 'StatefulSet', spec: { ...(spec as Raw), ...claims } };
    expect(dataVolumesOf(workload, wanted)).toMatchObject([{ name: 'data', owner: 'Ordinal' }]);
  });

  it('is found in a workload that has a sidecar as in one without', () => {
    const { workload } = inject(deployment(), { backups: [backup()], restores: [] }, OPTIONS);
    expect(dataVolumesOf(workload, wanted)).toEqual(dataVolumesOf(deployment(), wanted));
  });

  it('is none where no volume holds the directory', () => {
    expect(dataVolumesOf(deployment(), { directories: ['/srv'] })).toEqual([]);
    expect(dataVolumesOf({}, wanted)).toEqual([]);
  });
});
