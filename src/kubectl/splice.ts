import { Document, isCollection, isMap, isPair, isScalar, isSeq, type Pair, parseDocument } from 'yaml';
import { DIALECT } from './documents.ts';
import { type Edit, type Path, valueAt } from './edits.ts';

interface Splice {
  from: number;
  to: number;
  text: string;
}

/**
 * `text`, a document of YAML with `\n` at the ends of its lines, with `edits` made as one would by hand: lines are put in and taken
 * out, and the others stay as they are. Where an edit is in a flow collection or behind an alias, the field of a block that holds it
 * is written anew. Undefined where there is no such block.
 *
 * @param expected - what the document is to say, after all edits
 */
export function spliced(text: string, edits: readonly Edit[], expected: unknown): string | undefined {
  const isEnded = text.endsWith('\n');
  const page = new Page(isEnded ? text : `${text}\n`, expected);
  const splices = new Map<string, Splice>();
  for (const edit of edits) {
    const splice = page.splice(edit);
    if (splice === undefined) return undefined;
    // Entries that are put in at one place follow one another; a field that is written anew is written once.
    const key = `${splice.from} ${splice.to}`;
    const before = splices.get(key);
    const isInsertion = splice.from === splice.to;
    const joined = isInsertion && before !== undefined ? before.text + splice.text : splice.text;
    splices.set(key, { ...splice, text: joined });
  }
  const written = page.with([...splices.values()]);
  return isEnded ? written : written.replace(/\n$/, '');
}

class Page {
  readonly #text: string;
  readonly #expected: unknown;
  readonly #root: unknown;
  /** Whether lists stand further to the right than the field that they are in. */
  readonly #indentSeq: boolean;

  constructor(text: string, expected: unknown) {
    this.#text = text;
    this.#expected = expected;
    this.#root = parseDocument(text, { ...DIALECT, logLevel: 'silent', keepSourceTokens: true }).contents;
    this.#indentSeq = !/^( *)(?:- +)?[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n\1- /m.test(text);
  }

  with(splices: Splice[]): string {
    const ordered = splices
      .filter((inner) => !splices.some((outer) => outer !== inner && isWithin(inner, outer)))
      .sort((a, b) => b.from - a.from || b.to - a.to);
    return ordered.reduce(
      (text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to),
      this.#text,
    );
  }

  splice(edit: Edit): Splice | undefined {
    const owner = this.#blockAt(edit.path);
    if (owner === undefined) return this.#writeAnew(edit.path);
    if (isSeq(owner))
      return edit.op === 'insert' || edit.op === 'remove' ? this.#entry(owner, edit) : undefined;
    if (!isMap(owner) || (edit.op !== 'set' && edit.op !== 'unset')) return undefined;
    const pair = owner.items.find(({ key }) => isScalar(key) && key.value === edit.field);
    if (edit.op === 'unset') return pair === undefined ? undefined : this.#without(pair);
    return pair === undefined ? this.#field(owner, edit) : this.#value(pair, edit.field, edit.value);
  }

