import type { KubernetesObject } from '../api/object.ts';
import { RESTORE, SIDECAR } from '../injection/layout.ts';
import { isServed, readRecord } from '../injection/record.ts';
import type { Client } from '../kube/client.ts';
import { pods } from '../kube/resource.ts';
import type { Workload } from './workload.ts';

/** The parts of a pod by which an agent in it is known. */
export interface Pod extends KubernetesObject {
  spec: { nodeName?: string; volumes?: { name?: string; persistentVolumeClaim?: { claimName: string } }[] };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  name: string;
  state?: {
    running?: object;
    waiting?: { reason?: string; message?: string };
    terminated?: { exitCode?: number; reason?: string; message?: string; finishedAt?: string };
  };
}

/** Which agent is looked for: the sidecar of a BackupConfiguration, or the init container of a RestoreSession. */
export interface AgentSought {
  role: 'backup' | 'restore';
  name: string;
  /**
   * What it has to be served with, see `servedPrint`: a pod that was made before the object changed would act on other volumes. Left out
   * where it is not known.
   */
  served?: string;
}

/**
 * The pods of `workload`, those that go among them, the best to act first: ready before not ready, old before new.
 *
 * They are asked for, not cached: a cache of all the pods of a cluster would cost more than all the rest.
 */
export async function podsOf(client: Client, workload: Workload): Promise<Pod[]> {
  const candidates = await client.list<Pod>(pods, {
    ...(workload.metadata.namespace !== undefined && { namespace: workload.metadata.namespace }),
    labelSelector: selectorText(workload.spec.selector),
  });
  return candidates.filter((pod) => isOf(pod, workload)).sort(byReadiness);
}

/** A Deployment names its ReplicaSets after itself and the hash that it puts on their pods; the others own their pods. */
export function isOf(pod: Pod, { kind, metadata }: Workload): boolean {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (kind !== 'Deployment') return owner?.kind === kind && owner.uid === metadata.uid;
  const hash = pod.metadata.labels?.['pod-template-hash'];
  return owner?.kind === 'ReplicaSet' && owner.name === `${metadata.name}-${hash}`;
}

/** Whether that agent runs in `pod` now. */
export function hasAgent(pod: Pod, sought: AgentSought): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return carries(pod, sought) && stateOf(pod, sought.role)?.running !== undefined;
}

/** Whether `pod` was made with that agent in it. */
export function carries({ metadata }: Pod, { role, name, served }: AgentSought): boolean {
  const record = readRecord(metadata.annotations);
  if (served !== undefined) return isServed(record, role, served);
  return (role === 'backup' ? record?.backups : record?.restores)?.includes(name) === true;
}

/**
 * Whether the containers of `pod` wait for that restore, or for what comes before it: nothing in the pod writes yet. Where the init
 * container has ended, it was for an earlier session of this name.
 */
export function isHeld(pod: Pod, restore: string): boolean {
  return (
    carries(pod, { role: 'restore', name: restore }) && stateOf(pod, 'restore')?.terminated === undefined
  );
}

/** Whether nothing runs in `pod` any more, however long it is kept. */
export function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function stateOf({ status }: Pod, role: AgentSought['role']): ContainerStatus['state'] {
  const container = role === 'backup' ? SIDECAR : RESTORE;
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return statuses.find(({ name }) => name === container)?.state;
}

function byReadiness(a: Pod, b: Pod): number {
  const ready = (pod: Pod) =>
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
      ? 0
      : 1;
  const born = (pod: Pod) => pod.metadata.creationTimestamp ?? '';
  return (
    ready(a) - ready(b) || born(a).localeCompare(born(b)) || a.metadata.name.localeCompare(b.metadata.name)
  );
}

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** `selector` as a query has it. Source: Kubernetes, "Labels and Selectors". */
export function selectorText(selector: unknown): string {
  const { matchLabels = {}, matchExpressions = [] } = (selector ?? {}) as Selector;
  const operators: Record<string, (key: string, values: string[]) => string> = {
    In: (key, values) => `${key} in (${values.join(',')})`,
    NotIn: (key, values) => `${key} notin (${values.join(',')})`,
    Exists: (key) => key,
    DoesNotExist: (key) => `!${key}`,
  };
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) => operators[operator]?.(key, values ?? []) ?? key),
  ].join(',');
}
