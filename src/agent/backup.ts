import { basename } from 'node:path';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupHost, BackupSession, BackupStat } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import { BACKUP_CONFIGURATIONS, REPOSITORIES } from '../api/resources.ts';
import { backupArguments, type Locking, listDirectoryArguments } from '../restic/arguments.ts';
import { type BackupSummary, parseBackupLine } from '../restic/messages.ts';
import { parseDirectory } from '../restic/output.ts';
import { formatBytes } from '../restic/sizes.ts';
import { tagsOf } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { directoryName, requireDirectory, requireMounted } from './directories.ts';
import { HostFailure, listed } from './failure.ts';
import { markIncomplete } from './incomplete.ts';
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
 * A directory of which some files could not be read does not keep the others from being backed up; any other failure does. A snapshot that
 * is not complete is marked so.
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
    // The session's own: the configuration may name the next one already.
    session.status?.repository?.name ?? configuration.spec.repository.name,
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
    throw new HostFailure('SomeFilesUnreadable', describeUnreadable({ unreadable, count }));
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
  const made = { ...summary, snapshot: summary.snapshot };
  report.addStat(statOf(host, directory, made));
  report.tell({ progress: undefined });
  const mark = async (flaw: string): Promise<void> => {
    const snapshot = await markIncomplete(agent, access, made.snapshot, flaw, signal);
    report.addStat(statOf(host, directory, { ...made, snapshot }));
  };
  // Its exit code decides: an error that restic does not count is none.
  if (result.code === someUnreadable) {
    const outcome = { unreadable, count: Math.max(1, count) };
    await mark(describeUnreadable(outcome));
    return outcome;
  }
  // A directory that is excluded itself has no file in the snapshot; neither has one that is empty.
  if (made.totalFiles === 0 && !(await isHeld(agent, access, made.snapshot, directory, signal))) {
    const flaw = describeAbsent(directory, made.snapshot, exclude);
    await mark(flaw);
    throw new HostFailure('DirectoryNotInSnapshot', flaw);
  }
  return { unreadable: [], count: 0 };
}

function describeUnreadable({ unreadable, count }: DirectoryOutcome): string {
  return `${count} ${count === 1 ? 'file or directory' : 'files or directories'} could not be read, so the snapshot is not complete: ${listed(unreadable, count)}. Let the user that the agent runs as read them, or exclude them`;
}

function describeAbsent(directory: string, snapshot: string, exclude: readonly string[] = []): string {
  const what = `Snapshot ${snapshot.slice(0, 8)} has nothing of ${directory}, not even the directory itself`;
  if (exclude.length === 0) return `${what}: it may have been removed as the backup began`;
  return `${what}: a pattern of target.exclude matches the directory or one above it (${listed(exclude.slice(0, mostNamed), exclude.length)}). Name what is below it instead, as in ${directory}/cache`;
}

/** Whether the snapshot has the directory itself. */
async function isHeld(
  agent: Agent,
  access: RepositoryAccess,
  snapshot: string,
  directory: string,
  signal: AbortSignal,
): Promise<boolean> {
  const args = (locking: Locking) => listDirectoryArguments({ ...locking, snapshot, directory });
  const { stdout } = await runRestic(agent, access, { args, signal });
  return parseDirectory(stdout, basename(directory)) !== undefined;
}

function statOf(host: string, directory: string, summary: BackupSummary & { snapshot: string }): BackupStat {
  return {
    hostname: host,
    directory,
    snapshot: summary.snapshot.slice(0, 8),
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
