import { type Problem, quoted } from './problem.ts';
import { RULES, type Rule } from './schema.ts';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  [RULES]?: Rule[];
  'x-kubernetes-list-type'?: string;
}

/**
 * Which of the rules that stand in `schema` the `value` breaks, that the API server holds in CEL, and what is in a set twice: so both
 * hold offline too. A rule that
 * speaks of `oldSelf` is one about changes, and is asked only where there is an old value, as CEL does.
 *
 * @param value - one that the schema is content with
 * @param path - of `value` in the whole object
 */
export function brokenRules(schema: unknown, value: unknown, oldValue: unknown, path: string): Problem[] {
  const { properties = {}, items, [RULES]: rules = [] } = schema as Schema;
  const broken = rules
    .filter(({ rule }) => oldValue !== undefined || !rule.includes('oldSelf'))
    .filter(({ holds }) => !holds(value as never, oldValue as never))
    .map(({ message }) => ({ path, message }));
  if (Array.isArray(value)) {
    const isSet = (schema as Schema)['x-kubernetes-list-type'] === 'set';
    // An entry of an atomic list or of a set has no old value that it could be told from.
    return broken.concat(
      isSet ? repeated(value, path) : [],
      value.flatMap((entry, index) =>
        items === undefined ? [] : brokenRules(items, entry, undefined, `${path}[${index}]`),
      ),
    );
  }
  if (!isRecord(value)) return broken;
  const old = isRecord(oldValue) ? oldValue : {};
  return broken.concat(
    Object.entries(properties).flatMap(([name, property]) =>
      value[name] === undefined
        ? []
        : brokenRules(property, value[name], old[name], path === '' ? name : `${path}.${name}`),
    ),
  );
}

/** What stands in a set of texts twice. */
function repeated(values: unknown[], path: string): Problem[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    if (first === index) return [];
    const message = `${quoted(value)} stands at ${path}[${first}] already; take one of them out`;
    return [{ path: `${path}[${index}]`, message }];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
