import { claimNameOf } from '../api/local-backend.ts';
import { quoted } from '../api/problem.ts';
import type { Repository } from '../api/repository.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import { rawOf, rawsOf } from '../injection/raw.ts';
import type { InjectionRecord } from '../injection/record.ts';
import { pods } from '../kube/resource.ts';
import { hasEnded, isOf, type Pod, podsOf } from './agent-pods.ts';
import type { Caches, Claim } from './caches.ts';
import type { Context } from './context.ts';
import { isGoing } from './repository-readiness.ts';
import type { Workload } from './workload.ts';
import { workloadKey } from './workload-caches.ts';

/*
 * A claim that is ReadWriteOnce is for the pods of one node: a pod on another waits for its volume for ever, and says so in an Event at
 * most. So where pods are is looked at before a workload is given such a claim. The leader looks, and writes down what it found as a
 * condition; admission goes by the conditions, and asks nobody.
 */

/** Whether pods on several nodes cannot mount `claim` at once. */
export function isOfOneNode({ spec: { accessModes = [] } }: Claim): boolean {
  return accessModes.includes('ReadWriteOnce') && !accessModes.includes('ReadWriteMany');
}

/** The claim of `repository`, where it is one for a single node. */
export function oneNodeClaimOf(caches: Caches, repository: Repository): string | undefined {
  const name = claimNameOf(repository);
  if (name === undefined) return undefined;
  const claim = caches.claims.get(`${repository.metadata.namespace}/${name}`);
  return claim !== undefined && isOfOneNode(claim) ? name : undefined;
}

/** Whether the pods of `workload` need that claim as it is, by its owner's doing or by ours: an agent of ours asks for nothing new. */
export function mountsClaim(workload: object, claimName: string): boolean {
  return claimsIn(rawOf(rawOf(rawOf(rawOf(workload).spec).template).spec)).includes(claimName);
}

/** Whether the pods of `workload` need a claim, by our doing, that is not there or about to go: new ones could not start. */
export function lacksClaim(
  caches: Caches,
  namespace: string,
  workload: object,
  record: InjectionRecord | undefined,
): boolean {
  const podSpec = rawOf(rawOf(rawOf(rawOf(workload).spec).template).spec);
  const ours = rawsOf(podSpec.volumes).filter(
    ({ name }) => typeof name === 'string' && record?.volumes.includes(name) === true,
  );
  return claimsIn({ volumes: ours }).some((claimName) => {
    const claim = caches.claims.get(`${namespace}/${claimName}`);
    return claim === undefined || isGoing(claim);
  });
}

/** Whether `workload` may get pods on several nodes, as far as it says itself. */
export function maySpread(workload: object): boolean {
  const { kind, spec } = rawOf(workload);
  const { replicas } = rawOf(spec);
  return kind === 'DaemonSet' || (typeof replicas === 'number' && replicas > 1);
}

/** Whether a workload can be given the claim. What it has already stays, and `fault` tells where that keeps pods from starting. */
export type Reach =
  | { can: 'Mount'; warning?: string; fault?: string }
  | { can: 'Not'; reason: 'ClaimNotShareable' | 'PlacementUnknown'; message: string };

/** Whether all pods of `workload` can mount the volume of `repository`, as they stand on the nodes now. It asks the API server for pods. */
export async function reachOf(
  { caches, client }: Pick<Context, 'caches' | 'client'>,
  workload: Workload,
  repository: Repository,
): Promise<Reach> {
  const claimName = oneNodeClaimOf(caches, repository);
  if (claimName === undefined) return { can: 'Mount' };
  const { namespace = '' } = workload.metadata;
  const isMounted = mountsClaim(workload, claimName);
  if (isMounted && !maySpread(workload)) return { can: 'Mount' };
  const all = isMounted ? await podsOf(client, workload) : await client.list<Pod>(pods, { namespace });
  return decideReach(claimName, workload, candidatesFor(caches, namespace, claimName), all);
}

/**
 * Where nobody has the claim mounted, and several workloads are to, the first that is on one node has it: which one that is must not depend
 * on whose turn it happens to be.
 *
 * @param candidates - the workloads that are to mount the claim, `workload` among them, in the same order whenever they are asked for
 * @param seen - all pods of the namespace; where the workload mounts the claim already, its own are enough
 */
export function decideReach(
  claimName: string,
  workload: Workload,
  candidates: readonly Workload[],
  seen: readonly Pod[],
): Reach {
  const { kind, metadata } = workload;
  const subject = `${kind} ${quoted(metadata.name)}`;
  const claim = `the PersistentVolumeClaim ${quoted(claimName)} of its repository is ReadWriteOnce, for the pods of one node`;
  const instead = 'use a claim that is ReadWriteMany, or another backend';
  const not = (message: string): Reach => ({ can: 'Not', reason: 'ClaimNotShareable', message });

  const own = nodesOf(seen.filter((pod) => isOf(pod, workload)));
  const isMounted = mountsClaim(workload, claimName);
  if (own.length > 1) {
    const message = `${claim}, and ${subject} has pods on ${named(own)}; ${instead}`;
    return isMounted ? { can: 'Mount', fault: message } : not(message);
  }
  if (own.length === 0) {
    if (isMounted || !maySpread(workload)) return { can: 'Mount' };
    const message = `${claim}, and it is not known yet on which nodes ${subject} has its pods`;
    return { can: 'Not', reason: 'PlacementUnknown', message };
  }
  const holders = seen.filter((pod) => hasVolumeOf(pod.spec, claimName) && !isOf(pod, workload));
  const first = candidates
    .map((each) => nodesOf(seen.filter((pod) => isOf(pod, each))))
    .find((nodes) => nodes.length === 1);
  const held = nodesOf(holders);
  const home = held.length > 0 ? held : (first ?? own);
  if (!isMounted && !own.every((node) => home.includes(node))) {
    return not(
      `${claim}, and is needed on ${named(home)}, while ${subject} has its pods on ${named(own)}; ${instead}`,
    );
  }
  if (!maySpread(workload)) return { can: 'Mount' };
  return {
    can: 'Mount',
    warning: `${claim}: a pod on another node than ${own[0]} could not start; ${instead}`,
  };
}

/** The workloads that a configuration gives the claim, by their keys. */
export function candidatesFor(caches: Caches, namespace: string, claimName: string): Workload[] {
  const configurations = caches.repositories
    .byIndex('claim', `${namespace}/${claimName}`)
    .flatMap(({ metadata }) => caches.configurations.byIndex('repository', `${namespace}/${metadata.name}`));
  const keys = new Set(
    configurations.filter(isOfWorkload).map(({ spec }) => workloadKey(namespace, spec.target.ref)),
  );
  return [...keys].sort().flatMap((key) => caches.workloads.get(key) ?? []);
}

function nodesOf(pods: readonly Pod[]): string[] {
  const nodes = pods.flatMap((pod) => (hasEnded(pod) ? [] : (pod.spec.nodeName ?? [])));
  return [...new Set(nodes)].sort();
}

function hasVolumeOf(podSpec: object, claimName: string): boolean {
  return claimsIn(podSpec).includes(claimName);
}

function claimsIn(podSpec: object): string[] {
  return rawsOf(rawOf(podSpec).volumes).flatMap((volume) => {
    const { claimName } = rawOf(rawOf(volume).persistentVolumeClaim);
    return typeof claimName === 'string' ? [claimName] : [];
  });
}

function named(nodes: readonly string[]): string {
  const some = nodes.slice(0, 4).join(', ');
  return `the ${nodes.length === 1 ? 'node' : 'nodes'} ${some}${nodes.length > 4 ? ', …' : ''}`;
}
