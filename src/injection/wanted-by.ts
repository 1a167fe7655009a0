import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { localMountPath } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { DirectoriesWanted, RepositoryWanted } from './wanted.ts';

/** What an object asks of its target: the same in the webhook, in the controllers and on the command line. */
export function wantedBy(
  { metadata, spec }: Pick<BackupConfiguration | RestoreSession, 'metadata' | 'spec'>,
  repository: Repository,
): DirectoriesWanted {
  const { container, directories } = spec.target;
  return {
    name: metadata.name,
    directories,
    repository: repositoryWanted(repository),
    ...(container !== undefined && { container }),
  };
}

function repositoryWanted(repository: Repository): RepositoryWanted {
  const { local, storageSecretName } = repository.spec.backend;
  return {
    name: repository.metadata.name,
    secretName: storageSecretName,
    local: { persistentVolumeClaim: local.persistentVolumeClaim, mountPath: localMountPath(repository) },
  };
}
