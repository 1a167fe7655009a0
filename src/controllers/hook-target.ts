import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/annotations.ts';
import type { TargetReference } from '../api/object.ts';
import type { Client } from '../kube/client.ts';
import { pods } from '../kube/resource.ts';
import { hasEnded, type Pod, podsOf } from './agent-pods.ts';
import type { Caches } from './caches.ts';
import type { Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';

/** In whose pods hooks run: those of a workload, or those that have a claim mounted. */
export type HookTarget = { workload: Workload } | { namespace: string; claim: string };

/** That of `ref`; undefined where the workload is gone. */
export function hookTargetOf(
  caches: Pick<Caches, 'workloads'>,
  namespace: string,
  ref: TargetReference | undefined,
): HookTarget | undefined {
  if (ref?.kind === 'PersistentVolumeClaim') return { namespace, claim: ref.name };
  const workload = ref && caches.workloads.get(workloadKey(namespace, ref));
  return workload && { workload };
}

export function namespaceOf(target: HookTarget): string {
  return 'workload' in target ? (target.workload.metadata.namespace ?? '') : target.namespace;
}

/** `target` in a sentence. */
export function describeTarget(target: HookTarget): string {
  if ('claim' in target) return `PersistentVolumeClaim "${target.claim}"`;
  return `${target.workload.kind} "${target.workload.metadata.name}"`;
}

/** All pods in which a hook may run: a pod of a Job of ours is none, which has the storage's credentials. */
export async function podsOfTarget(client: Client, target: HookTarget): Promise<Pod[]> {
  if ('workload' in target) return podsOf(client, target.workload);
  const all = await client.list<Pod>(pods, { namespace: target.namespace });
  return all.filter(
    (pod) =>
      claimVolumes(pod, target.claim).length > 0 && pod.metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY,
  );
}

/** The oldest running pod that has the claim mounted; undefined where none runs. */
export async function holderOf(client: Client, namespace: string, claim: string): Promise<Pod | undefined> {
  const born = ({ metadata }: Pod) => metadata.creationTimestamp ?? '';
  const holders = await podsOfTarget(client, { namespace, claim });
  return holders.filter(isRunning).sort((a, b) => born(a).localeCompare(born(b)))[0];
}

/** Whether `pod` runs, and is not on its way out. */
export function isRunning(pod: Pod): boolean {
  return !hasEnded(pod) && pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
}

/** The names of the volumes of `pod` that are the claim. */
export function claimVolumes({ spec }: Pod, claim: string): string[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim }) =>
    persistentVolumeClaim?.claimName === claim && name !== undefined ? [name] : [],
  );
}
