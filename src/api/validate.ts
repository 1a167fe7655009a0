import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { brokenRules } from './broken-rules.ts';
import type { Kind } from './kinds.ts';
import { type Problem, quoted } from './problem.ts';
import { apiVersionOf } from './resources.ts';
import { RULES } from './schema.ts';

/**
 * What the schema of `kind` and its rules say against `object`, as somebody wrote it. Defaults are put into `object`; nothing is taken
 * out. An empty list means that it may be trusted to have the kind's type.
 *
 * @param oldObject - what it was before, where it is a change of one
 */
export function validate(kind: Kind, object: unknown, oldObject?: { spec?: unknown }): Problem[] {
  const check = validatorOf(kind);
  if (!check(object)) return dedupe((check.errors ?? []).map((error) => problemOf(error, object)));
  return brokenRules(kind.spec, (object as { spec: unknown }).spec, oldObject?.spec, 'spec');
}

const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  verbose: true,
  strict: false,
  formats: { 'date-time': isInstant, int32: true, int64: true, double: true, byte: true },
});
const validators = new Map<Kind, ValidateFunction>();

function validatorOf(kind: Kind): ValidateFunction {
  const known = validators.get(kind);
  if (known !== undefined) return known;
  const check = ajv.compile({
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { type: 'string', enum: [apiVersionOf(kind)] },
      kind: { type: 'string', enum: [kind.kind] },
      metadata: { type: 'object' },
      spec: closed(kind.spec),
    },
  });
  validators.set(kind, check);
  return check;
}

/** As the API server reads it (RFC 3339). */
function isInstant(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}

/** `schema` that refuses fields it does not name, as `kubectl` does: a misspelt field must not be silently nothing. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  const fields = Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== RULES)
      .map(([key, value]) => [key, closed(value)]),
  );
  return fields.type === 'object' && fields.properties !== undefined && !('additionalProperties' in fields)
    ? { ...fields, additionalProperties: false }
    : fields;
}

function problemOf(error: ErrorObject, object: unknown): Problem {
  const path = pathOf(error.instancePath);
  const hint = (error.parentSchema as { hint?: string } | undefined)?.hint;
  const found = quoted(error.data);
  switch (error.keyword) {
    case 'required': {
      const missing = String(error.params.missingProperty);
      return { path: join(path, missing), message: `is missing; ${describeField(error, missing)}` };
    }
    case 'additionalProperties': {
      const unknown = String(error.params.additionalProperty);
      const known = Object.keys((error.parentSchema as { properties?: object })?.properties ?? {});
      return { path: join(path, unknown), message: `is not a field; there are ${known.join(', ')}` };
    }
    case 'enum':
      return {
        path,
        message: `${found} is not possible; choose ${(error.params.allowedValues as string[]).join(' or ')}`,
      };
    case 'format':
      return {
        path,
        message: `${found} is no ${String(error.params.format)}; write an instant such as 2026-11-22T18:00:00Z`,
      };
    case 'type':
      return { path, message: `${found} is no ${String(error.params.type)}${withHint(hint)}` };
    case 'pattern':
      return {
        path,
        message: `${found} does not have the right form${withHint(hint ?? `it must match ${String(error.params.pattern)}`)}`,
      };
    case 'minItems':
    case 'minLength':
    case 'minProperties':
      return { path, message: `${found} is not enough; write ${atLeast(error, limitOf(error))}` };
    case 'maxItems':
    case 'maxLength':
      return { path, message: `${found} is too much; write ${limitOf(error)} ${unitOf(error)} or less` };
    case 'minimum':
      return { path, message: `${found} is too small; write ${limitOf(error)} or more` };
    case 'maximum':
      return { path, message: `${found} is too large; write ${limitOf(error)} or less` };
    default:
      return {
        path,
        message: `${path === '' ? quoted(object) : found} ${error.message ?? 'is not valid'}${withHint(hint)}`,
      };
  }
}

const limitOf = ({ params }: ErrorObject) => Number(params.limit);

const unitOf = ({ keyword }: ErrorObject) => (keyword.endsWith('Items') ? 'entries' : 'characters');

function atLeast(error: ErrorObject, limit: number): string {
  const fields = Object.keys((error.parentSchema as { properties?: object })?.properties ?? {});
  if (error.keyword === 'minProperties') return `at least ${limit} of ${fields.join(', ')}`;
  if (limit > 1) return `at least ${limit} ${unitOf(error)}`;
  return error.keyword === 'minItems' ? 'at least one entry' : 'something';
}

function describeField(error: ErrorObject, name: string): string {
  const properties = (error.parentSchema as { properties?: Record<string, { description?: string }> })
    ?.properties;
  return properties?.[name]?.description ?? `set ${name}`;
}

const withHint = (hint: string | undefined) => (hint === undefined ? '' : `; ${hint}`);

/** `/spec/target/directories/0` as `spec.target.directories[0]`. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, token) => (/^\d+$/.test(token) ? `${path}[${token}]` : join(path, token)), '');
}

const join = (path: string, field: string) => (path === '' ? field : `${path}.${field}`);

function dedupe(problems: Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const text = `${path}\n${message}`;
    return !seen.has(text) && seen.add(text);
  });
}