  /** The collection at `path`, where it is one of blocks, and no alias leads there. */
  #blockAt(path: Path): unknown {
    let node = this.#root;
    for (const part of path) {
      if (!isCollection(node)) return undefined;
      node = node.get(part, true);
    }
    return isCollection(node) && node.flow !== true && node.items.length > 0 ? node : undefined;
  }

  /** The innermost field in a block that holds what is at `path`. */
  #writeAnew(path: Path): Splice | undefined {
    for (let length = path.length; length > 0; length--) {
      const field = path[length - 1];
      const owner = this.#blockAt(path.slice(0, length - 1));
      if (typeof field !== 'string' || !isMap(owner)) continue;
      const value = valueAt(this.#expected, path.slice(0, length));
      const pair = owner.items.find(({ key }) => isScalar(key) && key.value === field);
      if (pair !== undefined) return this.#value(pair, field, value);
      // It is there by a merge key: what the map says itself comes before that.
      return this.#field(owner, { field, value });
    }
    return undefined;
  }

  #entry(
    list: { items: unknown[]; srcToken?: unknown },
    edit: Extract<Edit, { op: 'insert' | 'remove' }>,
  ): Splice | undefined {
    const dashes = dashesOf(list.srcToken);
    const [first] = dashes;
    if (first === undefined || dashes.length !== list.items.length) return undefined;
    const indent = first - this.#lineStart(first);
    const dash = dashes[edit.at];
    if (edit.op === 'remove') {
      if (dash === undefined) return undefined;
      return { from: this.#lineStart(dash), to: this.#lineEnd(list.items[edit.at]), text: '' };
    }
    const at =
      dash === undefined ? this.#lineEnd(list.items.at(-1)) : this.#aboveComments(this.#lineStart(dash));
    return { from: at, to: at, text: this.#written([edit.value], indent) };
  }

  #field(map: { items: Pair[] }, { field, value }: { field: string; value: unknown }): Splice | undefined {
    const [first] = map.items;
    const start = startOf(first?.key);
    if (start === undefined) return undefined;
    const at = this.#lineEnd(map.items.at(-1));
    return { from: at, to: at, text: this.#written({ [field]: value }, start - this.#lineStart(start)) };
  }

  #value(pair: Pair, field: string, value: unknown): Splice | undefined {
    const from = startOf(pair.key);
    if (from === undefined) return undefined;
    const written = this.#written({ [field]: value }, from - this.#lineStart(from)).trimStart();
    const to = this.#lineEnd(pair);
    const comment = /^[ \t]+#.*/.exec(this.#text.slice(endOf(pair), to))?.[0] ?? '';
    return { from, to, text: written.replace('\n', `${comment}\n`) };
  }

  #without(pair: Pair): Splice | undefined {
    const from = startOf(pair.key);
    return from === undefined
      ? undefined
      : { from: this.#lineStart(from), to: this.#lineEnd(pair), text: '' };
  }

  #written(value: unknown, indent: number): string {
    const document = new Document(value, { ...DIALECT, aliasDuplicateObjects: false });
    const text = document.toString({ lineWidth: 0, indentSeq: this.#indentSeq });
    return text.replace(/^(?=.)/gm, ' '.repeat(indent));
  }

  #lineStart(offset: number): number {
    return this.#text.lastIndexOf('\n', offset - 1) + 1;
  }

  /** After the last line of `node`, with the comment that ends it. */
  #lineEnd(node: unknown): number {
    const end = endOf(node);
    if (end > 0 && this.#text[end - 1] === '\n') return end;
    return this.#text.indexOf('\n', end) + 1;
  }

  /** A comment above an entry is about that entry. */
  #aboveComments(lineStart: number): number {
    let at = lineStart;
    while (at > 0) {
      const above = this.#lineStart(at - 1);
      if (!/^[ \t]*#/.test(this.#text.slice(above, at))) break;
      at = above;
    }
    return at;
  }
}

function isWithin(inner: Splice, outer: Splice): boolean {
  return outer.from <= inner.from && inner.to <= outer.to && outer.to - outer.from > inner.to - inner.from;
}

/** Where the entries of a block sequence begin. */
function dashesOf(token: unknown): number[] {
  const { type, items = [] } = (token ?? {}) as {
    type?: string;
    items?: { start: { type: string; offset: number }[] }[];
  };
  if (type !== 'block-seq') return [];
  return items.flatMap(({ start }) => start.find((part) => part.type === 'seq-item-ind')?.offset ?? []);
}

function startOf(node: unknown): number | undefined {
  const { range } = (node ?? {}) as { range?: [number, number, number] };
  return range?.[0];
}

/** After the last character of a value. The range of a block has the comments after it too. */
function endOf(node: unknown): number {
  if (isPair(node)) return endOf(node.value ?? node.key);
  if (isCollection(node) && node.flow !== true && node.items.length > 0) return endOf(node.items.at(-1));
  const { range } = node as { range: [number, number, number] };
  return range[1];
}
