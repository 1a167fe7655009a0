import { isRaw, type Raw } from '../injection/raw.ts';

/**
 * One change of a tree of objects and lists. `path` is that of the object or the list that is changed; `at` is a place in the list as
 * it was before all changes.
 */
export type Edit =
  | { op: 'set'; path: Path; field: string; value: unknown }
  | { op: 'unset'; path: Path; field: string }
  | { op: 'insert'; path: Path; at: number; value: unknown }
  | { op: 'remove'; path: Path; at: number };

export type Path = readonly (string | number)[];

/**
 * What makes `after` of `before`, in the order of the text.
 *
 * Injection shares all that it leaves alone, so that what is the same object in both is not looked into, and an entry of a list is
 * known again wherever it stands now.
 */
export function editsBetween(before: unknown, after: unknown, path: Path = []): Edit[] {
  if (isRaw(before) && isRaw(after)) return editsOfObject(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return editsOfList(before, after, path);
  const field = path.at(-1);
  if (typeof field !== 'string') throw new Error('the root of a document is never replaced');
  return [{ op: 'set', path: path.slice(0, -1), field, value: after }];
}

function editsOfObject(before: Raw, after: Raw, path: Path): Edit[] {
  const gone = Object.keys(before).filter((field) => !Object.hasOwn(after, field));
  return [
    ...gone.map((field): Edit => ({ op: 'unset', path, field })),
    ...Object.entries(after).flatMap(([field, value]) => {
      if (before[field] === value && Object.hasOwn(before, field)) return [];
      if (!Object.hasOwn(before, field)) return [{ op: 'set', path, field, value } as Edit];
      return editsBetween(before[field], value, [...path, field]);
    }),
  ];
}

function editsOfList(before: readonly unknown[], after: readonly unknown[], path: Path): Edit[] {
  const edits: Edit[] = [];
  let at = 0;
  for (const value of after) {
    const found = before.indexOf(value, at);
    if (found === -1) {
      edits.push({ op: 'insert', path, at, value });
      continue;
    }
    for (; at < found; at++) edits.push({ op: 'remove', path, at });
    at++;
  }
  for (; at < before.length; at++) edits.push({ op: 'remove', path, at });
  return edits;
}

/** `tree`, which is written to, with `edits`. */
export function applyEdits(tree: unknown, edits: readonly Edit[]): void {
  // From the end: what is done leaves the places of what is still to be done as they were.
  for (const edit of edits.toReversed()) {
    const owner = valueAt(tree, edit.path);
    if (edit.op === 'set') (owner as Record<string, unknown>)[edit.field] = edit.value;
    if (edit.op === 'unset') Reflect.deleteProperty(owner as object, edit.field);
    if (edit.op === 'insert') (owner as unknown[]).splice(edit.at, 0, edit.value);
    if (edit.op === 'remove') (owner as unknown[]).splice(edit.at, 1);
  }
}

export function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown>)?.[part], tree);
}

/** `path` as messages write it: `items[0].spec.template`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
