import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { apiVersionOf, BACKUP_SESSIONS, RESTORE_SESSIONS, type Resource } from '../api/resources.ts';
import { AnswerTooLongError, ApiError, isForbidden, isGone, isNotFound } from '../kube/errors.ts';
import type { Page } from '../kube/object.ts';
import { namespaces, pathOf, secrets } from '../kube/resource.ts';
import { discover, type Omission, omissionOf, resourceName } from './cluster-discovery.ts';
import { EXTENSION, fileOf, kindDirectory, namespaceDirectory } from './cluster-files.ts';
import { isOfTheCluster, type RawObject, sanitized } from './cluster-sanitize.ts';
import { type ClusterSource, read } from './cluster-source.ts';
import { parseExactly } from './exact-json.ts';
import { yamlOf } from './yaml.ts';

export interface DumpOptions {
  /** Is made, and has to be empty. */
  directory: string;
  /** Whether the dump is to be applied to another cluster: without what the server wrote. */
  sanitize: boolean;
  includeSecrets: boolean;
  /** Where to look where neither the whole cluster may be read nor its namespaces be listed. */
  namespace: string;
}

export interface Dump {
  /** How many objects it holds. */
  objects: number;
  /** How many of them are sessions of ours: those may be read by whoever reports on one. */
  sessions: number;
  omissions: Omission[];
}

/** Sorts before every folder of a group, so that `kubectl apply -R` makes the namespaces before what is in them. */
const NAMESPACES_FILE = `_namespaces${EXTENSION}`;

const SESSIONS = new Set([BACKUP_SESSIONS, RESTORE_SESSIONS].map(resourceName));

/** The name of that resource. */
const VOLUMES = 'persistentvolumes';

const largestPage = 500;
/** Objects of a megabyte are allowed, and 500 of them would be more memory than the container has. */
const longestPage = 16 * 1024 * 1024;
const mostRestarts = 3;

/**
 * Writes every object that may be read into a file of its own, `group/version/kind/namespace/name.yaml` below the directory. Of all these
 * objects it holds one page at a time.
 *
 * What may not be read in the whole cluster is looked for in each namespace. The dump is not of one instant, nor is each list in it; see {@link pagesOf}.
 *
 * @throws {ConnectionError} where the API server is away
 * @throws {Stopped} where the signal was aborted
 */
export async function dumpCluster(source: ClusterSource, options: DumpOptions): Promise<Dump> {
  const { resources, omissions } = await discover(source);
  const seen = new Set<string>();
  const seenNamespaces = new Set<string>();
  const leftOutVolumes = new Set<string>();
  const work: Work = { source, options, omissions, seenNamespaces, leftOutVolumes };
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  let objects = 0;
  let sessions = 0;
  // Claims come after the volumes that they may name.
  const isVolumes = (resource: Resource) => resourceName(resource) === VOLUMES;
  for (const resource of resources.toSorted((a, b) => Number(isVolumes(b)) - Number(isVolumes(a)))) {
    if (!options.includeSecrets && resourceName(resource) === resourceName(secrets)) continue;
    if (options.sanitize && isOfTheCluster(resource)) continue;
    const directory = kindDirectory(resource).toLowerCase();
    if (seen.has(directory)) {
      omissions.push({
        what: resourceName(resource),
        why: `another resource has the kind ${resource.kind} too`,
        isFault: false,
      });
      continue;
    }
    seen.add(directory);
    const found = await dumpResource(work, resource);
    objects += found;
    if (SESSIONS.has(resourceName(resource))) sessions += found;
  }
  if (options.sanitize && objects > 0) await writeNamespaces(options.directory, work.seenNamespaces);
  return { objects, sessions, omissions };
}

interface Work {
  source: ClusterSource;
  options: DumpOptions;
  omissions: Omission[];
  seenNamespaces: Set<string>;
  /** The names of the PersistentVolumes that are not in the dump though they could be read. */
  leftOutVolumes: Set<string>;
  /** All that there are, as far as they may be listed; asked for once. */
  knownNamespaces?: Promise<KnownNamespaces>;
}

interface KnownNamespaces {
  names: string[];
  refused?: ApiError;
}

/** How many objects of `resource` there are in the dump now. */
async function dumpResource(work: Work, resource: Resource): Promise<number> {
  const what = resourceName(resource);
  try {
    return await dumpList(work, resource);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (isNotFound(error)) return 0;
    if (!isForbidden(error) || !resource.namespaced) {
      work.omissions.push(omissionOf(what, error));
      return 0;
    }
  }
  work.knownNamespaces ??= listNamespaces(work);
  const { names, refused } = await work.knownNamespaces;
  let objects = 0;
  const lacking = new Map<string, ApiError>();
  for (const namespace of names) {
    try {
      objects += await dumpList(work, resource, namespace);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!isNotFound(error)) lacking.set(namespace, error);
    }
  }
  const errors = [...lacking.values()];
  // A fault is to be told rather than a right that lacks.
  const worst = errors.find((error) => omissionOf(what, error).isFault) ?? errors[0];
  if (worst !== undefined) {
    const where = lacking.size === names.length ? '' : ` in ${lacking.size} of ${names.length} namespaces`;
    work.omissions.push(omissionOf(`${what}${where}`, worst));
  }
  const isNowhere = worst !== undefined && lacking.size === names.length;
  if (refused !== undefined && (!isNowhere || omissionOf(what, refused).isFault)) {
    work.omissions.push(omissionOf(`${what} outside ${names.join()}`, refused));
  }
  return objects;
}

