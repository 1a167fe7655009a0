import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { GROUP } from '../api/annotations.ts';
import { type Condition, findCondition } from '../api/conditions.ts';
import type { Client } from '../kube/client.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { ApiError } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import { customResourceDefinitions } from '../kube/resource.ts';

interface Definition extends ApiObject {
  status?: { conditions?: Condition[] };
}

export interface DefinitionOptions {
  fieldManager: string;
  clock?: Clock;
  signal?: AbortSignal;
  /** How long they may take to be served, in milliseconds; 30 s by default. */
  timeoutMs?: number;
}

const POLL_MS = 100;

/** By which our own definitions are known. */
const NAME_LABEL = 'app.kubernetes.io/name';

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
 * Applies `definitions`, and resolves once the API server serves their kinds. Any replica may do it, at any time. A kind of another's
 * group that is there already, and was not brought by us, is left as it is.
 *
 * @throws {Error} that names a definition which is not served in time, with the API server's reason
 */
export async function applyDefinitions(
  client: Client,
  definitions: ApiObject[],
  options: DefinitionOptions,
): Promise<void> {
  const { fieldManager, clock = systemClock, signal, timeoutMs = 30_000 } = options;
  const call = signal === undefined ? {} : { signal };
  for (const definition of definitions) {
    if (await isOfOthers(client, definition, call)) continue;
    await client.apply(customResourceDefinitions, definition, { fieldManager, force: true, ...call });
  }
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

/** A kind of a group that is not ours may have been brought by its owner, who knows more of it than we do. */
async function isOfOthers(
  client: Client,
  definition: ApiObject,
  call: { signal?: AbortSignal },
): Promise<boolean> {
  const { name } = definition.metadata;
  if (name.endsWith(`.${GROUP}`)) return false;
  try {
    const found = await client.get(customResourceDefinitions, name, undefined, call);
    return found.metadata.labels?.[NAME_LABEL] !== definition.metadata.labels?.[NAME_LABEL];
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

function whyNotServed({ status }: Definition): string | undefined {
  const accepted = findCondition(status?.conditions, 'NamesAccepted');
  if (accepted?.status === 'False') return accepted.message;
  const established = findCondition(status?.conditions, 'Established');
  return established?.status === 'True' ? undefined : (established?.message ?? 'it was not looked at yet');
}
