import type { KubernetesObject } from '../api/object.ts';

/** A workload as the cache holds it: raw, but for what is not used here. */
export type Workload = KubernetesObject<{
  replicas?: number;
  selector?: unknown;
  template?: { metadata?: { annotations?: Record<string, string> }; spec?: { serviceAccountName?: string } };
}>;

/** The ServiceAccount that the pods of `workload` run as, and so their agents. */
export function serviceAccountOf(workload: Workload): string {
  const name = workload.spec.template?.spec?.serviceAccountName;
  return name === undefined || name === '' ? 'default' : name;
}
