import { inject } from './inject.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';
import type { BackupWanted, InjectionOptions, RepositoryWanted, RestoreWanted, Wanted } from './wanted.ts';

/* What the tests of this room are made of. */

export const OPTIONS: InjectionOptions = {
  image: 'stash:1',
  imagePullSecrets: [],
  nativeSidecar: false,
  resources: { requests: { cpu: '10m', memory: '64Mi' } },
};

export const NOTHING: Wanted = { backups: [], restores: [] };

export const REPOSITORY: RepositoryWanted = {
  name: 'repository',
  secretName: 'storage',
  local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/stash/repositories/repository' },
};

export function backup(fields: Partial<BackupWanted> = {}): BackupWanted {
  return { name: 'nightly', repository: REPOSITORY, directories: ['/data'], ...fields };
}

export function restore(fields: Partial<RestoreWanted> = {}): RestoreWanted {
  return { name: 'again', repository: REPOSITORY, directories: ['/data'], ...fields };
}

/** A Deployment with one container `app` that has a claim at /data, where `pod` says nothing else. */
export function deployment(pod: Raw = {}): Raw {
  const app = { name: 'app', image: 'app:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const data = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [app], volumes: [data], ...pod },
      },
    },
  };
}

export function podSpecOf(workload: Raw): Raw {
  return rawOf(rawOf(rawOf(workload.spec).template).spec);
}

/** The container of this name, wherever it is; without fields where there is none. */
export function containerOf(workload: Raw, name: string): Raw {
  const { containers, initContainers } = podSpecOf(workload);
  return rawOf([...rawsOf(containers), ...rawsOf(initContainers)].find((each) => each.name === name));
}

/** The sidecar that `wanted` gives a pod. */
export function sidecarIn(pod: Raw, wanted: BackupWanted = backup(), options = OPTIONS): Raw {
  return containerOf(inject(deployment(pod), { backups: [wanted], restores: [] }, options).workload, 'stash');
}

export function restoreIn(pod: Raw, wanted: RestoreWanted = restore(), options = OPTIONS): Raw {
  const { workload } = inject(deployment(pod), { backups: [], restores: [wanted] }, options);
  return containerOf(workload, 'stash-restore');
}

export function namesOf(list: unknown): unknown[] {
  return rawsOf(list).map(({ name }) => name);
}
