import { GROUP } from '../api/annotations.ts';
import { BACKUP_SESSION, KINDS, type Kind } from '../api/kinds.ts';
import { quoted } from '../api/problem.ts';
import { apiVersionOf } from '../api/resources.ts';
import { isSupported } from '../injection/pod.ts';
import { nameIsSubdomain } from '../rules/names.ts';
import { problemsOf } from '../rules/object.ts';
import { type ManifestObject, placeOfObject, type Refusal } from './objects.ts';

/** What was found in the input: our own objects, and what they may be about. */
export interface Found {
  /** Objects of our kinds that are right in themselves, with their defaults, in order. */
  own: ManifestObject[];
  /** Workloads that agents are put into. */
  workloads: ManifestObject[];
  /** The right one of `kind` that `name` is where `near` stands. */
  named(near: ManifestObject, kind: Kind, name: string): ManifestObject | undefined;
  /** Whether there is one, right or wrong. */
  isThere(near: ManifestObject, kind: Kind, name: string): boolean;
  /** The namespace that `object` is in. */
  namespaceOf(object: ManifestObject): string;
  refusals: Refusal[];
  warnings: Refusal[];
}

/**
 * Sorts `objects`. What the API server and the webhook would refuse of our kinds is refused.
 *
 * @param namespace - of what names none
 */
export function findOwn(objects: readonly ManifestObject[], namespace: string): Found {
  const refusals: Refusal[] = [];
  const warnings: Refusal[] = [];
  const seen = new Map<string, ManifestObject>();
  const right = new Map<string, ManifestObject>();
  const workloads: ManifestObject[] = [];
  const namespaceOf = (object: ManifestObject) => object.namespace ?? namespace;
  const keyOf = (near: ManifestObject, kind: string, name: string) => {
    const isGlobal = KINDS.some((each) => each.kind === kind && !each.namespaced);
    return `${isGlobal ? '' : namespaceOf(near)}/${kind}/${name}`;
  };
  const refuse = (object: ManifestObject, path: string, message: string) =>
    refusals.push({ where: placeOfObject(object), path, message });

  for (const object of objects) {
    const kind = kindOf(object);
    if (kind === undefined && !isSupported(object.raw)) {
      refuseUnknownVersion(object);
      continue;
    }
    if (object.name === '') {
      // What is named as it is created is nobody's target, and a session that is created at once needs no other object.
      if (kind !== undefined && kind !== BACKUP_SESSION) {
        refuse(object, 'metadata.name', 'is missing; a name is what the injected container knows it by');
      }
      continue;
    }
    const key = keyOf(object, object.kind, object.name);
    const first = seen.get(key);
    if (first !== undefined) {
      refuse(
        object,
        'metadata.name',
        `${quoted(object.name)} stands in ${placeOfObject(first)} already; take one of them out, or rename it`,
      );
      continue;
    }
    seen.set(key, object);
    if (kind === undefined) workloads.push(object);
    else if (isRight(object, kind)) right.set(key, object);
  }

  return {
    own: [...right.values()],
    workloads,
    named: (near, kind, name) => right.get(keyOf(near, kind.kind, name)),
    isThere: (near, kind, name) => seen.has(keyOf(near, kind.kind, name)),
    namespaceOf,
    refusals,
    warnings,
  };

  function refuseUnknownVersion(object: ManifestObject): void {
    const known = KINDS.find(({ kind }) => kind === object.kind && object.apiVersion.startsWith(`${GROUP}/`));
    if (known === undefined) return;
    refuse(object, 'apiVersion', `${quoted(object.apiVersion)} is not known; write ${apiVersionOf(known)}`);
  }

  function isRight(object: ManifestObject, kind: Kind): boolean {
    const found = structuredClone(object.raw);
    const { problems, warnings: advice } = problemsOf(kind, found);
    const named = nameIsSubdomain('metadata.name', () => object.name)(undefined);
    for (const { path, message } of [...named, ...problems]) refuse(object, path, message);
    for (const { path, message } of advice) warnings.push({ where: placeOfObject(object), path, message });
    if (named.length + problems.length > 0) return false;
    object.raw = found;
    return true;
  }
}

function kindOf({ apiVersion, kind }: ManifestObject): Kind | undefined {
  return KINDS.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}
