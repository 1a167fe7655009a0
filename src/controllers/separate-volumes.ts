import type { Problem } from '../api/problem.ts';
import { type DataVolume, dataVolumesOf } from '../injection/data-volumes.ts';
import { DIRECTORIES_FIELD } from '../injection/problem.ts';
import type { DirectoriesWanted } from '../injection/wanted.ts';
import { replicasOf, type Workload } from './workload.ts';

/**
 * Why the pods of `workload`, a Deployment, do not have the same data in the directories of `target`: it has several, and each has a volume
 * of its own, or that of its node. There is one backup of them all, which would be of an arbitrary one, and one to restore from.
 */
export function separateVolumes(
  workload: Workload,
  target: Pick<DirectoriesWanted, 'directories' | 'container'>,
): Problem | undefined {
  const { kind, metadata } = workload;
  const count = replicasOf(workload);
  if (kind !== 'Deployment' || count <= 1) return undefined;
  const separate = dataVolumesOf(workload, target).find(({ owner }) => owner === 'Pod' || owner === 'Node');
  if (separate === undefined) return undefined;
  return {
    path: DIRECTORIES_FIELD,
    message: `${lying(separate)}, which is not the same for all ${count} pods of Deployment "${metadata.name}", and there is one backup: scale it to one replica, or make it a StatefulSet`,
  };
}

/** Where a directory is, as the beginning of a sentence. */
export function lying({ directory, name, kind }: DataVolume): string {
  return `${directory} lies in the volume "${name}" (${kind})`;
}
