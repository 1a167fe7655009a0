import { type Problem, quoted } from '../api/problem.ts';
import type { RepositorySpec } from '../api/repository.ts';
import { coveredByRepository, normalPath } from '../injection/paths.ts';

/** The volume of the repository must leave the agent its own files. */
export function mountIsFree({ backend }: RepositorySpec): Problem[] {
  const mountPath = backend.local?.mountPath;
  if (mountPath === undefined) return [];
  const covered = coveredByRepository(normalPath(mountPath));
  if (covered === undefined) return [];
  const message = `${quoted(mountPath)} meets ${covered}, which the agent has for itself; write another path such as /backup, or leave it out`;
  return [{ path: 'spec.backend.local.mountPath', message }];
}

export function claimIsWritable({ backend }: RepositorySpec): Problem[] {
  if (backend.local?.persistentVolumeClaim?.readOnly !== true) return [];
  return [
    {
      path: 'spec.backend.local.persistentVolumeClaim.readOnly',
      message: 'a repository on a read-only claim can be restored from, and takes no backup',
    },
  ];
}
