import Type, { type Static, type TProperties, type TSchema } from 'typebox';

/**
 * Building blocks of the schemas of our kinds: JSON Schema as a CustomResourceDefinition takes it (structural, bounded,
 * described), from which TypeScript reads the type. `hint`, for the validator alone, says what to write instead of what was
 * found; it does not stand in the CRD.
 */
export interface Options {
  description: string;
  hint?: string;
  default?: unknown;
  [keyword: string]: unknown;
}

/** A rule in CEL, with the message of the one who breaks it. */
export interface Rule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: string;
}

/**
 * An object with these properties and no others. A property that has a default is always there in the type, since the API server
 * and the validator put it in, and may be left out by whoever writes the object.
 */
export function object<Properties extends TProperties>(
  properties: Properties,
  { rules, ...options }: Options & { rules?: Rule[] },
) {
  const schema = Type.Object(properties, {
    ...options,
    ...(rules === undefined ? {} : { 'x-kubernetes-validations': rules }),
  });
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
  return Type.String({ maxLength: 1024, ...options });
}

export function oneOf<const Values extends string[]>(values: Values, options: Options) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: values, ...options });
}

export function bool(options: Options) {
  return Type.Boolean({ ...options });
}

/** A whole number, not negative where nothing else is said. */
export function count(options: Options & { minimum?: number; maximum?: number }) {
  return Type.Integer({ minimum: 0, format: 'int64', ...options });
}

/** An RFC 3339 instant. */
export function instant(options: Options) {
  return Type.String({ format: 'date-time', ...options });
}

/** A list that is replaced as a whole. */
export function list<Item extends TSchema>(
  item: Item,
  options: Options & { maxItems: number; minItems?: number },
) {
  return Type.Array(item, { 'x-kubernetes-list-type': 'atomic', ...options });
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
    ...options,
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
    ...options,
  });
}

export type { Static, TSchema };
