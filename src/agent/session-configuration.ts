import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { BACKUP_CONFIGURATIONS } from '../api/resources.ts';
import { changeSince } from '../api/session-subject.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { readObject } from './read-object.ts';

/**
 * The configuration of `session` as it is now, which is of what it was of as the session began.
 *
 * @throws {HostFailure} `BackupConfigurationNotFound`, and `ConfigurationChanged` where its target or task is another by now
 * @throws {Stopped} where `signal` was aborted
 */
export async function readConfiguration(
  agent: Agent,
  session: BackupSession,
  signal: AbortSignal,
): Promise<BackupConfiguration> {
  const { name } = session.spec.backupConfiguration;
  const configuration = await readObject<BackupConfiguration>(agent, BACKUP_CONFIGURATIONS, name, signal);
  const change = changeSince(session.status?.configurationHash, configuration);
  if (change !== undefined) throw new HostFailure(change.reason, change.message);
  return configuration;
}
