import {
  AGENT_ROLE,
  CHECK_COMPONENT,
  CHECK_ROLE,
  GROUP,
  HOLD_FINALIZER,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  TRIGGER_COMPONENT,
  TRIGGER_ROLE,
} from '../api/annotations.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { KINDS, type Kind } from '../api/kinds.ts';
import {
  apiVersionOf,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  FUNCTIONS,
  RESTORE_SESSIONS,
  type Resource,
  TASKS,
} from '../api/resources.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { isSupported } from '../injection/pod.ts';
import type { Raw } from '../injection/raw.ts';
import type { Client, ListOptions } from '../kube/client.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import { ApiError, isConflict, isInvalid, isNotFound } from '../kube/errors.ts';
import { type ApiObject, keyOf } from '../kube/object.ts';
import {
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  persistentVolumeClaims,
  pods,
  roleBindings,
  secrets,
  serviceAccounts,
  statefulSets,
} from '../kube/resource.ts';
import {
  CATALOG_SELECTOR,
  DEFINITIONS,
  INSTALLATION,
  INSTALLATION_LABEL,
  NAMESPACE,
  OPERATOR_SELECTOR,
  OWN_PARTS,
  REGISTRATIONS,
  UNLABELLED,
} from './installation.ts';
import { isIllegible, ownersPatch } from './owners-version.ts';
import { rememberedReplicas } from './remembered-replicas.ts';

/** `stash uninstall`, as its options were written. */
export interface UninstallOptions {
  namespace: string;
  dryRun: boolean;
  purge: boolean;
}

export interface Uninstallation extends UninstallOptions {
  client: Client;
  clock: Clock;
  /** A line of progress. */
  say: (text: string) => void;
}

/** Something stands in the way. What was done stands; to run it again goes on from there. */
export class UninstallError extends Error {
  override readonly name = 'UninstallError';
}

const POLL = 500;
const SESSIONS_END_WITHIN = 60_000;
/** Draining takes 10 s, and the kubelet kills 45 s after it has asked. */
const OPERATOR_STOPS_WITHIN = 120_000;
const DELETED_WITHIN = 120_000;
const PATCH_ATTEMPTS = 10;

const WORKLOADS = [deployments, statefulSets, daemonSets].filter((resource) =>
  isSupported({ apiVersion: apiVersionOf(resource), kind: resource.kind }),
);

/**
 * Takes Stash out of the cluster, in an order that leaves it working wherever this is broken off: first nobody is left to put
 * anything in, then the workloads are as their owners wrote them, then registrations and rights go. Repositories, configurations,
 * sessions and all data stay, but for `purge`, which takes the kinds and so their objects; the snapshots stay even then.
 *
 * @throws {UninstallError} where something stands in the way
 * @throws {ApiError} where the user has not the right
 */
export async function uninstall(cluster: Uninstallation): Promise<void> {
  await endSessions(cluster);
  await stopOperator(cluster);
  await takeTriggers(cluster);
  await restoreWorkloads(cluster);
  for (const { resource, name } of REGISTRATIONS) {
    await take(cluster, resource, name, undefined, ({ metadata }) => {
      return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
    });
  }
  await releaseHeld(cluster);
  await takeChecks(cluster);
  await takeCatalog(cluster);
  await takeAgentRights(cluster);
  for (const { resource, name } of OWN_PARTS) {
    const namespace = resource.namespaced ? cluster.namespace : undefined;
    await take(cluster, resource, name, namespace, (found) => UNLABELLED.includes(resource) || isOurs(found));
  }
  if (cluster.purge) await takeDefinitions(cluster);
  await takeNamespace(cluster);
}

/** What `purge` would take: how many objects of each kind there are. */
export async function purgeable(client: Client): Promise<{ kind: string; count: number }[]> {
  const counts: { kind: string; count: number }[] = [];
  for (const kind of await ownKinds(client))
    counts.push({ kind: kind.kind, count: (await listed(client, kind)).length });
  return counts;
}

