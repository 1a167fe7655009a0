import { hash } from 'node:crypto';

/** The first `length` hexadecimal digits of the SHA-256 of `text`, or of its bytes. */
export function shortHash(text: string | Uint8Array, length = 8): string {
  return hash('sha256', text).slice(0, length);
}

/**
 * `name` where it has at most `max` characters, otherwise its beginning and a hash of the whole, so that two long names that
 * begin alike stay two. A Kubernetes name in, a Kubernetes name out.
 */
export function boundedName(name: string, max: number): string {
  if (name.length <= max) return name;
  const head = name.slice(0, max - 9).replace(/[^a-z0-9A-Z]+$/, '');
  return `${head}-${shortHash(name)}`;
}

/** `name` as the value of a label, which holds at most 63 characters. */
export function labelValue(name: string): string {
  return boundedName(name, 63);
}

/**
 * The name of the BackupSession that `configuration` has for the instant at which it was due: the same whoever makes it, so
 * that making it twice is harmless.
 *
 * @param dueAt - milliseconds since the epoch
 */
export function sessionName(configuration: string, dueAt: number): string {
  const instant = String(Math.floor(dueAt / 1000));
  return `${boundedName(configuration, 253 - instant.length - 1)}-${instant}`;
}

/** The CronJob that keeps the time of `configuration`: it puts 11 characters behind its name for that of a Job, and refuses a longer one. */
export function cronJobName(configuration: string): string {
  return boundedName(configuration, 52);
}

/** The name of the `attempt`th session (from 1) that follows `first`, as a failed session of the schedule is tried again. */
export function retryName(first: string, attempt: number): string {
  return `${boundedName(first, 253 - 4)}-r${attempt}`;
}

/** JSON with the keys of every object in order, so that equal values have equal texts. */
export function canonicalJSON(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    field !== null && typeof field === 'object' && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}

/** What `status.observedGeneration` of a session says: "hash of the spec#generation". */
export function observedGeneration(object: { metadata: { generation?: number }; spec: unknown }): string {
  return `${shortHash(canonicalJSON(object.spec))}#${object.metadata.generation ?? 0}`;
}
