import { claimNameOf } from '../api/local-backend.ts';
import { canonicalJSON } from '../api/names.ts';
import type { Repository } from '../api/repository.ts';

/**
 * Where the snapshots of `repository` are, as a key: two Repositories of one place are one repository to restic, and what must not happen
 * twice at once in one must not happen in both.
 */
export function placeOf({ metadata, spec }: Repository): string {
  const { storageSecretName: _, ...backend } = spec.backend;
  const isOfNamespace = claimNameOf({ metadata, spec } as Repository) !== undefined;
  return `${isOfNamespace ? metadata.namespace : ''}/${canonicalJSON(backend)}`;
}
