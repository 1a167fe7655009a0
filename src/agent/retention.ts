import type { BackupHost, BackupSession, BackupStat, RetentionReport } from '../api/backup-session.ts';
import { forgetArguments, type Locking } from '../restic/arguments.ts';
import { parseForget } from '../restic/output.ts';
import { configurationTags, targetSubject } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { failureOf } from './failure.ts';
import type { Report } from './report.ts';
import { runRestic } from './restic.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup } from './session-repository.ts';

/** Applies the retention policy, and reports how that fared. Never rejects. */
export async function reportRetention(
  agent: Agent,
  session: BackupSession,
  report: Report<BackupHost, BackupStat>,
  signal: AbortSignal,
): Promise<void> {
  const { logger } = agent;
  const { name } = session.metadata;
  report.tell({ retention: { phase: 'Running' } });
  try {
    signal.throwIfAborted();
    const retention = await applyRetention(agent, session, signal);
    report.tell({ retention });
    logger.info({ session: name, ...retention }, 'retention was applied');
  } catch (error) {
    const failure = failureOf(error);
    report.tell({ retention: { phase: 'Failed', ...failure } });
    logger.warn({ session: name, ...failure }, 'retention could not be applied');
  }
}

/**
 * Applies the retention policy of the session's configuration to its own snapshots, of all hosts, once.
 *
 * @throws {HostFailure} where it could not be applied
 * @throws {Stopped} where `signal` was aborted
 */
async function applyRetention(
  agent: Agent,
  session: BackupSession,
  signal: AbortSignal,
): Promise<RetentionReport> {
  const name = session.spec.backupConfiguration.name;
  const configuration = await readConfiguration(agent, session, signal);
  const { spec } = configuration;
  // It was taken out since the session began: all snapshots stay.
  if (spec.retentionPolicy === undefined) return { phase: 'Succeeded', removed: 0 };
  const access = await openForBackup(agent, session, configuration, signal, () => {});
  const tags = configurationTags({
    namespace: agent.identity.namespace,
    configuration: name,
    ...targetSubject(name, spec.target),
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
