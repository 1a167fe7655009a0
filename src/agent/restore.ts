import type { RestoreHost, RestoreSession, RestoreSessionSpec, RestoreStat } from '../api/restore-session.ts';
import { timestamp } from '../kube/clock.ts';
import { type RestoreOptions, restoreArguments } from '../restic/arguments.ts';
import { parseRestoreLine, type RestoreSummary } from '../restic/messages.ts';
import type { Snapshot } from '../restic/output.ts';
import { eitherOf, excludesBelow, includeWithout } from '../restic/patterns.ts';
import { formatBytes } from '../restic/sizes.ts';
import type { Agent } from './agent.ts';
import { mountPoints, requireInData } from './data-mounts.ts';
import { directoryName, requireMounted } from './directories.ts';
import { emptyDirectory } from './empty-directory.ts';
import { boundedMessage, HostFailure, together } from './failure.ts';
import { applyOwnNode, missingOf, type Owner, readNode, readOwnNode } from './own-node.ts';
import { progressOf } from './progress.ts';
import type { Report } from './report.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { openForRestore, tellWaiting } from './session-repository.ts';
import { chooseSnapshots, describePassedOver, sourceOf } from './snapshot-choice.ts';

export type RestoreReport = Report<RestoreHost, RestoreStat>;

/**
 * Restores each directory of the session's target from its newest snapshot, one after another, and reports what was restored. Nothing
 * is touched before it is known that every directory can be. What is wrong with one directory keeps no other from being restored.
 *
 * @returns what is to be known of it although it went well: that a newer snapshot was not taken, or what could not be given its owner,
 * mode or time
 * @throws {HostFailure} where a directory has no snapshot, or nothing or not all of it is restored
 * @throws {Stopped} where `signal` was aborted
 */
export async function restore(
  agent: Agent,
  session: RestoreSession,
  report: RestoreReport,
  owner: Owner,
  signal: AbortSignal,
): Promise<Pick<RestoreHost, 'reason' | 'message'>> {
  const { target } = session.spec;
  if (target.directories === undefined) {
    throw new HostFailure('DirectoriesMissing', 'spec.target.directories: names nothing to restore');
  }
  const directories = target.directories.map(directoryName);
  requireMounted(directories, agent.directories);
  await requireInData(directories, agent.directories, await mountPoints());
  const access = await openForRestore(agent, session, signal, tellWaiting(report));
  report.mention({ reason: undefined, message: undefined });
  const { note } = await restoreDirectories(agent, access, session, directories, report, owner, signal);
  return note;
}

export interface RestoredDirectory {
  directory: string;
  snapshot: Snapshot;
  summary: RestoreSummary;
  /** Whether the snapshot has the directory, and nothing in it. */
  isEmpty: boolean;
}

/** Reasons of failures that say nothing of other directories. */
const ofOneDirectory: readonly string[] = ['NothingRestored', 'NotDeleted', 'ResticFailed'];

/** Restores `directories`, and reports each. The note is what {@link restore} answers, and it throws in the same way. */
export async function restoreDirectories(
  agent: Agent,
  access: RepositoryAccess,
  session: RestoreSession,
  directories: readonly string[],
  report: RestoreReport,
  owner: Owner,
  signal: AbortSignal,
): Promise<{ restored: RestoredDirectory[]; note: Pick<RestoreHost, 'reason' | 'message'> }> {
  const source = sourceOf(session, agent.identity.namespace, report.entry.host);
  const snapshots = await chooseSnapshots(agent, access, source, directories, signal);
  const restored: RestoredDirectory[] = [];
  const refused: string[] = [];
  const failures: HostFailure[] = [];
  let foreign = 0;
  const { spec } = session;
  const wanted = [...snapshots].map(([directory, { snapshot }]) => ({
    ...{ directory, snapshot },
    what: whatOf(spec, directory, snapshot),
  }));
  for (const each of wanted) {
    try {
      const one = await restoreDirectory(agent, access, spec, each, report, owner, signal);
      restored.push(one);
      refused.push(...one.refused);
      foreign += one.foreign;
    } catch (error) {
      if (!(error instanceof HostFailure)) throw error;
      failures.push(error);
      if (!ofOneDirectory.includes(error.reason)) break;
    }
  }
  const [failure, ...more] = failures;
  if (failure !== undefined) throw together([failure, ...more]);
  const losses = describeLosses(owner, foreign, refused);
  const passedOver = describePassedOver(snapshots);
  if (losses === undefined && passedOver === undefined) return { restored, note: {} };
  const note = {
    reason: losses === undefined ? 'IncompletePassedOver' : 'OwnershipNotKept',
    message: boundedMessage([losses, passedOver].filter((each) => each !== undefined).join('. ')),
  };
  return { restored, note };
}