/** The names of all, or that of the configuration's own, and why no others are known. */
async function listNamespaces({ source, options }: Work): Promise<KnownNamespaces> {
  try {
    return await anew(async () => {
      const names: string[] = [];
      for await (const page of pagesOf(source, namespaces)) {
        names.push(...page.map(({ metadata }) => metadata.name));
      }
      return { names };
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { names: [options.namespace], refused: error };
  }
}

/** @throws {ApiError} where it cannot be listed, and nothing of it is left */
async function dumpList(work: Work, resource: Resource, namespace?: string): Promise<number> {
  const { source, options } = work;
  const directory = join(options.directory, kindDirectory(resource));
  const within = namespace === undefined ? directory : join(directory, namespaceDirectory(namespace));
  return anew(async () => {
    try {
      let objects = 0;
      const made = new Set<string>();
      for await (const page of pagesOf(source, resource, namespace)) {
        objects += await writePage(work, page, directory, made);
      }
      return objects;
    } catch (error) {
      // What was read before may be gone by now.
      await rm(within, { recursive: true, force: true });
      throw error;
    }
  });
}

/** What `list` makes of a list, which is begun again where the server neither remembers its start nor can go on without. */
async function anew<T>(list: () => Promise<T>): Promise<T> {
  for (let restart = 0; ; restart++) {
    try {
      return await list();
    } catch (error) {
      if (!isGone(error) || restart >= mostRestarts) throw error;
    }
  }
}

/**
 * The objects of a list, page after page. Where the list is older than the server remembers, it goes on with what is there now: an object
 * that was there all the time is not missed.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
async function* pagesOf(
  source: ClusterSource,
  resource: Resource,
  namespace?: string,
): AsyncGenerator<RawObject[]> {
  const path = pathOf(resource, namespace === undefined ? {} : { namespace });
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  let limit = largestPage;
  let next: string | undefined;
  for (;;) {
    let page: Page<RawObject>;
    try {
      page = await read(source, {
        path,
        query: { limit, continue: next },
        parse: parseExactly,
        ...(limit > 1 && { longestAnswer: longestPage }),
      });
    } catch (error) {
      if (error instanceof AnswerTooLongError) {
        limit = Math.max(1, Math.floor(limit / 4));
      } else if (error instanceof ApiError && isGone(error) && error.continue !== undefined) {
        next = error.continue;
      } else {
        throw error;
      }
      continue;
    }
    // The items of a built-in kind come without apiVersion and kind.
    yield page.items.map((item) => ({ ...type, ...item }));
    next = page.metadata.continue || undefined;
    if (next === undefined) return;
    limit = Math.min(largestPage, limit * 2);
  }
}

/** How many of the page's objects are in the dump. */
async function writePage(
  { options, seenNamespaces, leftOutVolumes }: Work,
  page: readonly RawObject[],
  directory: string,
  made: Set<string>,
): Promise<number> {
  const files = new Map<string, string>();
  for (const raw of page) {
    const object = options.sanitize ? sanitized(raw, leftOutVolumes) : raw;
    if (object === undefined && raw.apiVersion === 'v1' && raw.kind === 'PersistentVolume') {
      leftOutVolumes.add(raw.metadata.name);
    }
    if (object === undefined) continue;
    const { name, namespace } = object.metadata;
    if (namespace !== undefined) seenNamespaces.add(namespace);
    files.set(join(directory, namespaceDirectory(namespace), fileOf(name)), yamlOf(object));
  }
  for (const folder of new Set([...files.keys()].map((file) => dirname(file)))) {
    if (made.has(folder)) continue;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    made.add(folder);
  }
  await Promise.all([...files].map(([file, text]) => writeFile(file, text, { mode: 0o600 })));
  return files.size;
}

async function writeNamespaces(directory: string, names: ReadonlySet<string>): Promise<void> {
  const documents = [...names]
    .sort()
    .map((name) =>
      yamlOf({ apiVersion: apiVersionOf(namespaces), kind: namespaces.kind, metadata: { name } }),
    );
  if (documents.length === 0) return;
  await writeFile(join(directory, NAMESPACES_FILE), documents.join('---\n'), { mode: 0o600 });
}
