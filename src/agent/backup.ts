import type { BackupHost, BackupSession, BackupStat } from '../api/backup-session.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import { backupArguments } from '../restic/arguments.ts';
import { type BackupSummary, parseBackupLine } from '../restic/messages.ts';
import { type SnapshotSubject, tagsOf } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { backupStat } from './backup-stat.ts';
import { mountPoints, requireInData } from './data-mounts.ts';
import { directoryName, requireDirectory, requireMounted } from './directories.ts';
import { HostFailure, listed, together } from './failure.ts';
import { type Flawed, markIncomplete, tellFlawed } from './incomplete.ts';
import { readNode } from './own-node.ts';
import { progressOf } from './progress.ts';
import type { Report } from './report.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { awaitInitializer, initialize } from './repository-id.ts';
import { redacted, runRestic } from './restic.ts';
import { readConfiguration } from './session-configuration.ts';
import { openForBackup, tellWaiting } from './session-repository.ts';
import { stopOf } from './stop.ts';

export type BackupReport = Report<BackupHost, BackupStat>;

/** restic's exit code where it made a snapshot, and some files are not in it. */
const someUnreadable = 3;

/** How many of them a message names. */
const mostNamed = 5;

/**
 * Backs up each directory of the session's configuration, one after another, and reports what was made.
 *
 * A directory that is not backed up whole does not keep the others from being backed up; one of which there is no snapshot does.
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
  const configuration = await readConfiguration(agent, session, signal);
  if (!isOfWorkload(configuration)) {
    const message = `the BackupConfiguration ${name} is no more about the workload of this pod`;
    throw new HostFailure('DirectoryNotMounted', message);
  }
  const directories = configuration.spec.target.directories.map(directoryName);
  requireMounted(directories, agent.directories);
  for (const directory of directories) await requireDirectory(directory);
  await requireInData(directories, agent.directories, await mountPoints());
  const access = await openForBackup(agent, session, configuration, signal, tellWaiting(report));
  report.mention({ reason: undefined, message: undefined });

  const initializer = session.status?.initializer;
  if (initializer === report.entry.host) {
    report.tell({ repositoryID: await initialize(agent, access, signal) });
    // The operator has to know of the repository before there is anything in it that could be lost.
    await acceptedOrStopped(report, signal);
  } else if (initializer !== undefined) {
    await awaitInitializer(agent, current, initializer, signal);
  }

  const { ref, exclude } = configuration.spec.target;
  const target = { namespace: agent.identity.namespace, configuration: name, kind: ref.kind, name: ref.name };
  const subjects = directories.map((directory) => ({ ...target, directory }));
  const outcomes = await backUpDirectories(agent, access, subjects, exclude, report, signal);
  const [failure, ...more] = [
    ...failureOfUnreadable(outcomes),
    ...outcomes.flatMap(({ absent }) => (absent === undefined ? [] : [absent])),
  ];
  if (failure !== undefined) throw together([failure, ...more]);
}

function failureOfUnreadable(outcomes: readonly DirectoryOutcome[]): HostFailure[] {
  const unreadable = outcomes.flatMap((outcome) => outcome.unreadable).slice(0, mostNamed);
  const count = outcomes.reduce((sum, outcome) => sum + outcome.count, 0);
  if (count === 0) return [];
  return [new HostFailure('SomeFilesUnreadable', describeUnreadable({ unreadable, count }))];
}

/**
 * Backs up directories, one after another, and reports the snapshots. Those that are not complete are marked so in the end, all at once:
 * that waits until no other host backs up, and a directory that is not backed up is worse off than one whose snapshot is not marked yet.
 *
 * @param subjects - what the snapshots are of
 * @param exclude - patterns of restic's
 * @throws {HostFailure} where there is no snapshot of one; `NotMarkedIncomplete`, whatever else went wrong
 */