async function restoreDirectory(
  agent: Agent,
  access: RepositoryAccess,
  spec: RestoreSessionSpec,
  { directory, snapshot, what }: Pick<RestoredDirectory, 'directory' | 'snapshot'> & { what: What },
  report: RestoreReport,
  owner: Owner,
  signal: AbortSignal,
): Promise<RestoredDirectory & { refused: string[]; foreign: number }> {
  const missing = await missingOf(directory);
  let summary: RestoreSummary | undefined;
  await runRestic(agent, access, {
    args: (locking) =>
      restoreArguments({ ...locking, snapshot: snapshot.id, directory, target: directory, ...what }),
    signal,
    onLine: (line) => {
      const message = parseRestoreLine(line);
      if (message.type === 'progress') report.mention({ progress: progressOf(directory, message) });
      if (message.type === 'summary') summary = message;
    },
  });
  if (summary === undefined) throw nothingRestored(spec, directory, snapshot);
  const stat = restoreStat(report.entry.host, directory, snapshot, summary);
  const isEmpty = summary.filesRestored + summary.filesSkipped === 0;
  if (!isEmpty) report.addStat(stat);
  report.tell({ progress: undefined });
  // A part of a directory says nothing of the directory itself.
  const own =
    spec.include === undefined
      ? await readOwnNode(agent, access, snapshot.id, directory, owner, signal, isEmpty)
      : undefined;
  if (isEmpty) {
    if (own?.node === undefined || own.hasEntries) throw nothingRestored(spec, directory, snapshot);
    if (what.exact === true) await emptyDirectory(directory, what.exclude ?? []);
    report.addStat(stat);
  }
  const refused = own === undefined ? [] : await applyOwnNode(directory, own);
  // Of a part nothing is known of the directory itself, but what restic had to make for it is nobody's yet.
  for (const made of own === undefined ? missing : missing.slice(1)) {
    const node = await readNode(agent, access, snapshot.id, made, signal);
    refused.push(...(await applyOwnNode(made, { node })));
  }
  return { directory, snapshot, summary, isEmpty, refused, foreign: own?.foreign ?? 0 };
}

function nothingRestored(
  { include, exclude }: RestoreSessionSpec,
  directory: string,
  { id, time }: Snapshot,
): HostFailure {
  const which =
    include !== undefined
      ? ` that matches ${include.join(', ')}`
      : exclude !== undefined
        ? ` that is not excluded by ${exclude.join(', ')}`
        : '';
  return new HostFailure(
    'NothingRestored',
    `snapshot ${id.slice(0, 8)} of ${timestamp(time)} has no file${which} in ${directory}, so nothing was restored`,
  );
}

/** The entry of `status.stats` of what was restored of one directory. */
export function restoreStat(
  host: string,
  directory: string,
  snapshot: Pick<Snapshot, 'id' | 'time'>,
  { bytesRestored, filesRestored }: Pick<RestoreSummary, 'bytesRestored' | 'filesRestored'>,
): RestoreStat {
  return {
    hostname: host,
    directory,
    snapshot: snapshot.id.slice(0, 8),
    snapshotTime: timestamp(snapshot.time),
    restoredSize: formatBytes(bytesRestored),
    restoredBytes: bytesRestored,
    restoredFiles: filesRestored,
  };
}

/** The file system's own, at the root of an ext4 volume: root's alone, and no part of the data. */
const LOST_AND_FOUND = '/lost+found';

type What = Pick<RestoreOptions, 'include' | 'exclude' | 'exact'>;

/** Which part of `directory` is restored, and whether the rest is deleted. What the backup was not to have is not missed in its snapshot. */
function whatOf({ mode, include, exclude }: RestoreSessionSpec, directory: string, snapshot: Snapshot): What {
  const part = include !== undefined ? { include } : { exclude: exclude ?? [] };
  if (mode !== 'Exact') return part;
  if (directory === '/') {
    throw new HostFailure('DirectoryInvalid', 'mode Exact would delete all that the root of the pod has');
  }
  const { excludes = [] } = snapshot;
  // restic spares what is excluded; to delete this one fails for every user but root.
  const spared = [...excludesBelow(excludes, directory), LOST_AND_FOUND];
  const patterns = include !== undefined ? includeWithout(include, spared) : eitherOf(spared, exclude ?? []);
  if (patterns === undefined) {
    const own = include !== undefined ? 'include' : 'exclude';
    throw new HostFailure(
      'ExcludesNotSpared',
      `mode Exact has to spare what was excluded as snapshot ${snapshot.id.slice(0, 8)} of ${directory} was made (${excludes.join(', ')}), and restic cannot be told so beside ${own} for the sake of the patterns that begin with "!": leave out ${own}, or restore with mode Overlay`,
    );
  }
  return { ...(include !== undefined ? { include: patterns } : { exclude: patterns }), exact: true };
}

function describeLosses(owner: Owner, foreign: number, refused: readonly string[]): string | undefined {
  const losses = [
    ...(foreign > 0 ? [`the owners of ${foreign} files and directories`] : []),
    ...refused.slice(0, 5),
  ];
  if (losses.length === 0) return undefined;
  return `The data is restored, but the agent runs as user ${owner.uid} and could not give back ${losses.join(', ')}`;
}
