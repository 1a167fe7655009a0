/**
 * The parts of a Kubernetes object that we read, as they stand in JSON: instants are RFC 3339 strings, and every field that is
 * not named here is kept, since objects are passed on as they came.
 *
 * Source: Kubernetes API reference, `meta/v1`.
 */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface KubernetesObject<Spec = unknown, Status = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: Spec;
  status?: Status;
}

/** Refers to an object of the same namespace by kind and name. No reference of ours leaves its namespace. */
export interface TargetReference {
  apiVersion: string;
  kind: string;
  name: string;
}
