import { type BackupConfiguration, SIDECAR_INJECTED } from '../api/backup-configuration.ts';
import { type Condition, findCondition } from '../api/conditions.ts';
import { remembered } from '../api/remembered.ts';
import { REPOSITORY_READY, type Repository } from '../api/repository.ts';
import { SUCCEEDED } from '../api/sessions.ts';
import { isOfWorkload, type WorkloadBackup, type WorkloadRestore } from '../api/workload-target.ts';
import { servedPrint } from '../injection/plan.ts';
import { podTemplateOf } from '../injection/pod.ts';
import { rawOf } from '../injection/raw.ts';
import { isServed, readRecord } from '../injection/record.ts';
import { isRefused } from '../injection/refusal.ts';
import type { BackupWanted, Wanted } from '../injection/wanted.ts';
import { repositoryWanted, wantedBy, wantedOf } from '../injection/wanted-by.ts';
import type { AgentSought } from './agent-pods.ts';
import type { Caches } from './caches.ts';
import { lacksClaim, maySpread, mountsClaim, oneNodeClaimOf } from './claim-reach.ts';
import { isPatient } from './patience.ts';
import { isUsable } from './repository-readiness.ts';
import { inTurn, ownsTarget } from './restore-queue.ts';
import { isHeld } from './session-hold.ts';
import { awaitsPreRestore } from './session-hooks.ts';
import { workloadKey } from './workload-caches.ts';

/** The reasons of conditions that are given before it was looked where the pods of a workload are, or where that speaks against it. */
const BEFORE_REACH = new Set([
  'ClaimNotShareable',
  'PlacementUnknown',
  'Queued',
  'RepositoryNotFound',
  'RepositoryNotReady',
  'WorkloadNotFound',
]);

/**
 * What a workload should carry, as far as is known here: its configurations and the restore whose turn it is, each with a
 * repository that can be mounted by all of its pods. What has no such repository is left out: a pod that waits for a volume would never
 * start. So is a restore whose preRestore hook has not ended, and one whose target is not its own yet, unless it is in already or the workload
 * is only just created, so that nothing is taken down for it.
 *
 * @param created - the workload itself, where it may not be in the caches yet
 */
export function wantedFor(
  caches: Caches,
  namespace: string,
  kind: string,
  name: string,
  created?: object,
): Wanted {
  const key = workloadKey(namespace, { kind, name });
  const known = caches.workloads.get(key);
  /** Whether its pods can mount the volume: the leader has looked where they are, and said so in a condition. */
  const isReached = (repository: Repository, said: Condition | undefined) => {
    const claimName = oneNodeClaimOf(caches, repository);
    if (claimName === undefined) return true;
    const workload = known ?? created;
    if (workload === undefined || mountsClaim(workload, claimName)) return true;
    // It has no pods yet, so that one pod is where the claim is, or makes it come there.
    if (known === undefined) return !maySpread(workload);
    return said !== undefined && !BEFORE_REACH.has(said.reason);
  };
  const usable = (object: WorkloadBackup | WorkloadRestore) => {
    // Without its sidecar the workload would be rolled out, and the pod replaced in which a hook is still to run.
    const isAwaited = object.kind === 'BackupConfiguration' && isHeld(object);
    if (object.metadata.deletionTimestamp !== undefined && !isAwaited) return [];
    const repository = caches.repositories.get(`${namespace}/${object.spec.repository.name}`);
    return repository !== undefined && isUsable(repository) ? [repository] : [];
  };
  const first = inTurn(caches.restoreSessions.byIndex('target', key).filter(isOfWorkload));
  const turn = first === undefined || awaitsPreRestore(first) ? [] : [first];
  const isIn = (restore: Wanted['restores'][number]) =>
    isServed(readRecord(rawOf(podTemplateOf(known)?.metadata).annotations), 'restore', servedPrint(restore));
  return {
    backups: caches.configurations
      .byIndex('target', key)
      .filter(isOfWorkload)
      .flatMap((configuration) =>
        usable(configuration)
          .filter((repository) => isReached(repository, saidNow(configuration)))
          .map((repository) => askedOf(repository)(configuration)),
      )
      .sort(byName),
    restores: turn.flatMap((session) =>
      usable(session)
        .filter((repository) => isReached(repository, findCondition(session.status?.conditions, SUCCEEDED)))
        .map((repository) => askedOf(repository)(session))
        .filter((restore) => known === undefined || ownsTarget(session) || isIn(restore)),
    ),
  };
}

