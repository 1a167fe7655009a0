import { shortHash } from '../api/names.ts';

/** The same for two values that mean the same to Kubernetes, whatever the order of their fields. */
export function fingerprint(value: unknown): string {
  return shortHash(canonical(value), 16);
}

/**
 * JSON with sorted fields and without those that are null or empty.
 *
 * API servers differ in these (`creationTimestamp: null` in a pod template went away with a release of Kubernetes), and a
 * difference here would roll every workload that has a sidecar after an upgrade of the cluster.
 */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? '' : `[${value.map(canonical).join(',')}]`;
  let fields = '';
  for (const field of Object.keys(value).sort()) {
    const text = canonical((value as Record<string, unknown>)[field]);
    if (text !== '') fields += `${fields === '' ? '' : ','}${JSON.stringify(field)}:${text}`;
  }
  return fields === '' ? '' : `{${fields}}`;
}
