import { localMountPath } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import type { WorkloadBackup, WorkloadRestore } from '../api/workload-target.ts';
import type { BackupWanted, LocalWanted, RepositoryWanted } from './wanted.ts';

/** What an object asks of its target: the same in the webhook, in the controllers and on the command line. */
export function wantedBy(asking: Asking, repository: Repository): BackupWanted {
  return wantedOf(asking, repositoryWanted(repository));
}

type Asking = Pick<WorkloadBackup | WorkloadRestore, 'metadata' | 'spec'>;

/** The same, where the Repository is not known, or not to be asked. */
export function wantedOf({ metadata, spec }: Asking, repository: RepositoryWanted): BackupWanted {
  const { container, directories } = spec.target;
  const settings = 'runtimeSettings' in spec ? spec.runtimeSettings : undefined;
  const { resources, securityContext } = settings?.container ?? {};
  const secrets = settings?.pod?.imagePullSecrets?.map((secret) => secret.name);
  const edition = editionOf(metadata);
  return {
    name: metadata.name,
    ...(edition !== undefined && { edition }),
    // A configuration that is made anew under its name restarts nothing; a restore that is made anew is to be done again.
    ...(!('schedule' in spec) && metadata.uid !== undefined && { uid: metadata.uid }),
    directories,
    repository,
    ...(container !== undefined && { container }),
    ...((resources !== undefined || securityContext !== undefined) && {
      settings: {
        ...(resources !== undefined && { resources }),
        ...(securityContext !== undefined && { securityContext }),
      },
    }),
    ...(secrets !== undefined && { imagePullSecrets: secrets }),
  };
}

/** Another one for each object and each form of its spec; undefined where the API server has not seen it. */
export function editionOf({ uid, generation }: Asking['metadata']): string | undefined {
  return uid === undefined || generation === undefined ? undefined : `${uid}.${generation}`;
}

/** What is mounted of `repository`. */
export function repositoryWanted(repository: Repository): RepositoryWanted {
  const { local, storageSecretName } = repository.spec.backend;
  return {
    name: repository.metadata.name,
    secretName: storageSecretName,
    ...(local !== undefined && { local: localWanted(local, localMountPath(repository)) }),
  };
}

function localWanted(
  { persistentVolumeClaim, nfs, hostPath }: NonNullable<Repository['spec']['backend']['local']>,
  mountPath: string,
): LocalWanted {
  return {
    ...(persistentVolumeClaim !== undefined && { persistentVolumeClaim }),
    ...(nfs !== undefined && { nfs }),
    ...(hostPath !== undefined && { hostPath }),
    mountPath,
  };
}
