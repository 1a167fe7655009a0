import type { Repository } from './repository.ts';

/** Where the volume of a `local` repository is mounted in an agent. */
export function localMountPath({ metadata, spec }: Pick<Repository, 'metadata' | 'spec'>): string {
  return spec.backend.local?.mountPath ?? `/stash/repositories/${metadata.name}`;
}

/** The claim whose volume the repository is on; undefined where it needs none. */
export function claimNameOf({ spec }: Pick<Repository, 'spec'>): string | undefined {
  return spec.backend.local?.persistentVolumeClaim?.claimName;
}
