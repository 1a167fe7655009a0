import { isDeepStrictEqual } from 'node:util';
import { Document, isAlias, type Node, visit } from 'yaml';
import { DIALECT, parseJsonExactly, parseYaml } from './documents.ts';
import { applyEdits, type Edit } from './edits.ts';
import { spliced } from './splice.ts';

/**
 * `body` with `edits` made in it, such that it says `expected`: all that is not edited stays as it is written.
 *
 * What was written is read again before it is believed. Where an anchor would carry an edit elsewhere, the aliases are written out
 * first; where all else fails the document is written anew, and its comments are lost rather than its meaning.
 */
export function rewriteYaml(body: string, edits: readonly Edit[], expected: unknown): string {
  const lineEnd = body.includes('\r\n') ? '\r\n' : '\n';
  const text = body.replaceAll('\r\n', '\n');
  const ways = [
    () => spliced(text, edits, expected),
    () => spliced(withoutAliases(text), edits, expected),
    () => writtenAnew(expected),
  ];
  for (const way of ways) {
    const written = way();
    if (written !== undefined && says(written, expected)) return written.replaceAll('\n', lineEnd);
  }
  throw new Error('a document could not be written such that it is read as what it was to say');
}

/** `body`, which is JSON, with `edits`, indented as it was. */
export function rewriteJson(body: string, edits: readonly Edit[]): string {
  const [, before = '', core = '', after = ''] = /^(\s*)(.*?)(\s*)$/s.exec(body) ?? [];
  const tree = parseJsonExactly(core);
  applyEdits(tree, edits);
  const [, lineEnd, indent] = /^\{(\r?\n)([ \t]+)"/.exec(core) ?? [];
  const text = JSON.stringify(tree, undefined, indent);
  return before + (lineEnd === undefined ? text : text.replaceAll('\n', lineEnd)) + after;
}

function says(text: string, expected: unknown): boolean {
  const document = parseYaml(text);
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), expected);
}

function withoutAliases(text: string): string {
  const document = parseYaml(text);
  // What is put in for an alias is visited next, and may have aliases itself.
  visit(document, { Alias: (_, alias) => alias.resolve(document)?.clone() as Node | undefined });
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node) && 'anchor' in node) Reflect.deleteProperty(node, 'anchor');
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: !/[{[]\S/.test(text) });
}

function writtenAnew(expected: unknown): string {
  return `\n${new Document(expected, { ...DIALECT, aliasDuplicateObjects: false }).toString({ lineWidth: 0 })}`;
}
