import { readRecord } from '../injection/record.ts';
import { type KubernetesEvent, lastSeen, newest } from './job-state.ts';
import { replicasOf, type Workload } from './workload.ts';

/** Whether `workload` has too few pods, with something of ours in them, and why, where its status tells. */
export type Shortage = { kind: 'None' } | { kind: 'Some'; message?: string };

/** A controller that is refused tries again ever more rarely, and writes its Events more rarely still; in milliseconds. */
const EVENT_INTERVAL = 300_000;

/** By the status alone: that of a Deployment says why, those of the others only how many pods there are. */
export function shortageOf(workload: Workload): Shortage {
  const { kind, metadata, spec, status = {} } = workload;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return { kind: 'None' };
  const failure = status.conditions?.find((each) => each.type === 'ReplicaFailure' && each.status === 'True');
  const isShort =
    kind === 'Deployment' ? failure !== undefined : podCounts(workload).all < replicasOf(workload);
  if (!isShort || readRecord(spec.template?.metadata?.annotations) === undefined) return { kind: 'None' };
  return { kind: 'Some', ...(failure?.message !== undefined && { message: failure.message }) };
}

/** What the API server said of the pods, as their controller told; undefined where nothing refuses them. @param since - of the shortage */
export function refusalIn(warnings: readonly KubernetesEvent[], since: number): string | undefined {
  const refused = newest(warnings.filter(({ reason }) => reason === 'FailedCreate'));
  return refused !== undefined && lastSeen(refused) > since - EVENT_INTERVAL ? refused.note : undefined;
}

/**
 * Whether the pods of `workload` that are missing may be missing for our sake. Where each that is there is made from the template as it
 * stands, such pods are admitted, and what is refused is one more of them: by a quota as a rule, at the peak of a load. To take the
 * sidecar out for that would restart them all, and end their backup.
 */
export function mayBeOurs(workload: Workload): boolean {
  const { all, updated } = podCounts(workload);
  return updated === 0 || updated < all;
}

function podCounts({ kind, status = {} }: Workload): { all: number; updated: number } {
  return kind === 'DaemonSet'
    ? { all: status.currentNumberScheduled ?? 0, updated: status.updatedNumberScheduled ?? 0 }
    : { all: status.replicas ?? 0, updated: status.updatedReplicas ?? 0 };
}
