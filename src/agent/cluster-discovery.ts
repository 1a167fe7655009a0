import type { Resource } from '../api/resources.ts';
import { ApiError, isForbidden, isNotFound } from '../kube/errors.ts';
import { type ClusterSource, read } from './cluster-source.ts';

/** A resource that can be listed. */
export interface ListableResource extends Resource {
  verbs: readonly string[];
}

/** What is not in the dump, and why: `deployments.apps`, or `metrics.k8s.io/v1beta1` where a whole version does not answer. */
export interface Omission {
  what: string;
  why: string;
  /** Whether it was to be there, and another time may be: a server that is down, unlike a right that the account lacks. */
  isFault: boolean;
}

export interface Discovery {
  resources: ListableResource[];
  omissions: Omission[];
}

/** Source: Kubernetes API reference, `meta/v1 APIGroupList`. */
interface GroupList {
  groups: {
    name: string;
    versions: { version: string }[];
    preferredVersion?: { version: string };
  }[];
}

/** Source: Kubernetes API reference, `meta/v1 APIResourceList`. */
interface ResourceList {
  resources: {
    name: string;
    kind: string;
    namespaced: boolean;
    verbs: string[];
    storageVersionHash?: string;
  }[];
}

/**
 * Every resource that can be listed, once: in the version that its group prefers, and of two groups that serve the same objects, as those of
 * events do, in the first. A version that does not answer, as where the server behind an APIService is down, is an omission.
 *
 * @throws as {@link read}, where the API server itself cannot be asked
 *
 * It asks for each version by itself: the aggregated discovery does not tell which objects are the same.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#api-discovery
 */
export async function discover(source: ClusterSource): Promise<Discovery> {
  const { groups } = await read<GroupList>(source, { path: '/apis' });
  const resources: ListableResource[] = [];
  const omissions: Omission[] = [];
  const stored = new Set<string>();
  for (const group of [{ name: '', versions: [{ version: 'v1' }] }, ...groups]) {
    const found = new Set<string>();
    for (const version of versionsOf(group)) {
      const path = group.name === '' ? `/api/${version}` : `/apis/${group.name}/${version}`;
      let list: ResourceList;
      try {
        list = await read<ResourceList>(source, { path });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // A kind that was taken away in this instant.
        if (!isNotFound(error)) omissions.push(omissionOf(`${group.name}/${version}`, error));
        continue;
      }
      for (const { name, kind, namespaced, verbs, storageVersionHash = '' } of list.resources) {
        // With a slash it is a subresource.
        if (name.includes('/') || !verbs.includes('list') || found.has(name)) continue;
        found.add(name);
        const storage = `${name} ${storageVersionHash}`;
        if (storageVersionHash !== '' && stored.has(storage)) continue;
        stored.add(storage);
        resources.push({ group: group.name, version, kind, plural: name, namespaced, verbs });
      }
    }
  }
  return { resources, omissions };
}

/** `what` could not be read, since the server refused it with `error`. */
export function omissionOf(what: string, error: ApiError): Omission {
  if (isForbidden(error)) return { what, why: 'forbidden', isFault: false };
  const cannotBeListed = isNotFound(error) || error.status === 405;
  return { what, why: error.message, isFault: !cannotBeListed };
}

/** The preferred one first: what it lacks, the others may have. */
function versionsOf({ versions, preferredVersion }: GroupList['groups'][number]): string[] {
  const all = versions.map(({ version }) => version);
  return [...new Set([...(preferredVersion === undefined ? [] : [preferredVersion.version]), ...all])];
}

/** `plural.group`, as kubectl takes it. */
export function resourceName({ plural, group }: Pick<Resource, 'plural' | 'group'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}