/**
 * While the operator is there to end them: one that is stopped in the midst leaves a session that says Running for ever, and a
 * Deployment that a restore scaled to zero. Where it does not end them in time, agents and workloads do well without.
 */
async function endSessions({ client, clock, namespace, dryRun, say }: Uninstallation): Promise<void> {
  const operators = await listed(client, pods, { namespace, labelSelector: OPERATOR_SELECTOR });
  if (operators.length === 0) return;
  const running = async () => {
    const found: [Resource, BackupSession | RestoreSession][] = [];
    for (const resource of [BACKUP_SESSIONS, RESTORE_SESSIONS]) {
      const sessions = await listed<BackupSession | RestoreSession>(client, resource);
      found.push(
        ...sessions
          .filter((session) => !isOver(session))
          .map((session): [Resource, typeof session] => [resource, session]),
      );
    }
    return found;
  };
  for (const [resource, { metadata, kind, spec }] of await running()) {
    if (spec.cancel === true) continue;
    say(`cancel ${kind} ${keyOf({ metadata })}`);
    if (dryRun) continue;
    try {
      await client.mergePatch(resource, metadata.name, metadata.namespace, { spec: { cancel: true } });
    } catch (error) {
      if (!isNotFound(error)) say(`it cannot be cancelled, and is left: ${(error as Error).message}`);
    }
  }
  const deadline = clock.now() + SESSIONS_END_WITHIN;
  while (!dryRun) {
    const left = await running();
    if (left.length === 0) return;
    if (clock.now() > deadline)
      return say(`${left.length} sessions have not ended, and are left as they are`);
    await sleep(clock, POLL);
  }
}

/** Its leader would register the webhooks anew within a minute, and have what is taken out put in again. */
async function stopOperator({ client, clock, namespace, dryRun, say }: Uninstallation): Promise<void> {
  const selection = { namespace, labelSelector: OPERATOR_SELECTOR };
  for (const { metadata, spec } of await listed<ApiObject & { spec: { replicas?: number } }>(
    client,
    deployments,
    selection,
  )) {
    if (spec.replicas === 0) continue;
    say(`stop the operator: scale Deployment ${keyOf({ metadata })} to zero`);
    if (!dryRun) await client.mergePatch(deployments, metadata.name, namespace, { spec: { replicas: 0 } });
  }
  if (dryRun) return;
  const deadline = clock.now() + OPERATOR_STOPS_WITHIN;
  for (;;) {
    const left = await listed(client, pods, selection);
    if (left.length === 0) return;
    if (clock.now() > deadline) {
      const names = left.map(({ metadata }) => metadata.name).join(', ');
      throw new UninstallError(
        `the operator still runs in namespace ${namespace}: ${names}; delete these pods, and run this again`,
      );
    }
    await sleep(clock, POLL);
  }
}

async function restoreWorkloads(cluster: Uninstallation): Promise<void> {
  const { client, say } = cluster;
  const failures: string[] = [];
  const sessions = await listed<RestoreSession>(client, RESTORE_SESSIONS);
  for (const resource of WORKLOADS) {
    for await (const page of client.pages(resource)) {
      for (const workload of page.items) {
        if (isIllegible(workload as unknown as Raw)) {
          say(
            `${resource.kind} ${keyOf(workload)} has an annotation stash.appscode.com/injected that cannot be read: it is left as it is; take out by hand what is of Stash`,
          );
        }
        try {
          await restoreWorkload(cluster, resource, workload, sessions);
        } catch (error) {
          failures.push(`${resource.kind} ${keyOf(workload)}: ${(error as Error).message}`);
        }
      }
    }
  }
  if (failures.length > 0) {
    throw new UninstallError(
      `some workloads could not be given back to their owners:\n${failures.join('\n')}\nNothing else was taken away; run this again once that is mended`,
    );
  }
}

