import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { servedPrint } from '../injection/plan.ts';
import { isServed, readRecord } from '../injection/record.ts';
import type { Wanted } from '../injection/wanted.ts';
import { wantedBy } from '../injection/wanted-by.ts';
import type { AgentSought } from './agent-pods.ts';
import type { Caches } from './caches.ts';
import { isUsable } from './repository-readiness.ts';
import { inTurn } from './restore-queue.ts';
import { workloadKey } from './workload-caches.ts';

/**
 * What a workload should carry, as far as is known here: its configurations and the restore whose turn it is, each with a
 * repository that can be mounted. What has no such repository is left out: a pod that waits for a volume would never start.
 */
export function wantedFor(caches: Caches, namespace: string, kind: string, name: string): Wanted {
  const key = workloadKey(namespace, { kind, name });
  const usable = (object: {
    metadata: { deletionTimestamp?: string };
    spec: { repository: { name: string } };
  }) => {
    if (object.metadata.deletionTimestamp !== undefined) return [];
    const repository = caches.repositories.get(`${namespace}/${object.spec.repository.name}`);
    return repository !== undefined && isUsable(repository) ? [repository] : [];
  };
  const turn = [inTurn(caches.restoreSessions.byIndex('workload', key))].filter((each) => each !== undefined);
  return {
    backups: caches.configurations
      .byIndex('workload', key)
      .flatMap((configuration) =>
        usable(configuration).map((repository) => wantedBy(configuration, repository)),
      )
      .sort(byName),
    restores: turn.flatMap((session) => usable(session).map((repository) => wantedBy(session, repository))),
  };
}

/**
 * What may be put into a workload whose owner is not changing its template just now, so that it is rolled out for our sake;
 * undefined where that is nothing at all. A configuration with the rollout `OnNextUpdate` is no reason for a rollout: neither as it
 * comes nor as it changes.
 *
 * @param annotations - of the pod template as it stands
 */
export function wantedAtRest(
  caches: Caches,
  namespace: string,
  wanted: Wanted,
  annotations: unknown,
): Wanted | undefined {
  const record = readRecord(annotations);
  const isPatient = (name: string) =>
    caches.configurations.get(`${namespace}/${name}`)?.spec.rollout === 'OnNextUpdate';
  const backups = wanted.backups.filter(
    ({ name }) => record?.backups.includes(name) === true || !isPatient(name),
  );
  const isGone = (name: string) => !wanted.backups.some((backup) => backup.name === name);
  const isNew = (restore: Wanted['restores'][number]) => !isServed(record, 'restore', servedPrint(restore));
  const hasReason =
    wanted.restores.some(isNew) ||
    (record?.backups ?? []).some(isGone) ||
    backups.some(({ name }) => !isPatient(name));
  return hasReason ? { ...wanted, backups } : undefined;
}

/** The agent that acts for `object` as it stands now. */
export function agentOf(
  role: AgentSought['role'],
  object: BackupConfiguration | RestoreSession,
  repository: Repository | undefined,
): AgentSought {
  const { name } = object.metadata;
  if (repository === undefined) return { role, name };
  return { role, name, served: servedPrint(wantedBy(object, repository)) };
}

/** The same order at every replica and at every time. */
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
