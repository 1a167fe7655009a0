import { POD_FIELDS } from '../api/agent-pod.ts';
import { canonical } from './canonical.ts';
import type { Container, Mount } from './pod.ts';
import { type Raw, rawOf, rawsOf } from './raw.ts';

/** What a container of ours must have in its environment for the subPathExpr of a mount to mean what it means in the user's. */
export interface Environment {
  /** Entries of `env`, in the user's order: a value may name variables that stand before it. */
  readonly entries: readonly Raw[];
  /** Where variables come from that are not in `env`. */
  readonly sources: readonly Raw[];
  /** The variables that only a source can have. */
  readonly sourced: readonly string[];
}

export const NO_ENVIRONMENT: Environment = { entries: [], sources: [], sourced: [] };

/** What decides how the agent runs: nothing of the user's may say it, be it by a whole ConfigMap. */
const AGENT_VALUES: ReadonlyMap<string, string> = new Map([
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ['NODE_OPTIONS', ''],
  ['NODE_EXTRA_CA_CERTS', ''],
  ['LOG_LEVEL', 'info'],
]);

const POD_ENTRIES = [...POD_FIELDS].map(([name, fieldPath]) => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
}));

/** What `mounts` of `container` need. */
export function environmentOf(container: Container, mounts: readonly Mount[]): Environment {
  if (mounts.every(({ subPathExpr }) => subPathExpr === undefined)) return NO_ENVIRONMENT;
  const needed = new Set(mounts.flatMap(({ subPathExpr = '' }) => variablesIn(subPathExpr)));
  if (needed.size === 0) return NO_ENVIRONMENT;

  const declared = rawsOf(container.raw.env);
  const sourced: string[] = [];
  // A Set grows while it is walked: the variables of a variable's value are needed too.
  for (const name of needed) {
    const meanings = named(declared, name);
    if (meanings.length === 0) sourced.push(name);
    for (const { value } of meanings) {
      if (typeof value === 'string') for (const inner of variablesIn(value)) needed.add(inner);
    }
  }

  const entries = declared
    .filter(({ name }) => typeof name === 'string' && needed.has(name))
    .map((entry) => ofContainer(entry, container.name));
  const sources = rawsOf(container.raw.envFrom).filter(({ prefix }) =>
    sourced.some((name) => name.startsWith(typeof prefix === 'string' ? prefix : '')),
  );
  return { entries, sources, sourced };
}

/** The names in `$(NAME)`; `$$` stands for one `$` (Kubernetes, "Define Dependent Environment Variables"). */
function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\$|\$\(([^)]*)\)/g)].flatMap(([, name]) => name ?? []);
}

/** A resourceFieldRef without a container's name is about the container that it stands in, which would now be ours. */
function ofContainer(entry: Raw, containerName: string): Raw {
  const valueFrom = rawOf(entry.valueFrom);
  const reference = rawOf(valueFrom.resourceFieldRef);
  if (reference.resource === undefined || reference.containerName) return entry;
  return { ...entry, valueFrom: { ...valueFrom, resourceFieldRef: { containerName, ...reference } } };
}

/** Both in one container; the name of the variable that would then have two meanings, where there is one. */
export function mergeEnvironments(a: Environment, b: Environment): Environment | string {
  if (b === NO_ENVIRONMENT || b === a) return a;
  if (a === NO_ENVIRONMENT) return b;
  const shared = names(a).filter((name) => named(b.entries, name).length > 0);
  const changed = shared.find(
    (name) => canonical(named(a.entries, name)) !== canonical(named(b.entries, name)),
  );
  if (changed !== undefined) return changed;
  const hidden =
    b.sourced.find((name) => named(a.entries, name).length > 0) ??
    a.sourced.find((name) => named(b.entries, name).length > 0);
  if (hidden !== undefined) return hidden;
  const differ = canonical(a.sources) !== canonical(b.sources);
  const [first] = [...b.sourced, ...a.sourced];
  if (differ && a.sources.length > 0 && b.sources.length > 0 && first !== undefined) return first;
  return {
    entries: [...a.entries, ...b.entries.filter(({ name }) => named(a.entries, name).length === 0)],
    sources: a.sources.length > 0 ? a.sources : b.sources,
    sourced: [...new Set([...a.sourced, ...b.sourced])],
  };
}

/** The variable that means one thing to the agent and another to the user's mounts. */
export function clashWithAgent(environment: Environment): string | undefined {
  if (environment === NO_ENVIRONMENT) return undefined;
  const { entries, sources, sourced } = environment;
  for (const [name, fieldPath] of POD_FIELDS) {
    if (sources.length > 0 && sourced.includes(name)) return name;
    if (named(entries, name).some((entry) => !isField(entry, fieldPath))) return name;
  }
  return [...AGENT_VALUES.keys()].find((name) => sourced.includes(name) || named(entries, name).length > 0);
}

/**
 * `env` and `envFrom` of a container of ours. Its own variables come last: a value sees only those before it, so that a
 * `$(POD_NAME)` that means nothing in the user's container goes on meaning nothing.
 */
export function agentEnvironment({ entries, sources }: Environment): Raw {
  const env = [...entries, ...POD_ENTRIES.filter(({ name }) => named(entries, name).length === 0)];
  if (sources.length === 0) return { env };
  // What is in `env` wins over what a source has.
  const values = [...AGENT_VALUES].map(([name, value]) => ({ name, value }));
  return { env: [...env, ...values], envFrom: sources };
}

function named(entries: readonly Raw[], name: unknown): Raw[] {
  return entries.filter((entry) => entry.name === name);
}

function names({ entries }: Environment): string[] {
  return [...new Set(entries.flatMap(({ name }) => (typeof name === 'string' ? name : [])))];
}

function isField({ value, valueFrom }: Raw, fieldPath: string): boolean {
  const { apiVersion = 'v1', fieldPath: found } = rawOf(rawOf(valueFrom).fieldRef);
  return !value && apiVersion === 'v1' && found === fieldPath;
}
