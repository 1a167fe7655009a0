import type { KubernetesObject } from '../api/object.ts';
import { RESTORE, SIDECAR } from '../injection/layout.ts';
import { readRecord } from '../injection/record.ts';
import type { Client } from '../kube/client.ts';
import { pods } from '../kube/resource.ts';
import type { Workload } from './workload.ts';

/** The parts of a pod by which an agent in it is known. */
export interface Pod extends KubernetesObject {
  status?: {
    phase?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

interface ContainerStatus {
  name: string;
  state?: { running?: object; waiting?: { reason?: string; message?: string }; terminated?: object };
}

/** Which agent is looked for: the sidecar of a BackupConfiguration, or the init container of a RestoreSession, by name. */
export interface AgentSought {
  role: 'backup' | 'restore';
  name: string;
}

/**
 * The pods of `workload` in which that agent runs, the best to act first: ready before not ready, old before new.
 *
 * They are asked for, not cached: a cache of all the pods of a cluster would cost more than all the rest.
 */
export async function agentPods(client: Client, workload: Workload, sought: AgentSought): Promise<Pod[]> {
  const candidates = await client.list<Pod>(pods, {
    ...(workload.metadata.namespace !== undefined && { namespace: workload.metadata.namespace }),
    labelSelector: selectorText(workload.spec.selector),
  });
  return candidates.filter((pod) => isOf(pod, workload) && hasAgent(pod, sought)).sort(byReadiness);
}

/** A Deployment names its ReplicaSets after itself and the hash that it puts on their pods. */
function isOf(pod: Pod, workload: Workload): boolean {
  const hash = pod.metadata.labels?.['pod-template-hash'];
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === 'ReplicaSet' && owner.name === `${workload.metadata.name}-${hash}`;
}

export function hasAgent(pod: Pod, { role, name }: AgentSought): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const record = readRecord(pod.metadata.annotations);
  const isServed = role === 'backup' ? record?.backups.includes(name) : record?.restores.includes(name);
  if (isServed !== true) return false;
  const container = role === 'backup' ? SIDECAR : RESTORE;
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.some((status) => status.name === container && status.state?.running !== undefined);
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
