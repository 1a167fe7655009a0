import type { KubernetesObject } from '../api/object.ts';
import type { Resource } from '../api/resources.ts';
import { daemonSets, deployments, statefulSets } from '../kube/resource.ts';

/** A workload as the cache holds it: raw, but for what is not used here. */
export type Workload = KubernetesObject<WorkloadSpec, WorkloadStatus>;

interface WorkloadSpec {
  /** Of a Deployment and a StatefulSet. */
  replicas?: number;
  selector?: unknown;
  template?: { metadata?: { annotations?: Record<string, string> }; spec?: { serviceAccountName?: string } };
  /** Of a Deployment: a change of the template makes no pods. */
  paused?: boolean;
  /** Of a StatefulSet: which ordinal its first pod has. */
  ordinals?: { start?: number };
  /** Of a StatefulSet and a DaemonSet. */
  updateStrategy?: {
    type?: string;
    rollingUpdate?: { partition?: number; maxSurge?: number | string } | null;
  };
}

interface WorkloadStatus {
  observedGeneration?: number;
  /** Of a Deployment and a StatefulSet: how many pods there are, and how many of them are made from the template as it stands. */
  replicas?: number;
  updatedReplicas?: number;
  /** Of a DaemonSet: on how many nodes it wants a pod; the same of it. */
  desiredNumberScheduled?: number;
  currentNumberScheduled?: number;
  updatedNumberScheduled?: number;
  /** Of a Deployment. */
  conditions?: { type: string; status: string; message?: string }[];
}

/** The kinds of workloads that can be a target. */
export const WORKLOADS: readonly Resource[] = [deployments, statefulSets, daemonSets];

/** How the API server is asked for `workload`. */
export function resourceOf({ kind }: Pick<Workload, 'kind'>): Resource {
  const resource = WORKLOADS.find((each) => each.kind === kind);
  if (resource === undefined) throw new TypeError(`a ${kind} is no workload that can be a target`);
  return resource;
}

/** The ServiceAccount that the pods of `workload` run as, and so their agents. */
export function serviceAccountOf(workload: Workload): string {
  const name = workload.spec.template?.spec?.serviceAccountName;
  return name === undefined || name === '' ? 'default' : name;
}

/** How many pods `workload` is to have, as far as it says. */
export function replicasOf({ kind, spec, status }: Workload): number {
  if (kind === 'DaemonSet') return status?.desiredNumberScheduled ?? 1;
  return spec.replicas ?? 1;
}

/** Why nothing of `workload` can be backed up or restored now: no pod is wanted of it. */
export function scaledToZero(workload: Workload): string | undefined {
  if (replicasOf(workload) > 0) return undefined;
  const { kind, metadata } = workload;
  return kind === 'DaemonSet'
    ? `${kind} "${metadata.name}" wants a pod on no node`
    : `${kind} "${metadata.name}" is scaled to zero`;
}

/** Why pods of `workload` may stay as they are though its template has changed, where it has its own rules for that. */
export function rolloutHint({ kind, spec }: Workload): string | undefined {
  if (spec.paused) return 'the Deployment is paused (spec.paused), so that no pod is replaced';
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type === 'OnDelete')
    return 'spec.updateStrategy is OnDelete: a pod is replaced once somebody deletes it';
  const partition = rollingUpdate?.partition ?? 0;
  if (partition > 0) return `spec.updateStrategy keeps the pods below ordinal ${partition} as they are`;
  if (kind === 'StatefulSet')
    return 'a StatefulSet replaces no pod while another is not ready: delete one that cannot become so';
  return undefined;
}
