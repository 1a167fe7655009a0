import type { BackupSession } from '../api/backup-session.ts';
import { findCondition, withCondition } from '../api/conditions.ts';
import { claimNameOf } from '../api/local-backend.ts';
import { REPOSITORY_READY, type Repository, type RepositoryStatus } from '../api/repository.ts';
import { REPOSITORIES } from '../api/resources.ts';
import { timestamp } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import type { Reconciler } from '../kube/queue.ts';
import type { Context } from './context.ts';
import { repositoryReadiness } from './repository-readiness.ts';
import { forbiddenVolume } from './volume-policy.ts';

/** What is known of this Repository? Whether agents can be given it, which id restic gave it, and when it was last backed up into. */
export function repositoryStatus(context: Context): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const repository = caches.repositories.get(key);
    if (repository === undefined || repository.metadata.deletionTimestamp !== undefined) return;
    const { namespace, name } = repository.metadata;
    const claimName = claimNameOf(repository);
    const claim = claimName === undefined ? undefined : caches.claims.get(`${namespace}/${claimName}`);
    const readiness = repositoryReadiness(repository, claim, forbiddenVolume(context, repository));
    const conditions = withCondition(repository.status?.conditions, readiness, timestamp(clock.now()));
    const learnt = learntFrom(sessionsOf(repository), repository.status);
    const status: RepositoryStatus = {
      ...repository.status,
      ...learnt,
      ...(repository.metadata.generation !== undefined && {
        observedGeneration: repository.metadata.generation,
      }),
      conditions,
    };
    if (JSON.stringify(status) === JSON.stringify(repository.status)) return;
    const known = findCondition(repository.status?.conditions, REPOSITORY_READY);
    // What is applied together arrives in any order: a claim that was never there is no news yet.
    if (readiness.status === 'False' && known?.status === 'True') {
      const { reason, message } = readiness;
      context.events.record({
        type: 'Warning',
        reason,
        action: 'CheckRepository',
        note: message,
        regarding: repository,
      });
    }
    try {
      // The version goes along: a status made from an old view must not take a repository's id away.
      const { resourceVersion } = repository.metadata;
      const patch = { metadata: { resourceVersion }, status };
      await client.mergePatch(REPOSITORIES, name, namespace, patch, {
        subresource: 'status',
        fieldManager: FIELD_MANAGER,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  /** Those of this very Repository: one of the same name before it, or the next of a configuration, was another place. */
  function sessionsOf({ metadata }: Repository): BackupSession[] {
    return caches.backupSessions
      .byIndex('repository', `${metadata.namespace}/${metadata.name}`)
      .filter(({ status }) => status?.repository?.uid === metadata.uid);
  }
}

/** What sessions tell of their repository. Its id, once known, stays; and times only go apart. */
export function learntFrom(sessions: BackupSession[], known: RepositoryStatus | undefined): RepositoryStatus {
  const ids = sessions.flatMap(({ status }) =>
    (status?.hosts ?? []).flatMap(({ repositoryID }) => repositoryID ?? []),
  );
  const times = sessions
    .filter(({ status }) => status?.phase === 'Succeeded')
    .flatMap(({ status }) => status?.completionTime ?? [])
    .sort();
  const repositoryID = known?.repositoryID ?? ids[0];
  const firstBackupTime = earliest(known?.firstBackupTime, times.at(0));
  const lastBackupTime = latest(known?.lastBackupTime, times.at(-1));
  return {
    ...(repositoryID !== undefined && { repositoryID }),
    ...(firstBackupTime !== undefined && { firstBackupTime }),
    ...(lastBackupTime !== undefined && { lastBackupTime }),
  };
}

const earliest = (a: string | undefined, b: string | undefined) =>
  a !== undefined && (b === undefined || a < b) ? a : b;
const latest = (a: string | undefined, b: string | undefined) =>
  a !== undefined && (b === undefined || a > b) ? a : b;
