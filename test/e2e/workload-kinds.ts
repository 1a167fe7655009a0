import type { KubernetesObject } from '../../src/api/object.ts';
import { apiVersionOf, type Resource } from '../../src/api/resources.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { daemonSets, deployments, pods, statefulSets } from '../../src/kube/resource.ts';
import { client, isReady, type Namespace, type Pod } from './cluster.ts';
import { claim, DATA, deployment, type PodSpec } from './objects.ts';

/* Workloads of every kind, which all have their data at DATA. */

interface AnyWorkload extends KubernetesObject {
  spec: { replicas?: number; template: { spec: PodSpec } };
  status?: Record<string, number | undefined>;
}

/** What a container of these workloads runs: writes its own name once, and sleeps. */
const seed = `[ -e ${DATA}/own ] || hostname > ${DATA}/own`;

/** Each pod has a claim of its own. Its pods are counted from `start`. */
export function statefulSet(name: string, replicas: number, start = 0): ApiObject {
  const { selector, template } = specOf(deployment(name, { seed }));
  const spec = { ...template.spec, volumes: [] };
  return {
    apiVersion: apiVersionOf(statefulSets),
    kind: statefulSets.kind,
    metadata: { name },
    ...{
      spec: {
        replicas,
        ordinals: { start },
        serviceName: name,
        selector,
        template: { ...template, spec },
        volumeClaimTemplates: [{ ...claim('source-data'), metadata: { name: 'source-data' } }],
      },
    },
  };
}

/** Each pod has an emptyDir. */
export function daemonSet(name: string): ApiObject {
  const { selector, template } = specOf(deployment(name, { seed }));
  return {
    apiVersion: apiVersionOf(daemonSets),
    kind: daemonSets.kind,
    metadata: { name },
    ...{ spec: { selector, template } },
  };
}

function specOf(object: ApiObject): { selector: object; template: { spec: object } } {
  return (object as unknown as { spec: { selector: object; template: { spec: object } } }).spec;
}

export function targetOf(kind: string, name: string) {
  return { ref: { apiVersion: 'apps/v1', kind, name }, directories: [DATA] };
}

export async function applyWorkload(namespace: Namespace, object: ApiObject): Promise<void> {
  const metadata = { ...object.metadata, namespace: namespace.name };
  await client.apply(resourceOf(object.kind), { ...object, metadata }, { fieldManager: 'e2e', force: true });
}

/** The pods of the workload, by name, once `count` of them are ready and made from a template that has `container`. */
export function settledPods(
  namespace: Namespace,
  kind: string,
  name: string,
  count: number,
  container?: string,
): Promise<Pod[]> {
  return namespace.until(
    `${count} pods of ${kind} ${name}${container === undefined ? '' : ` with ${container}`}`,
    async () => {
      const workload = await namespace.get<AnyWorkload>(resourceOf(kind), name);
      const { status = {}, metadata } = workload;
      if (status.observedGeneration !== metadata.generation) return undefined;
      const all = await namespace.list<Pod>(pods, `app=${name}`);
      const isDone = (pod: Pod) => isReady(pod) && (container === undefined || has(pod.spec, container));
      if (all.length !== count || !all.every(isDone)) return undefined;
      const updated = status.updatedReplicas ?? status.updatedNumberScheduled ?? 0;
      if (updated !== count) return undefined;
      return all.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
    },
    300,
  );
}

function has({ containers, initContainers = [] }: PodSpec, name: string): boolean {
  return [...containers, ...initContainers].some((container) => container.name === name);
}

function resourceOf(kind: string): Resource {
  const resource = [deployments, statefulSets, daemonSets].find((each) => each.kind === kind);
  if (resource === undefined) throw new Error(`the fixture does not know the kind ${kind}`);
  return resource;
}
