import { ONLY_HOST, ordinalHost } from '../api/hosts.ts';
import { type AgentSought, carries, hasAgent, hasEnded, type Pod } from './agent-pods.ts';
import { replicasOf, type Workload } from './workload.ts';

/** A host of a workload: the pod whose agent can act for it, or why there is none. */
export type WorkloadHost = { host: string; pod: Pod } | { host: string; missing: string };

/** Stands for the nodes on which a DaemonSet wants a pod and has none: no node is called so. */
export const NODES_WITHOUT_POD = '(nodes without a pod)';

/**
 * The hosts that `workload` has, each once, whether or not an agent runs there now: `host-0` of a Deployment; each ordinal of a
 * StatefulSet, by its replicas; each node of a DaemonSet, by its pods. What is wanted of a workload and is not there is a host
 * without an agent, so that nobody takes the rest for the whole.
 *
 * @param pods - all that the workload has, the best to act first
 */
export function hostsOf(workload: Workload, pods: readonly Pod[], sought: AgentSought): WorkloadHost[] {
  const { kind, metadata, spec } = workload;
  const hostOf = (host: string, what: string, candidates: readonly Pod[]): WorkloadHost => {
    const pod = candidates.find((each) => hasAgent(each, sought));
    return pod === undefined ? { host, missing: whyNone(what, candidates, sought) } : { host, pod };
  };
  if (kind === 'StatefulSet') {
    const start = spec.ordinals?.start ?? 0;
    return Array.from({ length: replicasOf(workload) }, (_, index) => {
      const name = `${metadata.name}-${start + index}`;
      const own = pods.filter((pod) => pod.metadata.name === name);
      return hostOf(ordinalHost(start + index), `pod ${name}`, own);
    });
  }
  if (kind === 'DaemonSet') {
    const nodes = Map.groupBy(
      pods.filter((pod) => pod.spec.nodeName !== undefined && !hasEnded(pod)),
      ({ spec: { nodeName = '' } }) => nodeName,
    );
    const hosts = [...nodes.keys()]
      .sort()
      .map((node) => hostOf(node, `pod on node ${node}`, nodes.get(node) ?? []));
    const without = replicasOf(workload) - hosts.length;
    if (without <= 0) return hosts;
    const missing = `${without} of the ${replicasOf(workload)} pods that DaemonSet ${metadata.name} wants are on no node yet`;
    return [...hosts, { host: NODES_WITHOUT_POD, missing }];
  }
  return [hostOf(ONLY_HOST, `pod of ${kind} ${metadata.name}`, pods)];
}

function whyNone(what: string, candidates: readonly Pod[], sought: AgentSought): string {
  const [pod] = candidates;
  if (pod === undefined) return `there is no ${what}`;
  const { name, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return `the pod ${name} is being deleted`;
  if (hasEnded(pod)) return `the pod ${name} has ended (${pod.status?.phase})`;
  if (!carries(pod, sought)) return `the pod ${name} was made without this agent, and was not replaced yet`;
  return `the agent in pod ${name} does not run (the pod is ${pod.status?.phase ?? 'new'})`;
}