async function restoreWorkload(
  { client, clock, dryRun, say }: Uninstallation,
  resource: Resource,
  found: ApiObject,
  sessions: readonly RestoreSession[],
): Promise<void> {
  const { name, namespace } = found.metadata;
  const patchFor = (each: ApiObject) =>
    ownersPatch(each as unknown as Raw, rememberedReplicas(each, sessions));
  let workload = found;
  for (let attempt = 1; ; attempt++) {
    const patch = patchFor(workload);
    if (patch.length === 0 || workload.metadata.deletionTimestamp !== undefined) return;
    if (attempt === 1) say(`take what is of Stash out of ${resource.kind} ${keyOf(found)}`);
    if (dryRun) return;
    try {
      const patched = await client.jsonPatch(resource, name, namespace, patch);
      if (patchFor(patched).length === 0) return;
      throw new UninstallError('what is taken out is put in again at once: does another operator run?');
    } catch (error) {
      if (isNotFound(error)) return;
      // Somebody else wrote meanwhile: what is taken out is told from how it is now.
      if (attempt === PATCH_ATTEMPTS || !(isInvalid(error) || isConflict(error))) throw error;
      try {
        const now = await client.get(resource, name, namespace);
        if (isInvalid(error) && now.metadata.resourceVersion === workload.metadata.resourceVersion)
          throw error;
        workload = now;
      } catch (failure) {
        if (isNotFound(failure)) return;
        throw failure;
      }
      await sleep(clock, attempt * 50);
    }
  }
}

/**
 * The CronJobs belong to configurations that stay, and would go on creating sessions that nobody runs. An operator that is installed
 * again makes them anew, and catches up on what was due meanwhile.
 */
async function takeTriggers(cluster: Uninstallation): Promise<void> {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY},app.kubernetes.io/component=${TRIGGER_COMPONENT}`;
  for (const resource of [cronJobs, serviceAccounts]) {
    for (const { metadata } of await listed(cluster.client, resource, { labelSelector })) {
      await take(cluster, resource, metadata.name, metadata.namespace, () => true);
    }
  }
}

/**
 * Sessions that did not end, and their configurations, which nobody would ever let go. It comes after the webhooks, which would refuse
 * it: they are ours, and nobody answers.
 */
async function releaseHeld({ client, clock, dryRun, say }: Uninstallation): Promise<void> {
  for (const resource of [BACKUP_SESSIONS, RESTORE_SESSIONS, BACKUP_CONFIGURATIONS]) {
    for (const found of await listed(client, resource)) {
      const { name, namespace } = found.metadata;
      if (found.metadata.finalizers?.includes(HOLD_FINALIZER) !== true) continue;
      say(`let ${resource.kind} ${keyOf(found)} go, which nobody brings to its end any more`);
      for (let attempt = 1; !dryRun; attempt++) {
        try {
          const { metadata } = await client.get(resource, name, namespace);
          const { resourceVersion, finalizers = [] } = metadata;
          const left = finalizers.filter((each) => each !== HOLD_FINALIZER);
          await client.mergePatch(resource, name, namespace, {
            metadata: { resourceVersion, finalizers: left },
          });
          break;
        } catch (error) {
          if (isNotFound(error)) break;
          // Somebody else wrote meanwhile, or the API server does not know yet that the webhook is gone.
          if (attempt === PATCH_ATTEMPTS || !(error instanceof ApiError)) throw error;
          await sleep(clock, attempt * 50);
        }
      }
    }
  }
}

/** A check that nobody waits for any more would hold the lock of its repository. */
async function takeChecks(cluster: Uninstallation): Promise<void> {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY},app.kubernetes.io/component=${CHECK_COMPONENT}`;
  for (const { metadata } of await listed(cluster.client, jobs, { labelSelector })) {
    await take(cluster, jobs, metadata.name, metadata.namespace, () => true);
  }
}

/** What the operator brought; the Functions and Tasks that users made are theirs. */
async function takeCatalog(cluster: Uninstallation): Promise<void> {
  for (const resource of [TASKS, FUNCTIONS]) {
    for (const { metadata } of await listed(cluster.client, resource, { labelSelector: CATALOG_SELECTOR })) {
      await take(cluster, resource, metadata.name, undefined, () => true);
    }
  }
}

