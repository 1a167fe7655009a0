import type { Repository } from '../api/repository.ts';
import { REPOSITORIES } from '../api/resources.ts';
import type { RestoreHost, RestoreSession, RestoreSessionSpec, RestoreStat } from '../api/restore-session.ts';
import { timestamp } from '../kube/clock.ts';
import { type RestoreOptions, restoreArguments } from '../restic/arguments.ts';
import { parseRestoreLine, type RestoreSummary } from '../restic/messages.ts';
import type { Snapshot } from '../restic/output.ts';
import { formatBytes } from '../restic/sizes.ts';
import type { Agent } from './agent.ts';
import { directoryName, requireMounted } from './directories.ts';
import { boundedMessage, HostFailure } from './failure.ts';
import { applyOwnNode, type Owner, readOwnNode } from './own-node.ts';
import { progressOf } from './progress.ts';
import { readObject } from './read-object.ts';
import type { Report } from './report.ts';
import { openRepository, type RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';
import { chooseSnapshots, describePassedOver, sourceOf } from './snapshot-choice.ts';

export type RestoreReport = Report<RestoreHost, RestoreStat>;

/**
 * Restores each directory of the session's target from its newest snapshot, one after another, and reports what was restored. Nothing
 * is touched before every directory has a snapshot.
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
  const { target, repository: reference } = session.spec;
  const directories = target.directories.map(directoryName);
  requireMounted(directories, agent.directories);
  const repository = await readObject<Repository>(agent, REPOSITORIES, reference.name, signal);
  const opened = await openRepository(agent, repository, signal, ({ reason, message }) =>
    report.tell({ reason, message: `Waiting: ${message}` }),
  );
  const access = { ...opened, deadline: session.status?.deadline };
  report.mention({ reason: undefined, message: undefined });
  const source = sourceOf(session, agent.identity.namespace, report.entry.host);
  const snapshots = await chooseSnapshots(agent, access, source, directories, signal);
  const refused: string[] = [];
  let foreign = 0;
  for (const [directory, { snapshot }] of snapshots) {
    await restoreDirectory(agent, access, session.spec, directory, snapshot, report, signal);
    // A part of a directory says nothing of the directory itself.
    if (session.spec.include !== undefined) continue;
    const own = await readOwnNode(agent, access, snapshot.id, directory, owner, signal);
    refused.push(...(await applyOwnNode(directory, own)));
    foreign += own.foreign;
  }
  const losses = describeLosses(owner, foreign, refused);
  const passedOver = describePassedOver(snapshots);
  if (losses === undefined && passedOver === undefined) return {};
  return {
    reason: losses === undefined ? 'IncompletePassedOver' : 'OwnershipNotKept',
    message: boundedMessage([losses, passedOver].filter((note) => note !== undefined).join('. ')),
  };
}

async function restoreDirectory(
  agent: Agent,
  access: RepositoryAccess,
  spec: RestoreSessionSpec,
  directory: string,
  snapshot: Snapshot,
  report: RestoreReport,
  signal: AbortSignal,
): Promise<void> {
  let summary: RestoreSummary | undefined;
  await runRestic(agent, access, {
    args: (locking) =>
      restoreArguments({
        ...locking,
        snapshot: snapshot.id,
        directory,
        target: directory,
        ...whatOf(spec, directory),
      }),
    signal,
    onLine: (line) => {
      const message = parseRestoreLine(line);
      if (message.type === 'progress') report.mention({ progress: progressOf(directory, message) });
      if (message.type === 'summary') summary = message;
    },
  });
  if (summary === undefined || summary.filesRestored + summary.filesSkipped === 0) {
    const what = spec.include === undefined ? 'no file' : `no file that matches ${spec.include.join(', ')}`;
    throw new HostFailure(
      'NothingRestored',
      `snapshot ${snapshot.id.slice(0, 8)} of ${timestamp(snapshot.time)} has ${what} in ${directory}, so nothing was restored`,
    );
  }
  report.addStat({
    hostname: report.entry.host,
    directory,
    snapshot: snapshot.id.slice(0, 8),
    snapshotTime: timestamp(snapshot.time),
    restoredSize: formatBytes(summary.bytesRestored),
    restoredBytes: summary.bytesRestored,
    restoredFiles: summary.filesRestored,
  });
  report.tell({ progress: undefined });
}

/** The file system's own, at the root of an ext4 volume: root's alone, and no part of the data. */
const LOST_AND_FOUND = '/lost+found';

/** Which part of `directory` is restored, and whether the rest is deleted. */
function whatOf(
  { mode, include, exclude }: RestoreSessionSpec,
  directory: string,
): Pick<RestoreOptions, 'include' | 'exclude' | 'exact'> {
  const exact = mode === 'Exact';
  if (exact && directory === '/') {
    throw new HostFailure('DirectoryInvalid', 'mode Exact would delete all that the root of the pod has');
  }
  if (include !== undefined) return { include, exact };
  // restic spares what is excluded; to delete this one fails for every user but root.
  const excluded = [...(exclude ?? []), ...(exact ? [LOST_AND_FOUND] : [])];
  return { exclude: excluded, exact };
}

function describeLosses(owner: Owner, foreign: number, refused: readonly string[]): string | undefined {
  const losses = [
    ...(foreign > 0 ? [`the owners of ${foreign} files and directories`] : []),
    ...refused.slice(0, 5),
  ];
  if (losses.length === 0) return undefined;
  return `The data is restored, but the agent runs as user ${owner.uid} and could not give back ${losses.join(', ')}`;
}
