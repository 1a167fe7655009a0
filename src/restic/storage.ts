import type { Repository } from '../api/repository.ts';
import { locationOf } from './backend.ts';
import { credentialKeys } from './credentials.ts';
import { backendOf } from './repository-backend.ts';

/** How restic reaches a repository from any container: what it is told, and under which keys of the storage Secret the rest stands. */
export interface Storage {
  /** Environment variables with their values. */
  variables: Record<string, string>;
  /** Environment variables, and the key of the storage Secret that each has its value from. */
  secretVariables: Record<string, string>;
  /** Environment variables, and the key of the storage Secret whose file each names. */
  secretFiles: Record<string, string>;
}

/**
 * What a container needs for restic to find the repository and its credentials, said without the Secret, which whoever makes the pod
 * has never seen. Options of restic (`--option=s3.connections=…`) cannot be said by the environment: they are left to our own steps.
 *
 * @throws {TypeError} where no backend is named, which the schema of a Repository refuses
 */
export function storageOf(repository: Pick<Repository, 'metadata' | 'spec'>): Storage {
  const { name, repository: location, variables } = locationOf(backendOf(repository));
  return { variables: { RESTIC_REPOSITORY: location, ...variables }, ...credentialKeys(name) };
}
