import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession, RetentionReport } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import { BACKUP_CONFIGURATIONS, REPOSITORIES } from '../api/resources.ts';
import { forgetArguments, type Locking } from '../restic/arguments.ts';
import { parseForget } from '../restic/output.ts';
import { configurationTags } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { readObject } from './read-object.ts';
import { openRepository } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { asConfigured } from './runtime-settings.ts';

/**
 * Applies the retention policy of the session's configuration to its own snapshots, of all hosts, once.
 *
 * @throws {HostFailure} where it could not be applied
 * @throws {Stopped} where `signal` was aborted
 */
export async function applyRetention(
  agent: Agent,
  session: BackupSession,
  signal: AbortSignal,
): Promise<RetentionReport> {
  const name = session.spec.backupConfiguration.name;
  const { spec } = await readObject<BackupConfiguration>(agent, BACKUP_CONFIGURATIONS, name, signal);
  // It was taken out since the session began: all snapshots stay.
  if (spec.retentionPolicy === undefined) return { phase: 'Succeeded', removed: 0 };
  const place = session.status?.repository?.name ?? spec.repository.name;
  const repository = await readObject<Repository>(agent, REPOSITORIES, place, signal);
  const opened = await openRepository(agent, repository, signal, () => {});
  const access = { ...asConfigured(opened, spec.runtimeSettings), deadline: session.status?.deadline };
  const { kind, name: target } = spec.target.ref;
  const tags = configurationTags({
    namespace: agent.identity.namespace,
    configuration: name,
    kind,
    name: target,
  });
  const policy = spec.retentionPolicy;
  const args = (locking: Locking) => forgetArguments({ ...locking, tags, policy });
  const groups = parseForget((await runRestic(agent, access, { args, signal, isSilent: true })).stdout);
  return {
    phase: 'Succeeded',
    kept: groups.reduce((sum, group) => sum + group.keep.length, 0),
    removed: groups.reduce((sum, group) => sum + group.remove.length, 0),
  };
}
