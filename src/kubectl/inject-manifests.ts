import { inject, remove } from '../injection/inject.ts';
import type { InjectionOptions, Wanted } from '../injection/wanted.ts';
import {
  type Content,
  type ManifestDocument,
  readContent,
  type Source,
  splitDocuments,
} from './documents.ts';
import { applyEdits, type Edit, editsBetween } from './edits.ts';
import { takeInventory } from './inventory.ts';
import { type ManifestObject, objectsOf, placeOf, placeOfObject, type Refusal } from './objects.ts';
import { rewriteJson, rewriteYaml } from './rewrite.ts';

export interface InjectedManifests {
  /** All documents of all sources, in order; what is not changed is the same to the byte. */
  text: string;
  /** Whatever cannot be resolved. Where there is anything, `text` is good for nothing. */
  refusals: Refusal[];
  warnings: Refusal[];
}

interface Reading {
  document: ManifestDocument;
  content: Content;
  edits: Edit[];
}

/**
 * The manifests in `sources` with what the webhook would inject into the workloads among them.
 *
 * That the claim of a `local` Repository exists is taken for granted: nothing tells here.
 *
 * @param namespace - of objects that name none; it is not written into them
 */
export function injectManifests(
  sources: readonly Source[],
  namespace: string,
  options: InjectionOptions,
): InjectedManifests {
  const readings = sources
    .flatMap(splitDocuments)
    .map((document): Reading => ({ document, content: readContent(document.body), edits: [] }));
  const refusals: Refusal[] = [];
  const objects: ManifestObject[] = [];
  for (const { document, content } of readings) {
    if (content.format === 'empty') continue;
    if (content.format === 'unreadable') {
      refusals.push({ where: placeOf(document), path: '', message: `cannot be read: ${content.message}` });
      continue;
    }
    const found = objectsOf(document, content.value);
    refusals.push(...found.refusals);
    objects.push(...found.objects);
  }

  const inventory = takeInventory(objects, namespace);
  const byDocument = new Map(readings.map((reading) => [reading.document, reading]));
  for (const object of inventory.workloads) {
    const wanted = inventory.wantedFor(object);
    const { workload, changed, problems } = isNothing(wanted)
      ? remove(object.raw, options)
      : inject(object.raw, wanted, options);
    for (const { subject, name, path, message } of problems) {
      const about = inventory.subjectOf(object, subject, name);
      refusals.push({ where: placeOfObject(about ?? object), path, message });
    }
    if (changed)
      byDocument.get(object.document)?.edits.push(...editsBetween(object.raw, workload, object.path));
  }
  refusals.push(...inventory.refusals);
  const { warnings } = inventory;
  if (refusals.length > 0) return { text: '', refusals: inOrder(refusals), warnings };
  return { text: joined(sources, readings), refusals, warnings };
}

function isNothing({ backups, restores }: Wanted): boolean {
  return backups.length + restores.length === 0;
}

/** Whatever was found in a file is told of together. */
function inOrder(refusals: Refusal[]): Refusal[] {
  return refusals.toSorted((a, b) => a.where.localeCompare(b.where, 'en', { numeric: true }));
}

function joined(sources: readonly Source[], readings: readonly Reading[]): string {
  if (sources.length === 1) return readings.map(written).join('');
  let text = '';
  for (const { name } of sources) {
    const own = readings.filter(({ document }) => document.source === name);
    const part = own
      .map(written)
      .join('')
      .replace(/^\uFEFF/, '');
    if (part.trim() === '') continue;
    if (text !== '' && !text.endsWith('\n')) text += '\n';
    // A reader that sees JSON first would take all the rest for JSON.
    if (!part.startsWith('---') && (text !== '' || part.startsWith('{'))) text += '---\n';
    text += part;
  }
  return text;
}

function written({ document: { marker, body }, content, edits }: Reading): string {
  if (edits.length === 0) return marker + body;
  if (content.format === 'json') return marker + rewriteJson(body, edits);
  if (content.format !== 'yaml') throw new Error(`a document that is ${content.format} has no workload`);
  // What aliases share would be edited in several places; and what is undefined is not written.
  const expected: unknown = JSON.parse(JSON.stringify(content.value));
  applyEdits(expected, edits);
  return marker + rewriteYaml(body, edits, JSON.parse(JSON.stringify(expected)));
}