async function takeAgentRights(cluster: Uninstallation): Promise<void> {
  const bindings = await listed<ApiObject & { roleRef?: { kind: string; name: string } }>(
    cluster.client,
    roleBindings,
    { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` },
  );
  for (const { metadata, roleRef } of bindings) {
    if (roleRef?.kind !== 'ClusterRole' || ![AGENT_ROLE, CHECK_ROLE, TRIGGER_ROLE].includes(roleRef.name))
      continue;
    await take(cluster, roleBindings, metadata.name, metadata.namespace, () => true);
  }
}

async function takeDefinitions(cluster: Uninstallation): Promise<void> {
  const kinds = await ownKinds(cluster.client);
  for (const { plural, group } of kinds) {
    await take(cluster, DEFINITIONS, `${plural}.${group}`, undefined, () => true);
  }
  for (const { plural, group } of kinds) await untilGone(cluster, DEFINITIONS, `${plural}.${group}`);
}

/** The kinds whose definitions we brought: that of AppBindings may be KubeDB's, and would take all of its objects along. */
async function ownKinds(client: Client): Promise<Kind[]> {
  const own: Kind[] = [];
  for (const kind of KINDS) {
    const definition = await got(client, DEFINITIONS, `${kind.plural}.${kind.group}`);
    if (kind.group === GROUP || (definition !== undefined && isOurs(definition))) own.push(kind);
  }
  return own;
}

/** The namespace goes where the manifest made it, and nothing but the operator lived in it. */
async function takeNamespace(cluster: Uninstallation): Promise<void> {
  const { client, namespace, dryRun, say } = cluster;
  const found = await got(client, NAMESPACE, namespace);
  if (found === undefined || !isOurs(found)) return;
  const kinds = KINDS.filter(({ namespaced }) => namespaced);
  for (const resource of [...kinds, persistentVolumeClaims, ...WORKLOADS, secrets]) {
    if (dryRun && cluster.purge && KINDS.some(({ plural }) => plural === resource.plural)) continue;
    const others = (await listed(client, resource, { namespace })).filter(
      ({ metadata }) =>
        !OWN_PARTS.some((part) => part.resource.kind === resource.kind && part.name === metadata.name),
    );
    const [first] = others;
    if (first === undefined) continue;
    return say(
      `the namespace ${namespace} is left: it has a ${resource.kind} ${first.metadata.name} that is not of the installation`,
    );
  }
  await take(cluster, NAMESPACE, namespace, undefined, isOurs);
  await untilGone(cluster, NAMESPACE, namespace);
}

/** Deletes an object that is there and is ours. */
async function take(
  { client, dryRun, say }: Uninstallation,
  resource: Resource,
  name: string,
  namespace: string | undefined,
  isTakeable: (found: ApiObject) => boolean,
): Promise<void> {
  const found = await got(client, resource, name, namespace);
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
  if (!isTakeable(found)) {
    return say(`${resource.kind} ${keyOf(found)} is left: it has not the label of the installation`);
  }
  say(`delete ${resource.kind} ${keyOf(found)}`);
  if (dryRun) return;
  try {
    await client.delete(resource, name, namespace, { propagationPolicy: 'Background' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function untilGone({ client, clock, dryRun }: Uninstallation, resource: Resource, name: string) {
  const deadline = clock.now() + DELETED_WITHIN;
  while (!dryRun && (await got(client, resource, name)) !== undefined) {
    if (clock.now() > deadline) {
      throw new UninstallError(
        `${resource.kind} ${name} is being deleted, and is not gone after two minutes`,
      );
    }
    await sleep(clock, POLL);
  }
}

function isOurs({ metadata }: ApiObject): boolean {
  return metadata.labels?.[INSTALLATION_LABEL] === INSTALLATION;
}

async function got(
  client: Client,
  resource: Resource,
  name: string,
  namespace?: string,
): Promise<ApiObject | undefined> {
  try {
    return await client.get(resource, name, namespace);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Nothing where the kind itself is gone. */
async function listed<T extends ApiObject>(
  client: Client,
  resource: Resource,
  options?: ListOptions,
): Promise<T[]> {
  try {
    return await client.list<T>(resource, options);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
