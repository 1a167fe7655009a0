import type { Repository } from './repository.ts';

/** Where the volume of a `local` repository is mounted in an agent. */
export function localMountPath(repository: Repository): string {
  return repository.spec.backend.local.mountPath ?? `/stash/repositories/${repository.metadata.name}`;
}
