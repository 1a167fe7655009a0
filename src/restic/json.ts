/** Output of restic that does not say what it must. It is never taken for a success. */
export class UnreadableOutputError extends Error {
  readonly code = 'UnreadableOutput';
  constructor(command: string, problem: string, output: string) {
    const shown = output.length > 200 ? `${output.slice(0, 200)}…` : output;
    super(
      `restic ${command} ended well, but ${problem}; restic 0.18 or newer is needed. Its output: ${shown === '' ? 'none' : shown}`,
    );
    this.name = 'UnreadableOutputError';
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value that `text` is in JSON; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A string member; undefined where it is absent, empty or something else. */
export function stringOf(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function stringsOf(object: JsonObject, key: string): string[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Numeric members, 0 where restic leaves them out; undefined where one is no finite number from 0 on. */
export function numbersOf<Key extends string>(
  object: JsonObject,
  ...keys: Key[]
): Record<Key, number> | undefined {
  const numbers = keys.map((key) => object[key] ?? 0);
  if (!numbers.every((value) => typeof value === 'number' && Number.isFinite(value) && value >= 0))
    return undefined;
  return Object.fromEntries(keys.map((key, index) => [key, numbers[index]])) as Record<Key, number>;
}
