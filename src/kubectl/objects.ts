import { quoted } from '../api/problem.ts';
import { isRaw, type Raw, rawOf, textOf } from '../injection/raw.ts';
import type { ManifestDocument } from './documents.ts';
import { type Path, pathText } from './edits.ts';

/** One object of the input: a document, or an item of a List in one. */
export interface ManifestObject {
  document: ManifestDocument;
  /** Where it is in its document. */
  path: Path;
  apiVersion: string;
  kind: string;
  /** Empty where it has none yet. */
  name: string;
  /** As it stands there; what is meant where nothing does is for the command to say. */
  namespace: string | undefined;
  raw: Raw;
}

/** Something in the input that is refused, for the one who wrote it. */
export interface Refusal {
  /** File, document, and where it is known, kind and name. */
  where: string;
  /** A path of the object; empty for all of it. */
  path: string;
  message: string;
}

/** The objects in `value`, which is what `document` says. */
export function objectsOf(
  document: ManifestDocument,
  value: unknown,
): { objects: ManifestObject[]; refusals: Refusal[] } {
  const objects: ManifestObject[] = [];
  const refusals: Refusal[] = [];
  walk(value, [], undefined);
  return { objects, refusals };

  function walk(each: unknown, path: Path, typed: { apiVersion: string; kind: string } | undefined): void {
    const refuse = (message: string) =>
      refusals.push({ where: placeOf(document), path: pathText(path), message });
    if (!isRaw(each)) {
      refuse(`${quoted(each)} is no object; each document is one Kubernetes object, or a List of them`);
      return;
    }
    const apiVersion = textOf(each.apiVersion) ?? typed?.apiVersion;
    const kind = textOf(each.kind) ?? typed?.kind;
    if (apiVersion === undefined || kind === undefined) {
      const missing = apiVersion === undefined ? 'apiVersion' : 'kind';
      refuse(`the object has no ${missing}; write one, as every Kubernetes object has it`);
      return;
    }
    if (kind.endsWith('List') && Array.isArray(each.items)) {
      const single = kind === 'List' ? undefined : { apiVersion, kind: kind.slice(0, -'List'.length) };
      each.items.forEach((item, index) => {
        walk(item, [...path, 'items', index], single);
      });
      return;
    }
    const { name, namespace } = rawOf(each.metadata);
    const raw = each.kind === kind && each.apiVersion === apiVersion ? each : { ...each, apiVersion, kind };
    objects.push({
      document,
      path,
      apiVersion,
      kind,
      name: textOf(name) ?? '',
      namespace: textOf(namespace),
      raw,
    });
  }
}

export function placeOf({ source, number }: ManifestDocument): string {
  return `${source}, document ${number}`;
}

/** `shop.yaml, document 2, Deployment shop`. */
export function placeOfObject({ document, path, kind, name }: ManifestObject): string {
  const item = path.length === 0 ? '' : `, ${pathText(path)}`;
  return `${placeOf(document)}${item}, ${kind}${name === '' ? ' without a name' : ` ${name}`}`;
}