export async function backUpDirectories(
  agent: Agent,
  access: RepositoryAccess,
  subjects: readonly SnapshotSubject[],
  exclude: readonly string[] | undefined,
  report: BackupReport,
  signal: AbortSignal,
): Promise<DirectoryOutcome[]> {
  const outcomes: DirectoryOutcome[] = [];
  try {
    for (const subject of subjects) {
      outcomes.push(await backUpDirectory(agent, access, subject, exclude, report, signal));
      const flawed = flawedOf(outcomes);
      if (flawed.length > 0) tellFlawed(report, flawed);
    }
  } catch (error) {
    await marked(agent, access, outcomes, report, signal);
    throw error;
  }
  return marked(agent, access, outcomes, report, signal);
}

/** `outcomes` with the ids that those snapshots have now that are not complete. */
async function marked(
  agent: Agent,
  access: RepositoryAccess,
  outcomes: readonly DirectoryOutcome[],
  report: BackupReport,
  signal: AbortSignal,
): Promise<DirectoryOutcome[]> {
  const ids = await markIncomplete(agent, access, flawedOf(outcomes), report, signal);
  return outcomes.map((outcome) => {
    const snapshot = ids.get(outcome.made.snapshot);
    if (snapshot === undefined) return outcome;
    const made = { ...outcome.made, snapshot };
    report.addStat(backupStat(report.entry.host, outcome.directory, made));
    return { ...outcome, made };
  });
}

function flawedOf(outcomes: readonly DirectoryOutcome[]): Flawed[] {
  return outcomes.flatMap(({ flaw, made: { snapshot } }) => (flaw === undefined ? [] : [{ flaw, snapshot }]));
}

/** What became of one directory of which a snapshot was made. */
export interface DirectoryOutcome {
  directory: string;
  made: BackupSummary & { snapshot: string };
  /** The first of what could not be read, each with why. */
  unreadable: string[];
  count: number;
  /** Where the snapshot has nothing of the directory. */
  absent?: HostFailure;
  /** What the snapshot lacks, as a sentence. */
  flaw?: string;
}

async function backUpDirectory(
  agent: Agent,
  access: RepositoryAccess,
  subject: SnapshotSubject,
  exclude: readonly string[] | undefined,
  report: BackupReport,
  signal: AbortSignal,
): Promise<DirectoryOutcome> {
  const { directory } = subject;
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
  report.addStat(backupStat(host, directory, made));
  report.tell({ progress: undefined });
  // Its exit code decides: an error that restic does not count is none.
  if (result.code === someUnreadable) {
    const lack = { unreadable, count: Math.max(1, count) };
    return { directory, made, ...lack, flaw: describeUnreadable(lack) };
  }
  const whole = { directory, made, unreadable: [], count: 0 };
  // A directory that is excluded itself has no file in the snapshot; neither has one that is empty.
  if (
    made.totalFiles === 0 &&
    (await readNode(agent, access, made.snapshot, directory, signal)) === undefined
  ) {
    const flaw = describeAbsent(directory, made.snapshot, exclude);
    return { ...whole, flaw, absent: new HostFailure('DirectoryNotInSnapshot', flaw) };
  }
  return whole;
}

/** What a snapshot lacks of which some files could not be read. */
export function describeUnreadable({
  unreadable,
  count,
}: Pick<DirectoryOutcome, 'unreadable' | 'count'>): string {
  return `${count} ${count === 1 ? 'file or directory' : 'files or directories'} could not be read, so the snapshot is not complete: ${listed(unreadable, count)}. Let the user that the agent runs as read them, or exclude them`;
}

function describeAbsent(directory: string, snapshot: string, exclude: readonly string[] = []): string {
  const what = `Snapshot ${snapshot.slice(0, 8)} has nothing of ${directory}, not even the directory itself`;
  if (exclude.length === 0) return `${what}: it may have been removed as the backup began`;
  return `${what}: a pattern of target.exclude matches the directory or one above it (${listed(exclude.slice(0, mostNamed), exclude.length)}). Name what is below it instead, as in ${directory}/cache`;
}

/** Resolves when all that was said is accepted. @throws {Stopped} where `signal` was aborted before */
export async function acceptedOrStopped(
  report: Pick<BackupReport, 'accepted'>,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw stopOf(signal);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([report.accepted(), stopped]);
  signal.removeEventListener('abort', onAbort);
  if (signal.aborted) throw stopOf(signal);
}
