import { localMountPath } from '../api/local-backend.ts';
import type { Repository } from '../api/repository.ts';
import type { Backend } from './backend.ts';

/** The backend of `repository`, with the place where its volume is mounted in every container that uses it. */
export function backendOf(repository: Pick<Repository, 'metadata' | 'spec'>): Backend {
  const { local, ...others } = repository.spec.backend;
  if (local === undefined) return others;
  const { subPath } = local;
  return { local: { mountPath: localMountPath(repository), ...(subPath !== undefined && { subPath }) } };
}
