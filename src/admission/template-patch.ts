import { isDeepStrictEqual } from 'node:util';
import { isRecord } from './record.ts';
import type { PatchOperation } from './verdict.ts';

/**
 * The operations of RFC 6902 that make `after` of `before` at `path`: of what is put in and taken out, and of nothing else. What stays is
 * not even written, so that a number which JavaScript cannot hold (an int64) stays what it is, and a patch stays small.
 *
 * Parts that `after` shares with `before` are passed over unread, as injection shares all that it does not change.
 */
export function patchBetween(before: unknown, after: unknown, path: string): PatchOperation[] {
  if (before === after) return [];
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after, path);
  if (isRecord(before) && isRecord(after)) return objectPatch(before, after, path);
  return isDeepStrictEqual(before, after) ? [] : [{ op: 'replace', path, value: after }];
}

function objectPatch(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  path: string,
): PatchOperation[] {
  const operations: PatchOperation[] = [];
  for (const field of Object.keys(before)) {
    if (!Object.hasOwn(after, field)) operations.push({ op: 'remove', path: `${path}/${escaped(field)}` });
  }
  for (const field of Object.keys(after)) {
    const value = after[field];
    const isNew = !Object.hasOwn(before, field);
    if (!isNew && before[field] === value) continue;
    const at = `${path}/${escaped(field)}`;
    if (isNew) operations.push({ op: 'add', path: at, value });
    else operations.push(...patchBetween(before[field], value, at));
  }
  return operations;
}

/** Entries come and go, and those that stay keep their order; where they do not, the list is replaced as a whole. */
function listPatch(before: readonly unknown[], after: readonly unknown[], path: string): PatchOperation[] {
  const operations: PatchOperation[] = [];
  const now = [...before];
  for (let index = now.length - 1; index >= 0; index -= 1) {
    if (after.includes(now[index]) || after.some((entry) => isSame(entry, now[index]))) continue;
    operations.push({ op: 'remove', path: `${path}/${index}` });
    now.splice(index, 1);
  }
  after.forEach((entry, index) => {
    if (index < now.length && isSame(entry, now[index])) return;
    operations.push({ op: 'add', path: `${path}/${index}`, value: entry });
    now.splice(index, 0, entry);
  });
  return now.length === after.length ? operations : [{ op: 'replace', path, value: after }];
}

const isSame = (a: unknown, b: unknown) => a === b || isDeepStrictEqual(a, b);

/** RFC 6901. */
const escaped = (field: string) => field.replaceAll('~', '~0').replaceAll('/', '~1');
