import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupHost, BackupSession, BackupStat } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import { BACKUP_CONFIGURATIONS, REPOSITORIES } from '../api/resources.ts';
import { backupArguments } from '../restic/arguments.ts';
import { type BackupSummary, parseBackupLine } from '../restic/messages.ts';
import { formatBytes } from '../restic/sizes.ts';
import { tagsOf } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { directoryName, requireDirectory, requireMounted } from './directories.ts';
import { HostFailure, listed } from './failure.ts';
import { progressOf } from './progress.ts';
import { readObject } from './read-object.ts';
import type { Report } from './report.ts';
import { openRepository, type RepositoryAccess } from './repository-access.ts';
import { awaitInitializer, initialize } from './repository-id.ts';
import { redacted, runRestic } from './restic.ts';
import { asConfigured } from './runtime-settings.ts';
import { stopOf } from './stop.ts';

export type BackupReport = Report<BackupHost, BackupStat>;

/** restic's exit code where it made a snapshot, and some files are not in it. */
const someUnreadable = 3;

/** How many of them a message names. */
const mostNamed = 5;

/**
 * Backs up each directory of the session's configuration, one after another, and reports what was made.
 *
 * A directory of which some files could not be read does not keep the others from being backed up; any other failure does.
 *
 * @param current - the session as it is now
 * @throws {HostFailure} unless all of it is backed up
 * @throws {Stopped} where `signal` was aborted
 */
export async function backUp(
  agent: Agent,
  current: () => BackupSession,
  report: BackupReport,
  signal: AbortSignal,
): Promise<void> {
  const session = current();
  const name = session.spec.backupConfiguration.name;
  const configuration = await readObject<BackupConfiguration>(agent, BACKUP_CONFIGURATIONS, name, signal);
  const directories = configuration.spec.target.directories.map(directoryName);
  requireMounted(directories, agent.directories);
  for (const directory of directories) await requireDirectory(directory);
  const repository = await readObject<Repository>(
    agent,
    REPOSITORIES,
    configuration.spec.repository.name,
    signal,
  );
  const opened = await openRepository(agent, repository, signal, ({ reason, message }) =>
    report.tell({ reason, message: `Waiting: ${message}` }),
  );
  const access = {
    ...asConfigured(opened, configuration.spec.runtimeSettings),
    deadline: session.status?.deadline,
  };
  report.mention({ reason: undefined, message: undefined });

  const initializer = session.status?.initializer;
  if (initializer === report.entry.host) {
    report.tell({ repositoryID: await initialize(agent, access, signal) });
    // The operator has to know of the repository before there is anything in it that could be lost.
    await acceptedOrStopped(report, signal);
  } else if (initializer !== undefined) {
    await awaitInitializer(agent, current, initializer, signal);
  }

  const unreadable: string[] = [];
  let count = 0;
  for (const directory of directories) {
    const outcome = await backUpDirectory(agent, access, configuration, directory, report, signal);
    unreadable.push(...outcome.unreadable.slice(0, mostNamed - unreadable.length));
    count += outcome.count;
  }
  if (count > 0) {
    throw new HostFailure(
      'SomeFilesUnreadable',
      `${count} ${count === 1 ? 'file or directory' : 'files or directories'} could not be read, so the snapshot is not complete: ${listed(unreadable, count)}. Let the user that the agent runs as read them, or exclude them`,
    );
  }
}

interface DirectoryOutcome {
  /** The first of what could not be read, each with why. */
  unreadable: string[];
  count: number;
}

async function backUpDirectory(
  agent: Agent,
  access: RepositoryAccess,
  configuration: BackupConfiguration,
  directory: string,
  report: BackupReport,
  signal: AbortSignal,
): Promise<DirectoryOutcome> {
  const { ref, exclude } = configuration.spec.target;
  const subject = {
    namespace: agent.identity.namespace,
    configuration: configuration.metadata.name,
    kind: ref.kind,
    name: ref.name,
    directory,
  };
  const host = report.entry.host;
  const unreadable: string[] = [];
  let count = 0;
  let summary: BackupSummary | undefined;
  const result = await runRestic(agent, access, {
    args: (locking) =>
      backupArguments({
        ...locking,
        host,
        tags: tagsOf(subject),
        directory,
        ...(exclude !== undefined && { exclude }),
      }),
    signal,
    accept: [someUnreadable],
    onLine: (line) => {
      const message = parseBackupLine(line);
      if (message.type === 'progress') report.mention({ progress: progressOf(directory, message) });
      if (message.type === 'summary') summary = message;
      if (message.type === 'error') {
        count++;
        if (unreadable.length < mostNamed) {
          unreadable.push(redacted(access, `${message.item}: ${message.message}`));
        }
      }
    },
  });
  if (summary?.snapshot === undefined) {
    throw new HostFailure('NoSnapshotMade', `restic ended well for ${directory}, but names no snapshot`);
  }
  report.addStat(statOf(host, directory, summary, summary.snapshot));
  report.tell({ progress: undefined });
  // Its exit code decides: an error that restic does not count is none.
  return result.code === someUnreadable
    ? { unreadable, count: Math.max(1, count) }
    : { unreadable: [], count: 0 };
}

function statOf(host: string, directory: string, summary: BackupSummary, snapshot: string): BackupStat {
  return {
    hostname: host,
    directory,
    snapshot: snapshot.slice(0, 8),
    totalSize: formatBytes(summary.totalBytes),
    uploaded: formatBytes(summary.dataAddedPacked),
    totalBytes: summary.totalBytes,
    uploadedBytes: summary.dataAddedPacked,
    fileStats: { new: summary.filesNew, changed: summary.filesChanged, unmodified: summary.filesUnmodified },
  };
}

async function acceptedOrStopped(report: BackupReport, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw stopOf(signal);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([report.accepted(), stopped]);
  signal.removeEventListener('abort', onAbort);
  if (signal.aborted) throw stopOf(signal);
}
