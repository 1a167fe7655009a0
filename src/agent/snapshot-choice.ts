import type { RestoreRule, RestoreSession } from '../api/restore-session.ts';
import { timestamp } from '../kube/clock.ts';
import { type Locking, snapshotsArguments } from '../restic/arguments.ts';
import { parseSnapshots, type Snapshot } from '../restic/output.ts';
import { configurationTag, isIncomplete, subjectOf, type Tags, targetTags } from '../restic/tags.ts';
import type { Agent } from './agent.ts';
import { HostFailure, listed } from './failure.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { runRestic } from './restic.ts';

/** Which snapshots a host takes from: what a restore says, with all that it leaves out put in. */
export interface Source {
  repository: string;
  namespace: string;
  /** The target that was backed up; undefined where the configuration alone says which. */
  target?: { kind: string; name: string };
  /** The BackupConfiguration that made them; undefined for any. */
  configuration?: string;
  /** Whose snapshots; undefined where `ids` says which. */
  host?: string;
  ids?: readonly string[];
  /** Milliseconds since the epoch; only what was begun earlier. */
  before?: number;
}

/** What is restored of a directory. */
export interface Choice {
  snapshot: Snapshot;
  /** One that is newer, and was not taken since it is not complete. */
  passedOver?: Snapshot;
}

/** How many of the snapshots that do not fit a message names. */
const mostNamed = 10;

/** What `host` of the session's target takes: by the rule that names it, by the one that names none, or its own. */
export function sourceOf(session: RestoreSession, namespace: string, host: string): Source {
  const { repository, source, rules = [], target } = session.spec;
  const rule: RestoreRule =
    rules.find(({ targetHosts }) => targetHosts?.includes(host)) ??
    rules.find(({ targetHosts }) => targetHosts === undefined) ??
    {};
  const { kind, name, backupConfiguration } = source ?? {};
  const named =
    kind !== undefined && name !== undefined
      ? { kind, name }
      : { kind: target.ref.kind, name: target.ref.name };
  // A configuration that is named alone says which target it backed up.
  const isByConfiguration = backupConfiguration !== undefined && kind === undefined;
  const sourceHost = rule.sourceHost ?? (rule.snapshots === undefined ? host : undefined);
  return {
    repository: repository.name,
    namespace: source?.namespace ?? namespace,
    ...(!isByConfiguration && { target: named }),
    ...(backupConfiguration !== undefined && { configuration: backupConfiguration }),
    ...(sourceHost !== undefined && { host: sourceHost }),
    ...(rule.snapshots !== undefined && { ids: rule.snapshots }),
    ...(rule.before !== undefined && { before: Date.parse(rule.before) }),
  };
}

/**
 * The newest snapshot of each of `directories` that `source` has, found by one restic process. One that is not complete is taken only where
 * its id is named.
 *
 * @throws {HostFailure} `NoSnapshot` where one has none, before anything is restored; it says what there is instead
 */
