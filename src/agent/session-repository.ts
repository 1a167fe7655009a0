import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import { REPOSITORIES } from '../api/resources.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { readObject } from './read-object.ts';
import { openRepository, type RepositoryAccess } from './repository-access.ts';
import { asConfigured } from './runtime-settings.ts';

type OnWaiting = (failure: HostFailure) => void;

/** Says on `report` what is waited for, and that it is. */
export function tellWaiting(report: { tell(change: { reason: string; message: string }): void }): OnWaiting {
  return ({ reason, message }) => report.tell({ reason, message: `Waiting: ${message}` });
}

/**
 * The repository of a backup, for as long as the session runs, in the way in which its configuration has restic run.
 *
 * @throws {HostFailure} as {@link openRepository} does, and `RepositoryReplaced` where the one of the session is gone
 * @throws {Stopped} where `signal` was aborted
 */
export async function openForBackup(
  agent: Agent,
  { status }: BackupSession,
  { spec }: BackupConfiguration,
  signal: AbortSignal,
  onWaiting: OnWaiting,
): Promise<RepositoryAccess> {
  // The session's own: the configuration may name the next one already.
  const { name, uid }: { name: string; uid?: string } = status?.repository ?? spec.repository;
  const repository = await readObject<Repository>(agent, REPOSITORIES, name, signal);
  if (uid !== undefined && uid !== repository.metadata.uid) {
    throw new HostFailure(
      'RepositoryReplaced',
      `the Repository ${name} with which the session began was deleted, and this is another of its name; start another session`,
    );
  }
  const opened = await openRepository(agent, repository, signal, onWaiting);
  return { ...asConfigured(opened, spec.runtimeSettings), deadline: status?.deadline };
}

/** The repository of a restore. Throws as {@link openForBackup} does. */
export async function openForRestore(
  agent: Agent,
  { spec, status }: RestoreSession,
  signal: AbortSignal,
  onWaiting: OnWaiting,
): Promise<RepositoryAccess> {
  const repository = await readObject<Repository>(agent, REPOSITORIES, spec.repository.name, signal);
  const opened = await openRepository(agent, repository, signal, onWaiting);
  return { ...asConfigured(opened, spec.runtimeSettings), deadline: status?.deadline };
}
