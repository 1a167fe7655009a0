import type { ObjectMeta, TargetReference } from '../api/object.ts';
import { Cache, type CacheListener } from '../kube/cache.ts';
import { WORKLOADS, type Workload } from './workload.ts';

/** The key by which a workload is found, in queues and indexes: `namespace/kind/name`. */
export function workloadKey(
  namespace: string | undefined,
  reference: Pick<TargetReference, 'kind' | 'name'>,
): string {
  return `${namespace}/${reference.kind}/${reference.name}`;
}

export function keyOfWorkload({ kind, metadata }: Workload): string {
  return workloadKey(metadata.namespace, { kind, name: metadata.name });
}

/**
 * The workloads of all kinds in one place. Each kind has a cache and a reflector of its own, since a list of one kind says nothing
 * of the others, and a Deployment and a StatefulSet may have one name.
 */
export class WorkloadCaches {
  readonly #caches: ReadonlyMap<string, Cache<Workload>> = new Map(
    WORKLOADS.map(({ kind }) => [
      kind,
      new Cache<Workload>({
        transform: onlyUsed,
        indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ''] },
      }),
    ]),
  );

  /** The cache of one kind, for its reflector. @throws {TypeError} where the kind is none of a workload */
  of(kind: string): Cache<Workload> {
    const cache = this.#caches.get(kind);
    if (cache === undefined) throw new TypeError(`a ${kind} is no workload that can be a target`);
    return cache;
  }

  /** @param key - as {@link workloadKey} makes it */
  get(key: string): Workload | undefined {
    const [namespace, kind = '', name] = key.split('/');
    return this.#caches.get(kind)?.get(`${namespace}/${name}`);
  }

  inNamespace(namespace: string): Workload[] {
    return [...this.#caches.values()].flatMap((cache) => cache.byIndex('namespace', namespace));
  }

  *list(): Iterable<Workload> {
    for (const cache of this.#caches.values()) yield* cache.list();
  }

  /** As that of a cache, for all kinds. */
  listen(listener: CacheListener<Workload>): () => void {
    const stops = [...this.#caches.values()].map((cache) => cache.listen(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }
}

function onlyUsed({ status, ...workload }: Workload): Workload {
  const { managedFields: _, ...metadata } = workload.metadata as ObjectMeta & { managedFields?: unknown };
  const used = statusUsed(status);
  return { ...workload, metadata, ...(Object.keys(used).length > 0 && { status: used }) };
}

const COUNTS = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'updatedNumberScheduled',
] as const;

/** How many pods there are, and why a Deployment has too few. */
function statusUsed(status: Workload['status'] = {}): NonNullable<Workload['status']> {
  const counts = COUNTS.flatMap((field) => (status[field] === undefined ? [] : [[field, status[field]]]));
  const conditions = (status.conditions ?? []).filter(({ type }) => type === 'ReplicaFailure');
  return { ...Object.fromEntries(counts), ...(conditions.length > 0 && { conditions }) };
}
