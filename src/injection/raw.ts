/** An object as it was sent, with the fields that we do not know. It is never written to, and what is made of it shares its parts. */
export interface Raw {
  readonly [field: string]: unknown;
}

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NOTHING: Raw = {};

/** `value` where it is an object, and otherwise one without fields. */
export function rawOf(value: unknown): Raw {
  return isRaw(value) ? value : NOTHING;
}

/** The objects in `value` where it is a list. */
export function rawsOf(value: unknown): Raw[] {
  return Array.isArray(value) ? value.filter(isRaw) : [];
}

/** `value` where it is text with something in it: to Kubernetes, empty text is none. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `object` without `field`; the same object where it has none. */
export function without(object: Raw, field: string): Raw {
  if (!Object.hasOwn(object, field)) return object;
  const { [field]: _, ...rest } = object;
  return rest;
}
