import type { WorkloadRestore } from '../api/workload-target.ts';
import { type DataVolume, dataVolumesOf } from '../injection/data-volumes.ts';
import { DIRECTORIES_FIELD } from '../injection/problem.ts';
import { lying, separateVolumes } from './separate-volumes.ts';
import { replicasOf, type Workload } from './workload.ts';

/** Why a workload cannot be restored into as it is, for the condition of the session. */
export interface TargetFault {
  reason: 'SeparateVolumes' | 'SharedVolume' | 'OldPodsWrite';
  message: string;
}

/**
 * What keeps a restore into `workload` from giving each pod its data, or from being left alone with it.
 *
 * A Deployment has one backup, so that its pods must see the same files, or be one. The pods of a StatefulSet and a DaemonSet have
 * one backup each, so that they must see files of their own, or be one; and they are restored one after another, so that a pod must
 * be gone before its successor begins.
 */
export function targetFault(workload: Workload, session: WorkloadRestore): TargetFault | undefined {
  const separate = separateVolumes(workload, session.spec.target);
  if (separate !== undefined)
    return { reason: 'SeparateVolumes', message: `${separate.path}: ${separate.message}` };
  const { kind, metadata } = workload;
  if (kind === 'Deployment') return undefined;
  const several = replicasOf(workload) > 1;
  const volumes = dataVolumesOf(workload, session.spec.target);
  const found = (...owners: DataVolume['owner'][]) => volumes.find(({ owner }) => owners.includes(owner));
  const shared = several
    ? found('Shared', ...(kind === 'StatefulSet' ? (['Node'] as const) : []))
    : undefined;
  if (shared !== undefined) {
    const message = `${DIRECTORIES_FIELD}: ${lying(shared)}, which the ${replicasOf(workload)} pods of ${kind} "${metadata.name}" share: each would restore its own backup over what the others have; scale it to one, or restore into a volume of its own for each pod`;
    return { reason: 'SharedVolume', message };
  }
  const surge = workload.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  const overlapping =
    kind === 'DaemonSet' && surge !== 0 && surge !== '0%' ? found('Node', 'Shared') : undefined;
  if (overlapping === undefined) return undefined;
  const message = `${DIRECTORIES_FIELD}: ${lying(overlapping)}, and the old pod of DaemonSet "${metadata.name}" goes on writing there while its successor is restored (spec.updateStrategy.rollingUpdate.maxSurge is ${surge}): set maxSurge to 0`;
  return { reason: 'OldPodsWrite', message };
}

/** Whether old pods of `workload` would go on writing where the session restores: new ones begin before these are gone. */
export function mustBeEmptied(workload: Workload, session: WorkloadRestore): boolean {
  if (workload.kind !== 'Deployment') return false;
  return dataVolumesOf(workload, session.spec.target).some(({ owner }) => owner !== 'Pod');
}
