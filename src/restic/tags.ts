/** What a snapshot is of: which directory of which target, backed up for which configuration. */
export interface SnapshotSubject {
  readonly namespace: string;
  /** Name of the BackupConfiguration. */
  readonly configuration: string;
  /** Kind and name of the target. */
  readonly kind: string;
  readonly name: string;
  readonly directory: string;
}

/** The kind by which snapshots of the cluster are tagged, which is no object. Their name is that of the configuration. */
const CLUSTER = 'Cluster';

/** What the snapshots of a BackupConfiguration are of: its target or, where it has none, the cluster. */
export function targetSubject(
  configuration: string,
  target: { ref: { kind: string; name: string } } | undefined,
): Pick<SnapshotSubject, 'kind' | 'name'> {
  if (target === undefined) return { kind: CLUSTER, name: configuration };
  const { kind, name } = target.ref;
  return { kind, name };
}

/** Tags of which a snapshot must have all, so never none: an empty filter would match every snapshot of a shared repository. */
export type Tags = readonly [string, ...string[]];

/**
 * The tags that each snapshot of `subject` gets. They are the same in every run, since `forget` groups by them.
 */
export function tagsOf(subject: SnapshotSubject): Tags {
  return [...configurationTags(subject), `directory=${encoded(subject.directory)}`];
}

/** The tags that tell the snapshots of one configuration, all its directories and hosts, from any other in the repository. */
export function configurationTags(subject: Omit<SnapshotSubject, 'directory'>): Tags {
  return [`configuration=${encoded(subject.configuration)}`, ...targetTags(subject)];
}

/** The tags that tell the snapshots of one target, whichever configuration made them: what a restore looks for. */
export function targetTags({
  namespace,
  kind,
  name,
}: Pick<SnapshotSubject, 'namespace' | 'kind' | 'name'>): Tags {
  return [`target=${[namespace, kind, name].map((part) => encoded(part, /\//g)).join('/')}`];
}

/** The tag of all that a BackupConfiguration of this name made, in whichever namespace. */
export function configurationTag(configuration: string): Tags {
  return [`configuration=${encoded(configuration)}`];
}

/** The tag of one directory, to be looked for together with those of its target. */
export function directoryTags(directory: string): Tags {
  return [`directory=${encoded(directory)}`];
}

/**
 * The tag of a snapshot that lacks some of what was to be backed up. It is put on it afterwards, so that `forget`, which groups by tags, counts
 * such snapshots for themselves and they displace no good one; a restore takes one only where it is named.
 */
export const INCOMPLETE_TAG = 'incomplete';

export function isIncomplete(tags: readonly string[]): boolean {
  return tags.includes(INCOMPLETE_TAG);
}

/** What a snapshot with `tags` is of; undefined where the tags are not ours, or not whole. */
export function subjectOf(tags: readonly string[]): SnapshotSubject | undefined {
  const configuration = tagValue(tags, 'configuration');
  const target = tagValue(tags, 'target')?.split('/');
  const directory = tagValue(tags, 'directory');
  if (configuration === undefined || directory === undefined || target?.length !== 3) return undefined;
  const parts = [configuration, directory, ...target].map(decoded);
  if (!parts.every((part) => part !== undefined)) return undefined;
  const [ofConfiguration = '', ofDirectory = '', namespace = '', kind = '', name = ''] = parts;
  return { namespace, configuration: ofConfiguration, kind, name, directory: ofDirectory };
}

function tagValue(tags: readonly string[], key: string): string | undefined {
  const prefix = `${key}=`;
  const tag = tags.find((candidate) => candidate.startsWith(prefix));
  return tag?.slice(prefix.length);
}

// restic cuts the value of --tag at commas and strips white space from what is left.
const UNSAFE = /[%,\s\p{Cc}]/gu;

function encoded(value: string, also?: RegExp): string {
  const safe = value.replace(UNSAFE, encode);
  return also === undefined ? safe : safe.replace(also, encode);
}

function encode(character: string): string {
  const bytes = new TextEncoder().encode(character);
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
