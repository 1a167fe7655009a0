import { type ConditionNow, findCondition } from '../api/conditions.ts';
import { claimNameOf } from '../api/local-backend.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import type { Claim } from './caches.ts';
import type { Forbidden } from './volume-policy.ts';

/**
 * Whether agents can be given `repository`: a pod with a claim that is not there would never start, so that it is asked before
 * anything is injected.
 */
export function repositoryReadiness(
  repository: Repository,
  claim: Claim | undefined,
  forbidden?: Forbidden,
): ConditionNow {
  const said = { type: REPOSITORY_READY, observedGeneration: repository.metadata.generation ?? 0 };
  if (forbidden !== undefined) {
    const { reason, path, message } = forbidden;
    return { ...said, status: 'False', reason, message: `${path}: ${message}` };
  }
  const claimName = claimNameOf(repository);
  if (claimName === undefined && repository.spec.backend.local !== undefined) {
    const message =
      'its volume is mounted with the first pod that needs it; whether that can be is not known before';
    return { ...said, status: 'True', reason: 'VolumeAllowed', message };
  }
  if (claimName === undefined) {
    const message = 'its backend needs no volume; whether it can be reached is known with the first backup';
    return { ...said, status: 'True', reason: 'NoVolumeNeeded', message };
  }
  if (claim === undefined) {
    return {
      ...said,
      status: 'False',
      reason: 'ClaimNotFound',
      message: `spec.backend.local.persistentVolumeClaim.claimName: there is no PersistentVolumeClaim "${claimName}" in namespace ${repository.metadata.namespace}; create it, or name another in a new Repository`,
    };
  }
  if (isGoing(claim)) {
    return {
      ...said,
      status: 'False',
      reason: 'ClaimGoing',
      message: `the PersistentVolumeClaim "${claimName}" is being deleted or has lost its volume; no agent is given it`,
    };
  }
  if (claim.spec.accessModes?.includes('ReadWriteOncePod') === true) {
    return {
      ...said,
      status: 'False',
      reason: 'ClaimNotShareable',
      message: `the PersistentVolumeClaim "${claimName}" is ReadWriteOncePod, for one pod alone, and an agent stands in each pod of a workload, the next ones too; use a claim that is ReadWriteMany, or ReadWriteOnce on one node`,
    };
  }
  // A claim that waits for its first consumer is Pending until an agent mounts it.
  return {
    ...said,
    status: 'True',
    reason: 'ClaimFound',
    message: `the claim "${claimName}" holds the repository`,
  };
}

/** Whether `claim` is being deleted, or has lost its volume: a new pod that mounts it may never start. */
export function isGoing({ metadata, status }: Claim): boolean {
  return metadata.deletionTimestamp !== undefined || status.phase === 'Lost';
}

/** Whether the repository was found ready when it was last looked at. */
export function isUsable(repository: Repository): boolean {
  return (
    repository.metadata.deletionTimestamp === undefined &&
    findCondition(repository.status?.conditions, REPOSITORY_READY)?.status === 'True'
  );
}
