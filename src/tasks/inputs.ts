import { Ajv, type ErrorObject } from 'ajv';
import type { InputSchema } from '../api/function.ts';
import { quoted } from '../api/problem.ts';
import { compilePattern } from './pattern.ts';

/** A number as JSON writes it, so that no tool reads another one than we do. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * What is wrong with `text` as a value of `schema`, a clause each.
 *
 * @throws {InvalidPatternError} where its pattern cannot be read
 */
export function faultsOfInput(text: string, schema: InputSchema): string[] {
  const { enum: possible, ...rest } = schema;
  // What is possible is written as text; all else is about the value that the text stands for.
  const whole = {
    properties: { text: possible === undefined ? {} : { enum: possible }, value: rest },
  };
  const check = validator().compile(whole);
  const fits = check({ text, value: meaningOf(text, schema.type) });
  return fits ? [] : (check.errors ?? []).map((error) => describe(error, text));
}

/** A new one each time: one remembers every schema and every pattern that it has ever seen. */
function validator(): Ajv {
  const regExp = Object.assign((pattern: string) => compilePattern(pattern), { code: 'compilePattern' });
  return new Ajv({ allErrors: true, strict: false, meta: false, validateSchema: false, code: { regExp } });
}

function meaningOf(text: string, type: InputSchema['type']): unknown {
  if ((type === 'integer' || type === 'number') && NUMBER.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function describe({ keyword, params, message = 'does not fit' }: ErrorObject, text: string): string {
  switch (keyword) {
    case 'type':
      return `${quoted(text)} is no ${String(params.type)}`;
    case 'enum':
      return `${quoted(text)} is not possible; choose ${(params.allowedValues as string[]).join(' or ')}`;
    case 'pattern':
      return `${quoted(text)} does not match ${String(params.pattern)}`;
    case 'minimum':
      return `${quoted(text)} is less than ${String(params.limit)}`;
    case 'maximum':
      return `${quoted(text)} is more than ${String(params.limit)}`;
    case 'minLength':
      return `${quoted(text)} has less than ${String(params.limit)} characters`;
    case 'maxLength':
      return `${quoted(text)} has more than ${String(params.limit)} characters`;
    default:
      return `${quoted(text)} ${message}`;
  }
}
