import { ExactNumber } from './exact-json.ts';

/** What YAML 1.1 reads as a boolean or as nothing, in any case of its letters. kubectl reads YAML 1.1. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** What is no number, no date and no syntax in any version of YAML. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*$/;

/** What a YAML reader refuses, or takes for a line break, where it stands unescaped. */
const ESCAPED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** Readers give up on a key that is longer, unless it is marked as one. */
const longestSimpleKey = 1000;

/**
 * `object` as a YAML document in block style, which reads as the same values in YAML 1.1 and 1.2.
 *
 * It is made for objects of the API, of which a dump has tens of thousands: what JSON can say, and no more.
 *
 * @see https://yaml.org/spec/1.2.2/
 */
export function yamlOf(object: object): string {
  return `${blockOf(object, '')}\n`;
}

function blockOf(value: object, indent: string): string {
  if (Array.isArray(value))
    return value.map((item) => `${indent}- ${itemOf(item, `${indent}  `)}`).join('\n');
  return Object.entries(value)
    .map(([key, field]) => `${indent}${keyOf(key, indent)}${fieldOf(field, indent)}`)
    .join('\n');
}

function keyOf(key: string, indent: string): string {
  const text = scalarOf(key);
  return text.length > longestSimpleKey ? `? ${text}\n${indent}:` : `${text}:`;
}

function fieldOf(value: unknown, indent: string): string {
  if (isBlock(value)) return `\n${blockOf(value, `${indent}  `)}`;
  return ` ${leafOf(value, `${indent}  `)}`;
}

/** An item begins on the line of its dash. */
function itemOf(value: unknown, indent: string): string {
  return isBlock(value) ? blockOf(value, indent).slice(indent.length) : leafOf(value, indent);
}

function isBlock(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return false;
  return Object.keys(value).length > 0;
}

function leafOf(value: unknown, indent: string): string {
  if (typeof value === 'string') return isLiteral(value) ? literalOf(value, indent) : scalarOf(value);
  if (value instanceof ExactNumber) return value.source;
  return JSON.stringify(value) ?? 'null';
}

function scalarOf(text: string): string {
  if (PLAIN.test(text) && !RESERVED.test(text)) return text;
  return JSON.stringify(text).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Whether `text` can stand line by line as it is: what people wrote in a ConfigMap stays as they wrote it. */
function isLiteral(text: string): boolean {
  if (!text.includes('\n') || /^\s/.test(text) || text.endsWith('\n\n')) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a literal cannot hold.
  return !/[\u0000-\u0008\u000b-\u001f]/.test(text) && text.search(ESCAPED) === -1 && text.isWellFormed();
}

function literalOf(text: string, indent: string): string {
  const isEnded = text.endsWith('\n');
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n');
  return [isEnded ? '|' : '|-', ...lines.map((line) => (line === '' ? '' : `${indent}${line}`))].join('\n');
}
