import type { Resource } from '../api/resources.ts';

/** Stands where an object has no namespace. No namespace has an underscore. */
export const CLUSTER_SCOPED = '_cluster';

/** Stands for the group that has no name. */
export const CORE_GROUP = 'core';

export const EXTENSION = '.yaml';

/** File systems take names of 255 bytes. */
const longestPart = 255 - EXTENSION.length;

/** Windows keeps these names for its devices, whatever extension they have. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** What a name may hold anywhere. A kind's upper-case letters stand as they are: no two kinds differ by case alone. */
const SAFE = { name: /[a-z0-9._-]/, kind: /[A-Za-z0-9._-]/ };

/** `group/version/kind`, in which are the files of all objects of `resource`. */
export function kindDirectory({
  group,
  version,
  kind,
}: Pick<Resource, 'group' | 'version' | 'kind'>): string {
  return [encoded(group === '' ? CORE_GROUP : group), encoded(version), encoded(kind, SAFE.kind)].join('/');
}

/** `namespace`, in a kind's directory. */
export function namespaceDirectory(namespace: string | undefined): string {
  return namespace === undefined ? CLUSTER_SCOPED : encoded(namespace);
}

/**
 * The file of the object `name`, in its namespace's directory: `web.yaml`, `system%3Anode.yaml`.
 *
 * Names of RBAC's kinds may hold nearly anything, so that each byte that is unsafe in a file's name, upper-case letters among them, is
 * percent-encoded. A name that is too long for one goes on in a directory whose name ends with a `%`.
 */
export function fileOf(name: string): string {
  const parts: string[] = [];
  let rest = encoded(name);
  while (rest.length > longestPart) {
    // No escape is cut in two, and there is room for one more.
    const cut = rest.slice(0, longestPart - 3).replace(/%[0-9A-F]?$/, '');
    parts.push(`${cut}%`);
    rest = guarded(rest.slice(cut.length));
  }
  return [...parts, `${rest}${EXTENSION}`].join('/');
}

/** The name that {@link fileOf} made `file` of. */
export function nameOfFile(file: string): string {
  return decodeURIComponent(file.slice(0, -EXTENSION.length).replaceAll('%/', ''));
}

function encoded(text: string, safe: RegExp = SAFE.name): string {
  return guarded(
    [...text].map((character) => (safe.test(character) ? character : escaped(character))).join(''),
  );
}

/** `part` as a whole name of a file or directory. A leading dot hides it, and `.` and `..` are none. */
function guarded(part: string): string {
  const [first = ''] = part;
  return first === '.' || DEVICE.test(part) ? escaped(first) + part.slice(1) : part;
}

function escaped(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
