/** A number of JSON that a JavaScript number does not hold, or would write in another way. */
export class ExactNumber {
  /** As it stood in the text. */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Anything shorter is a number that stays as it is: most texts have none that is longer, and are read three times as fast. */
const LONG_NUMBER = /[:[,\s]-?\d[\d.eE+-]{14}/;

/**
 * `text` as JSON.parse reads it, but with an {@link ExactNumber} for each number that would not be written again as it was: an int64 of
 * Kubernetes is exact, a number of JavaScript only up to 2^53.
 */
export function parseExactly(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return (JSON.parse as ParseWithSource)(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? new ExactNumber(source)
      : value,
  );
}

/** ECMAScript's "JSON.parse source text access", which Node 21 and newer have and TypeScript's library does not know yet. */
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
