import { quoted } from '../api/problem.ts';
import { rawOf, rawsOf } from '../injection/raw.ts';
import { hasEnded, type Pod } from './agent-pods.ts';
import type { Claim } from './caches.ts';
import { mountsClaim } from './claim-reach.ts';
import { replicasOf, type Workload } from './workload.ts';

/*
 * A claim that is ReadWriteOncePod is for one pod alone. The pod of a Job would wait for it, and be there first when the pod of its
 * workload is replaced: that would then wait for the end of a backup. So a Job is made only where nobody has, or is about to have, the claim.
 */

/**
 * Who keeps a Job from the claim `name`, as a sentence; undefined where nobody does, or the claim is not for one pod alone.
 *
 * @param pods - those of the namespace, without the Job's own
 * @param workloads - those of the namespace: between two pods of one, none has the claim
 */
export function claimInUse(
  name: string,
  claim: Claim | undefined,
  pods: readonly Pod[],
  workloads: readonly Workload[],
): string | undefined {
  if (claim?.spec.accessModes?.includes('ReadWriteOncePod') !== true) return undefined;
  const pod = pods.find((each) => !hasEnded(each) && mounts(each, name));
  const workload = workloads.find((each) => wants(each, name));
  if (pod === undefined && workload === undefined) return undefined;
  const holder =
    pod === undefined
      ? `the ${workload?.kind} ${quoted(workload?.metadata.name ?? '')}`
      : `the pod ${pod.metadata.name}`;
  return `the PersistentVolumeClaim ${quoted(name)} is ReadWriteOncePod, for one pod alone, and is that of ${holder}: the pod of a Job could take it when that one is replaced. Name the workload itself as target, whose own pods do the work, or scale it to zero`;
}

function mounts({ spec }: Pod, name: string): boolean {
  return (
    spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name) === true
  );
}

/** Whether `workload` is to have a pod with that claim: the same for all its pods, or one made for this very pod of a StatefulSet. */
function wants(workload: Workload, name: string): boolean {
  const replicas = replicasOf(workload);
  if (replicas === 0) return false;
  if (mountsClaim(workload, name)) return true;
  if (workload.kind !== 'StatefulSet') return false;
  const start = workload.spec.ordinals?.start ?? 0;
  return rawsOf(rawOf(workload.spec).volumeClaimTemplates).some((template) => {
    const prefix = `${rawOf(template.metadata).name}-${workload.metadata.name}-`;
    const ordinal = name.slice(prefix.length);
    const isOrdinal = name.startsWith(prefix) && /^\d+$/.test(ordinal);
    return isOrdinal && Number(ordinal) >= start && Number(ordinal) < start + replicas;
  });
}
