import { snapshotsArguments } from '../restic/arguments.ts';
import { parseSnapshots, type Snapshot } from '../restic/output.ts';
import { subjectOf, targetTags } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { HostFailure, listed } from './failure.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';

/** What is to be restored: what this target backed up. */
export interface Source {
  repository: string;
  namespace: string;
  kind: string;
  name: string;
  host: string;
}

/** How many of the snapshots that do not fit a message names. */
const mostNamed = 10;

/**
 * The newest snapshot of each of `directories` of the source, found by one restic process.
 *
 * @throws {HostFailure} `NoSnapshot` where one has none, before anything is restored; it says what there is instead
 */
export async function chooseSnapshots(
  agent: Agent,
  access: RepositoryAccess,
  source: Source,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Snapshot>> {
  const args = snapshotsArguments({ tags: targetTags(source), host: source.host, latest: 1 });
  const ofTarget = parseSnapshots((await runRestic(agent, access, { args, signal })).stdout);
  const chosen = new Map<string, Snapshot>();
  // They come oldest first, so that the newest stays. Two configurations may have backed up one directory.
  for (const snapshot of ofTarget) {
    const directory = subjectOf(snapshot.tags)?.directory;
    if (directory !== undefined && directories.includes(directory)) chosen.set(directory, snapshot);
  }
  const missing = directories.filter((directory) => !chosen.has(directory));
  if (missing.length === 0) return chosen;
  const instead = ofTarget.length > 0 ? ofTarget : await allSnapshots(agent, access, source, signal);
  throw new HostFailure('NoSnapshot', noSnapshot(source, missing, instead));
}

/** The newest snapshots of every host and directory, whoever made them. */
async function allSnapshots(
  agent: Agent,
  access: RepositoryAccess,
  source: Source,
  signal: AbortSignal,
): Promise<Snapshot[]> {
  const args = snapshotsArguments({ tags: targetTags(source), latest: 1 }).filter(
    (argument) => !argument.startsWith('--tag='),
  );
  return parseSnapshots((await runRestic(agent, access, { args, signal })).stdout);
}

/** The message of `NoSnapshot`. */
export function noSnapshot(source: Source, missing: readonly string[], instead: readonly Snapshot[]): string {
  const { repository, namespace, kind, name, host } = source;
  const what = `Repository ${repository} has no snapshot of ${missing.join(', ')} of ${kind} ${namespace}/${name} (${host})`;
  if (instead.length === 0) return `${what}; it has no snapshots at all`;
  const newest = instead.toReversed().slice(0, mostNamed).map(describe);
  return `${what}; the newest of what it has: ${listed(newest, instead.length)}`;
}

function describe(snapshot: Snapshot): string {
  const when = `${new Date(snapshot.time).toISOString().slice(0, 19)}Z`;
  const subject = subjectOf(snapshot.tags);
  const what =
    subject === undefined
      ? snapshot.paths.join(', ')
      : `${subject.directory} of ${subject.kind} ${subject.namespace}/${subject.name}`;
  return `${what} (${snapshot.host}, ${when})`;
}