/** Remembered, since what is in a cache is never written to, and its next state is another object. */
const askedOf = remembered((repository: Repository) => {
  const mounted = repositoryWanted(repository);
  return remembered((asking: WorkloadBackup | WorkloadRestore) => wantedOf(asking, mounted));
});

/** `wanted` with `own` in it, which may have been left out since nobody has looked where the pods are. */
export function withOwn(wanted: Wanted, list: 'backups' | 'restores', own: BackupWanted): Wanted {
  const others = wanted[list].filter(({ name }) => name !== own.name);
  return { ...wanted, [list]: [...others, own].sort(byName) };
}

/** What was said of the sidecar of `configuration` as it stands now. */
function saidNow({ metadata, status }: BackupConfiguration): Condition | undefined {
  const said = findCondition(status?.conditions, SIDECAR_INJECTED);
  return said?.observedGeneration === metadata.generation ? said : undefined;
}

/**
 * What may be put into a workload whose owner is not changing its template just now, so that it is rolled out for our sake;
 * undefined where that is nothing at all. A configuration with the rollout `OnNextUpdate` is no reason for a rollout: neither as it
 * comes nor as it changes or goes. One whose Repository is not known as yet is none either: as a rule that Repository comes back. That
 * its pods are refused is one, or that they need a claim that is gone: what was put in has to go.
 *
 * @param workload - as it stands
 */
export function wantedAtRest(
  caches: Caches,
  namespace: string,
  wanted: Wanted,
  workload: object,
): Wanted | undefined {
  const record = readRecord(rawOf(podTemplateOf(workload)?.metadata).annotations);
  const waits = (name: string) => isPatient(caches, namespace, workload, name);
  const backups = wanted.backups.filter(
    ({ name }) => record?.backups.includes(name) === true || !waits(name),
  );
  const isWanted = (name: string) => wanted.backups.some((backup) => backup.name === name);
  const isHarmed = isRefused(workload) || lacksClaim(caches, namespace, workload, record);
  const staysIn = (name: string) =>
    !isHarmed &&
    !isUnusable(caches, namespace, name) &&
    (waits(name) || (!isWanted(name) && isUndecided(caches, namespace, workload, name)));
  const isGone = (name: string) => !isWanted(name) && !staysIn(name);
  const isNew = (restore: Wanted['restores'][number]) => !isServed(record, 'restore', servedPrint(restore));
  const hasReason =
    isRefused(workload) ||
    wanted.restores.some(isNew) ||
    (record?.backups ?? []).some(isGone) ||
    backups.some(({ name }) => !waits(name));
  if (!hasReason) return undefined;
  const kept = record?.backups.filter(staysIn) ?? [];
  return { ...wanted, backups, ...(kept.length > 0 && { kept }) };
}

/** Whether the Repository of a configuration was looked at, and may not be given to pods. */
function isUnusable(caches: Caches, namespace: string, name: string): boolean {
  const repository = repositoryOf(caches, namespace, name);
  return findCondition(repository?.status?.conditions, REPOSITORY_READY)?.status === 'False';
}

/**
 * Whether a configuration that is left out is still about `workload`, and it is only not known whether the workload can be given its
 * Repository: that is gone, or new and nobody has looked at it, or at where the pods are.
 */
function isUndecided(caches: Caches, namespace: string, workload: object, name: string): boolean {
  const configuration = caches.configurations.get(`${namespace}/${name}`);
  if (configuration === undefined || !isOfWorkload(configuration)) return false;
  const { kind, metadata } = rawOf(workload);
  const { ref } = configuration.spec.target;
  if (ref.kind !== kind || ref.name !== rawOf(metadata).name) return false;
  if (configuration.metadata.deletionTimestamp !== undefined) return false;
  const repository = repositoryOf(caches, namespace, name);
  if (repository === undefined || !isUsable(repository)) return true;
  return saidNow(configuration)?.reason !== 'ClaimNotShareable';
}

function repositoryOf(caches: Caches, namespace: string, name: string): Repository | undefined {
  const configuration = caches.configurations.get(`${namespace}/${name}`);
  return configuration && caches.repositories.get(`${namespace}/${configuration.spec.repository.name}`);
}

/** The agent that acts for `object` as it stands now. */
export function agentOf(
  role: AgentSought['role'],
  object: WorkloadBackup | WorkloadRestore,
  repository: Repository | undefined,
): AgentSought {
  const { name } = object.metadata;
  if (repository === undefined) return { role, name };
  return { role, name, served: servedPrint(wantedBy(object, repository)) };
}

/** The same order at every replica and at every time. */
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
