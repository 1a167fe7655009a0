import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { GROUP } from '../api/annotations.ts';
import { type Condition, findCondition } from '../api/conditions.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { customResourceDefinitions } from '../kube/resource.ts';
import { isNewer } from './version-order.ts';

interface Definition extends ApiObject {
  status?: { conditions?: Condition[] };
}

export interface DefinitionOptions {
  fieldManager: string;
  clock?: Clock;
  signal?: AbortSignal;
  /** How long they may take to be served, in milliseconds; 30 s by default. */
  timeoutMs?: number;
  /** Is told of a definition of a newer version than ours, which stays. */
  onNewer?: (name: string, version: string) => void;
}

const POLL_MS = 100;
/** Replicas that start at the same time write at the same time, and so does the API server, which says what it accepted. */
const ATTEMPTS = 10;

/** By which our own definitions are known. */
const NAME_LABEL = 'app.kubernetes.io/name';
const VERSION_LABEL = 'app.kubernetes.io/version';

/**
 * The CustomResourceDefinitions in the folder `crds`.
 *
 * @throws {Error} where the folder cannot be read or holds none
 */
export async function readDefinitions(folder: string): Promise<ApiObject[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  if (names.length === 0) throw new Error(`${folder} holds no CustomResourceDefinition`);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map((text) => parse(text) as ApiObject);
}

/**
 * Applies `definitions`, and resolves once the API server serves their kinds. Any replica may do it, at any time: one of a newer version
 * stays as it is, since an old replica that is restarted in a rolling update would have the API server drop fields that the new ones
 * write. Where the versions are the same and the content is not, as in builds of a developer, who comes last is heeded. A kind of
 * another's group that is there already, and was not brought by us, is left as it is.
 *
 * @throws {Error} that names a definition which is not served in time, with the API server's reason
 */
export async function applyDefinitions(
  client: Client,
  definitions: ApiObject[],
  options: DefinitionOptions,
): Promise<void> {
  const { clock = systemClock, signal, timeoutMs = 30_000 } = options;
  const call = signal === undefined ? {} : { signal };
  for (const definition of definitions) await applyDefinition(client, definition, options);
  const until = clock.now() + timeoutMs;
  for (const { metadata } of definitions) {
    for (;;) {
      const found = await client.get<Definition>(customResourceDefinitions, metadata.name, undefined, call);
      const unserved = whyNotServed(found);
      if (unserved === undefined) break;
      if (clock.now() > until) throw new Error(`${metadata.name} is not served: ${unserved}`);
      await sleep(clock, POLL_MS, signal);
      signal?.throwIfAborted();
    }
  }
}

async function applyDefinition(
  client: Client,
  definition: ApiObject,
  { fieldManager, signal, onNewer }: DefinitionOptions,
): Promise<void> {
  const call = signal === undefined ? {} : { signal };
  const { name, labels: { [VERSION_LABEL]: version = '' } = {} } = definition.metadata;
  for (let attempt = 1; ; attempt++) {
    const found = await standingDefinition(client, name, call);
    if (found !== undefined && isOfOthers(found, definition)) return;
    const standing = found?.metadata.labels?.[VERSION_LABEL] ?? '';
    if (isNewer(standing, version)) return onNewer?.(name, standing);
    // The version that was looked at goes along: another replica may apply a newer one between the two calls.
    const { resourceVersion } = found?.metadata ?? {};
    const metadata = { ...definition.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      const applied = { ...definition, metadata };
      await client.apply(customResourceDefinitions, applied, { fieldManager, force: true, ...call });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function standingDefinition(
  client: Client,
  name: string,
  call: { signal?: AbortSignal },
): Promise<ApiObject | undefined> {
  try {
    return await client.get(customResourceDefinitions, name, undefined, call);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A kind of a group that is not ours may have been brought by its owner, who knows more of it than we do. */
function isOfOthers(found: ApiObject, { metadata: { name, labels } }: ApiObject): boolean {
  return !name.endsWith(`.${GROUP}`) && found.metadata.labels?.[NAME_LABEL] !== labels?.[NAME_LABEL];
}

function whyNotServed({ status }: Definition): string | undefined {
  const accepted = findCondition(status?.conditions, 'NamesAccepted');
  if (accepted?.status === 'False') return accepted.message;
  const established = findCondition(status?.conditions, 'Established');
  return established?.status === 'True' ? undefined : (established?.message ?? 'it was not looked at yet');
}
