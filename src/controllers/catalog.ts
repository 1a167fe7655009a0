import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { parseAllDocuments } from 'yaml';
import type { FunctionSpec } from '../api/function.ts';
import { FUNCTIONS, TASKS } from '../api/resources.ts';
import type { TaskSpec } from '../api/task.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';

/** The images of the catalog's Functions, by the name that stands for them in manifests/catalog. */
export interface CatalogImages {
  stash: string;
  'stash-postgres': string;
}

export interface CatalogOptions {
  client: Client;
  clock: Clock;
  fieldManager: string;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** What tells an object of the catalog from one that a user made under its name. */
const NAME_LABEL = 'app.kubernetes.io/name';

/** The webhook, which looks at each of them, may have been registered just now. */
const RETRY_MS = 2_000;
const EXPECTED_ROUNDS = 3;

/**
 * The Functions and Tasks in `folder`, with the images of the installation. Functions come first: a Task is refused while one of its
 * Functions is not there.
 *
 * @throws {Error} where the folder cannot be read, or a Function has an image that nothing is said of
 */
export async function readCatalog(folder: string, images: CatalogImages): Promise<ApiObject[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const objects = texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as ApiObject),
  );
  return [
    ...objects.filter(({ kind }) => kind === FUNCTIONS.kind).map((each) => withImage(each, images)),
    ...objects.filter(({ kind }) => kind === TASKS.kind),
  ];
}

function withImage(object: ApiObject, images: CatalogImages): ApiObject {
  const { spec } = object as ApiObject & { spec: FunctionSpec };
  const [name = ''] = spec.image.split(':', 1);
  if (!Object.hasOwn(images, name)) {
    throw new Error(`Function ${object.metadata.name} of the catalog: there is no image ${spec.image}`);
  }
  return { ...object, spec: { ...spec, image: images[name as keyof CatalogImages] } } as ApiObject;
}

/**
 * Applies the catalog, and tries again what is refused until all of it is there or `signal` is aborted. A Task is not tried while a Function
 * of it is not there.
 */
export async function applyCatalog(
  options: CatalogOptions,
  catalog: readonly ApiObject[],
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  let left = catalog;
  for (let round = 1; left.length > 0 && !signal.aborted; round++) {
    const refused: ApiObject[] = [];
    for (const object of left) {
      if (refused.some(({ metadata }) => functionsOf(object).includes(metadata.name))) {
        refused.push(object);
        continue;
      }
      try {
        await applyOne(options, object, signal);
      } catch (error) {
        if (signal.aborted) return;
        // The API server has just been told where the webhook is, and does not reach it at once.
        const level = round > EXPECTED_ROUNDS ? 'warn' : 'info';
        const message = error instanceof Error ? error.message : String(error);
        log[level](
          { kind: object.kind, name: object.metadata.name, message },
          'not applied yet; trying again',
        );
        refused.push(object);
      }
    }
    left = refused;
    if (left.length > 0) await sleep(clock, RETRY_MS, signal);
  }
  if (!signal.aborted) log.info({ objects: catalog.length }, 'the catalog is applied');
}

/** The Functions that a Task names; none of a Function. */
function functionsOf(object: ApiObject): string[] {
  const { functions = [] } = (object as ApiObject & { spec: Partial<TaskSpec> }).spec;
  return functions.map(({ name }) => name);
}

async function applyOne(
  { client, fieldManager, log }: CatalogOptions,
  object: ApiObject,
  signal: AbortSignal,
): Promise<void> {
  const resource = object.kind === TASKS.kind ? TASKS : FUNCTIONS;
  const { name, labels } = object.metadata;
  const found = await client.get(resource, name, undefined, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (found !== undefined && found.metadata.labels?.[NAME_LABEL] !== labels?.[NAME_LABEL]) {
    log.warn(
      { kind: object.kind, name },
      'an object of this name is there that is not of the catalog: it is left as it is',
    );
    return;
  }
  await client.apply(resource, object, { fieldManager, force: true, signal });
}