export async function chooseSnapshots(
  agent: Agent,
  access: RepositoryAccess,
  source: Source,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Choice>> {
  const { host } = source;
  // The newest of each host and directory will do, unless it may be an older one that is meant.
  const isNewest = source.ids === undefined && source.before === undefined;
  const args = (locking: Locking) =>
    snapshotsArguments({
      ...locking,
      tags: tagsOfSource(source),
      ...(host !== undefined && { host }),
      ...(isNewest && { latest: 1 }),
    });
  const found = parseSnapshots((await runRestic(agent, access, { args, signal })).stdout);
  const chosen = choose(source, directories, found);
  const missing = directories.filter((directory) => !chosen.has(directory));
  if (missing.length === 0) return chosen;
  const instead = found.length > 0 ? found : await allSnapshots(agent, access, signal);
  throw new HostFailure('NoSnapshot', noSnapshot(source, missing, instead));
}

/** The directories of which `source` has snapshots that it may be restored from, in order. */
export async function directoriesOf(
  agent: Agent,
  access: RepositoryAccess,
  source: Source,
  signal: AbortSignal,
): Promise<string[]> {
  const { host } = source;
  const args = (locking: Locking) =>
    snapshotsArguments({ ...locking, tags: tagsOfSource(source), ...(host !== undefined && { host }) });
  const found = parseSnapshots((await runRestic(agent, access, { args, signal })).stdout);
  const directories = found
    .filter((each) => isOf(source, each) && (source.ids !== undefined || !isIncomplete(each.tags)))
    .flatMap(({ tags }) => subjectOf(tags)?.directory ?? []);
  return [...new Set(directories)].sort();
}

/** @param found - the snapshots that have the tags and the host of `source`, oldest first */
export function choose(
  source: Source,
  directories: readonly string[],
  found: readonly Snapshot[],
): Map<string, Choice> {
  const chosen = new Map<string, Choice>();
  // The newest stays. Two configurations may have backed up one directory.
  for (const snapshot of found.filter((each) => isOf(source, each))) {
    const directory = subjectOf(snapshot.tags)?.directory;
    if (directory === undefined || !directories.includes(directory)) continue;
    if (source.ids !== undefined || !isIncomplete(snapshot.tags)) {
      chosen.set(directory, { snapshot });
      continue;
    }
    const before = chosen.get(directory);
    if (before !== undefined) chosen.set(directory, { ...before, passedOver: snapshot });
  }
  return chosen;
}

/** Which newer snapshots were not taken, as a sentence; undefined where there is none. */
export function describePassedOver(chosen: ReadonlyMap<string, Choice>): string | undefined {
  const cases = [...chosen].flatMap(([directory, { snapshot, passedOver }]) =>
    passedOver === undefined
      ? []
      : [
          `${directory} is restored from ${nameOf(snapshot)}, since the newer ${nameOf(passedOver)} is incomplete`,
        ],
  );
  if (cases.length === 0) return undefined;
  return `${listed(cases.slice(0, mostNamed), cases.length)}. ${takenByName}`;
}

const takenByName = 'A snapshot that is incomplete is taken only where rules[].snapshots names it';

function nameOf({ id, time }: Snapshot): string {
  return `${id.slice(0, 8)} of ${timestamp(time)}`;
}

function tagsOfSource({ namespace, target, configuration }: Source): Tags {
  const ofConfiguration = configuration === undefined ? [] : configurationTag(configuration);
  if (target === undefined) {
    if (configuration === undefined) throw new Error('a source has a target or a configuration');
    return configurationTag(configuration);
  }
  return [...targetTags({ namespace, ...target }), ...ofConfiguration];
}

/** Whether `snapshot`, which has the tags and the host of `source`, is one of those that it means. */
function isOf(source: Source, snapshot: Snapshot): boolean {
  const { namespace, ids, before } = source;
  // The tag of a configuration is without its namespace, and a repository may serve several.
  if (subjectOf(snapshot.tags)?.namespace !== namespace) return false;
  if (ids !== undefined && !ids.some((id) => snapshot.id.startsWith(id))) return false;
  return before === undefined || snapshot.time < before;
}

/** The newest snapshots of every host and directory, whoever made them. */
async function allSnapshots(
  agent: Agent,
  access: RepositoryAccess,
  signal: AbortSignal,
): Promise<Snapshot[]> {
  const args = (locking: Locking) => snapshotsArguments({ ...locking, latest: 1 });
  return parseSnapshots((await runRestic(agent, access, { args, signal })).stdout);
}

/** The message of `NoSnapshot`. */
export function noSnapshot(source: Source, missing: readonly string[], instead: readonly Snapshot[]): string {
  const what = `Repository ${source.repository} has no snapshot of ${missing.join(', ')} of ${describeSource(source)}`;
  if (instead.length === 0) return `${what}; it has no snapshots at all`;
  const newest = instead.toReversed().slice(0, mostNamed).map(describe);
  const hint = instead.some(({ tags }) => isIncomplete(tags)) ? `. ${takenByName}` : '';
  return `${what}; the newest of what it has: ${listed(newest, instead.length)}${hint}`;
}

function describeSource({ namespace, target, configuration, host, ids, before }: Source): string {
  const by = `the BackupConfiguration ${namespace}/${configuration}`;
  const whose = target === undefined ? by : `${target.kind} ${namespace}/${target.name}`;
  return [
    host === undefined ? whose : `${whose} (${host})`,
    ...(target !== undefined && configuration !== undefined ? [`made by ${by}`] : []),
    ...(ids === undefined ? [] : [`among ${ids.join(', ')}`]),
    ...(before === undefined ? [] : [`before ${timestamp(before)}`]),
  ].join(' ');
}

function describe(snapshot: Snapshot): string {
  const subject = subjectOf(snapshot.tags);
  const what =
    subject === undefined
      ? snapshot.paths.join(', ')
      : `${subject.directory} of ${subject.kind} ${subject.namespace}/${subject.name}`;
  const flaw = isIncomplete(snapshot.tags) ? ', incomplete' : '';
  return `${what} (${snapshot.host}, ${timestamp(snapshot.time)}, ${snapshot.id.slice(0, 8)}${flaw})`;
}
