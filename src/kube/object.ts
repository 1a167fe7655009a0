import type { KubernetesObject, ObjectMeta } from '../api/object.ts';

/** What every object of the API has in common. Kinds without a spec (Secret, Event, RoleBinding) are ApiObjects too. */
export type ApiObject = Pick<KubernetesObject, 'apiVersion' | 'kind' | 'metadata'>;

/** A collection's own metadata: `resourceVersion` is where a watch goes on, `continue` where the next page does. */
export interface ListMeta {
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

/** One page, or with an empty `metadata.continue` the last one. */
export interface Page<T> {
  metadata: ListMeta;
  items: T[];
}

/** The answer to a request that failed, and to some deletions (Kubernetes API reference, `meta/v1 Status`). */
export interface Status {
  kind: 'Status';
  status?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: StatusDetails;
  metadata?: ListMeta;
}

export interface StatusDetails {
  name?: string;
  kind?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** One line of a watch. A bookmark's object has a kind and a resourceVersion, and nothing else. */
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: { metadata: Pick<ObjectMeta, 'resourceVersion'> } }
  | { type: 'ERROR'; object: Status };

/** `namespace/name`, and the name alone where there is no namespace: the key of a cache and of a queue. */
export function keyOf(object: { metadata: Pick<ObjectMeta, 'name' | 'namespace'> }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** What {@link keyOf} was made from. */
export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** `object` without what the server keeps for server-side apply, which is often larger than the rest. */
export function withoutManagedFields<T extends { metadata: ObjectMeta }>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as ObjectMeta & { managedFields?: unknown };
  return { ...object, metadata };
}
