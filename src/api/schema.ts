import Type, { type Static, type TProperties, type TSchema } from 'typebox';
import { canonicalJSON } from './names.ts';

/**
 * Building blocks of the schemas of our kinds: JSON Schema as a CustomResourceDefinition takes it (structural, bounded,
 * described), from which TypeScript reads the type. `hint`, for the validator alone, says what to write instead of what was
 * found; it does not stand in the CRD.
 */
export interface Options {
  description: string;
  hint?: string;
  default?: unknown;
  rules?: Rule[];
  [keyword: string]: unknown;
}

/**
 * A rule in CEL, with the message of the one who breaks it. `holds` says the same for the validator, which knows no CEL: it is asked
 * where the schema is content with `self`, and, of a rule that speaks of `oldSelf`, only where there is one.
 */
export interface Rule {
  rule: string;
  message: string;
  holds: (self: never, oldSelf: never) => boolean;
}

/** Where the rules of a schema stand, as a CustomResourceDefinition has it. */
export const RULES = 'x-kubernetes-validations';

/**
 * An object with these properties and no others. A property that has a default is always there in the type, since the API server
 * and the validator put it in, and may be left out by whoever writes the object.
 */
export function object<Properties extends TProperties>(properties: Properties, options: Options) {
  const schema = Type.Object(properties, keywords(options));
  const needed = Object.entries(properties).filter(([name, property]) => {
    const isRequired = (schema.required as string[] | undefined)?.includes(name) ?? false;
    return isRequired && !('default' in property);
  });
  if (needed.length === 0) {
    delete (schema as { required?: unknown }).required;
  } else {
    (schema as { required?: unknown }).required = needed.map(([name]) => name);
  }
  return schema;
}

export function text(options: Options & { maxLength?: number }) {
  return Type.String({ maxLength: 1024, ...keywords(options) });
}

export function oneOf<const Values extends string[]>(values: Values, options: Options) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: values, ...keywords(options) });
}

export function bool(options: Options) {
  return Type.Boolean(keywords(options));
}

/** A whole number, not negative where nothing else is said. */
export function count(options: Options & { minimum?: number; maximum?: number }) {
  return Type.Integer({ minimum: 0, format: 'int64', ...keywords(options) });
}

/** An RFC 3339 instant. */
export function instant(options: Options) {
  return Type.String({ format: 'date-time', ...keywords(options) });
}

/** A list that is replaced as a whole. */
export function list<Item extends TSchema>(
  item: Item,
  options: Options & { maxItems: number; minItems?: number },
) {
  return Type.Array(item, { 'x-kubernetes-list-type': 'atomic', ...keywords(options) });
}

/** A list whose items are told apart by `keys`, so that several writers may each own their items (server-side apply). */
export function mapList<Item extends TSchema>(
  item: Item,
  keys: string[],
  options: Options & { maxItems: number },
) {
  return Type.Array(item, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    ...keywords(options),
  });
}

export function optional<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(schema);
}

/** The name of another object of the same namespace. */
export function objectName(options: Options) {
  return Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
    hint: 'a name has lower-case letters, digits, "-" and "." only, and begins and ends with a letter or a digit',
    ...keywords(options),
  });
}

/** `holds` of the rule `self == oldSelf`. */
export function isUnchanged(self: unknown, oldSelf: unknown): boolean {
  return canonicalJSON(self) === canonicalJSON(oldSelf);
}

function keywords({ rules, ...options }: Options): Omit<Options, 'rules'> {
  return rules === undefined ? options : { ...options, [RULES]: rules };
}

export type { Static, TProperties, TSchema };
