import { type Document, parseDocument, type Tags } from 'yaml';

/** What was given: a file, or the standard input. */
export interface Source {
  /** As it was named on the command line; a file in a folder with the folder's name before it. */
  name: string;
  text: string;
}

/** One document of a source. The sources' text is the text of their documents, one after the other. */
export interface ManifestDocument {
  source: string;
  /** From 1, in its source. */
  number: number;
  /** The marker `---` before it and, in front of the first, a byte order mark; often empty for the first. */
  marker: string;
  body: string;
}

/** At the beginning of a line it is a marker wherever it stands, in a text of several lines too (YAML 1.2.2, 9.1.2). */
const MARKER = /^---(?=\s|$)/gm;

export function splitDocuments({ name, text }: Source): ManifestDocument[] {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const rest = text.slice(mark.length);
  const starts = [...rest.matchAll(MARKER)].map(({ index }) => index);
  const cuts = starts[0] === 0 ? starts : [0, ...starts];
  return cuts.map((from, index) => {
    const whole = rest.slice(from, cuts[index + 1] ?? rest.length);
    const marker = starts.includes(from) ? '---' : '';
    return {
      source: name,
      number: index + 1,
      marker: (index === 0 ? mark : '') + marker,
      body: whole.slice(marker.length),
    };
  });
}

/** Nothing but blank lines, comments, directives and the mark of an end. */
export function isEmpty(body: string): boolean {
  return body.split(/\r?\n/).every((line) => /^\s*(#.*)?$|^%|^\.\.\.(\s|$)/.test(line));
}

/**
 * As Kubernetes reads YAML (sigs.k8s.io/yaml): 0644 is octal and "yes" is true, as in YAML 1.1, but 12:30 and 2026-01-01 are texts.
 */
export const DIALECT = {
  version: '1.1' as const,
  customTags: (tags: Tags) =>
    tags.filter(
      (tag) =>
        typeof tag === 'string' ||
        (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
    ),
};

/** The document that `body` is, errors and all. */
export function parseYaml(body: string): Document.Parsed {
  return parseDocument(body, { ...DIALECT, logLevel: 'silent' });
}

/** A number that JavaScript would write otherwise is kept as it was written. */
export function parseJsonExactly(body: string): unknown {
  return JSON.parse(body, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJson(context.source)
      : value,
  );
}

function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}

/** What stands in a document, or why it cannot be read. */
export type Content =
  | { format: 'yaml' | 'json'; value: unknown }
  | { format: 'empty' }
  | { format: 'unreadable'; message: string };

export function readContent(body: string): Content {
  if (isEmpty(body)) return { format: 'empty' };
  if (body.trimStart().startsWith('{')) {
    const value = parseJson(body);
    if (value !== undefined) return { format: 'json', value };
  }
  const document = parseYaml(body);
  const [error] = document.errors;
  if (error !== undefined) return { format: 'unreadable', message: error.message };
  try {
    return { format: 'yaml', value: document.toJS() as unknown };
  } catch (error) {
    return { format: 'unreadable', message: (error as Error).message };
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
