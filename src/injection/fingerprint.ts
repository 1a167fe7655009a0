import { shortHash } from '../api/names.ts';

/** The same for two values that mean the same to Kubernetes, whatever the order of their fields. */
export function fingerprint(value: unknown): string {
  return shortHash(canonical(value), 16);
}

/**
 * `value` as text, with the fields of objects in order and without those that are null or empty.
 *
 * API servers differ in these (`creationTimestamp: null` in a pod template went away with a release of Kubernetes), and a
 * difference here would roll every workload that has a sidecar after an upgrade of the cluster. Texts are written with their
 * length, which takes no escaping: this runs at each admission of a workload.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return '';
    let entries = '[';
    for (const entry of value) entries += `${canonical(entry)},`;
    return `${entries}]`;
  }
  let fields = '';
  for (const field of sorted(Object.keys(value))) {
    const text = canonical((value as Record<string, unknown>)[field]);
    if (text !== '') fields += `${field.length}:${field}=${text},`;
  }
  return fields === '' ? '' : `{${fields}}`;
}

function sorted(fields: string[]): string[] {
  for (let i = 1; i < fields.length; i += 1) {
    if ((fields[i] ?? '') < (fields[i - 1] ?? '')) return fields.sort();
  }
  return fields;
}
