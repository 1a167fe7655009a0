import type { TargetReference } from '../api/object.ts';
import { type DataClaim, dataClaimsOf } from '../injection/data-volumes.ts';
import { overlap } from '../injection/paths.ts';
import { type WorkloadCaches, workloadKey } from './workload-caches.ts';

/** The target of a backup or of a restore, as far as it tells where the data is. */
export interface SharedTarget {
  ref: TargetReference;
  directories?: string[];
  container?: string;
}

/**
 * Whether two targets of `namespace` are, in part at least, the same data. One volume may go by several names: that of the claim, and
 * that of each workload that mounts it.
 */
export function shareData(
  workloads: Pick<WorkloadCaches, 'get'>,
  namespace: string,
  a: SharedTarget,
  b: SharedTarget,
): boolean {
  if (workloadKey(namespace, a.ref) === workloadKey(namespace, b.ref)) return true;
  const others = claimsOf(workloads, namespace, b);
  return claimsOf(workloads, namespace, a).some((one) => others.some((other) => isShared(one, other)));
}

function claimsOf(
  workloads: Pick<WorkloadCaches, 'get'>,
  namespace: string,
  { ref, directories = [], container }: SharedTarget,
): DataClaim[] {
  // Where a Function looks in a claim is its own affair.
  if (ref.kind === 'PersistentVolumeClaim') return [{ claim: ref.name, isOfOrdinals: false, path: '/' }];
  const workload = workloads.get(workloadKey(namespace, ref));
  if (workload === undefined) return [];
  return dataClaimsOf(workload, { directories, ...(container !== undefined && { container }) });
}

function isShared(one: DataClaim, other: DataClaim): boolean {
  return overlap(one.path, other.path) && (isClaimIn(one, other) || isClaimIn(other, one));
}

/** Whether `one` is `other`, or one of those that `other` stands for. */
function isClaimIn(one: DataClaim, other: DataClaim): boolean {
  if (one.isOfOrdinals === other.isOfOrdinals) return one.claim === other.claim;
  return (
    other.isOfOrdinals &&
    one.claim.startsWith(other.claim) &&
    /^[0-9]+$/.test(one.claim.slice(other.claim.length))
  );
}
