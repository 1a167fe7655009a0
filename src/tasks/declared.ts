import type { FunctionSpec, Input } from '../api/function.ts';
import type { Problem } from '../api/problem.ts';
import { faultsOfInput } from './inputs.ts';
import { kebab } from './names.ts';
import { compilePattern } from './pattern.ts';
import { InvalidPatternError } from './pattern-syntax.ts';

/** The declared inputs of `spec` by name in kebab case; undefined where it declares none, and then takes any. */
export function declaredInputs({ inputs }: FunctionSpec): Map<string, Input> | undefined {
  if (inputs === undefined) return undefined;
  return new Map(Object.entries(inputs).map(([name, input]) => [kebab(name), input]));
}

/** What is wrong with the declarations themselves. */
export function problemsOfDeclarations({ inputs = {} }: FunctionSpec): Problem[] {
  return [
    ...problemsOfNames(Object.keys(inputs), 'spec.inputs'),
    ...Object.entries(inputs).flatMap(([name, input]) => schemaProblems(`spec.inputs.${name}`, input)),
  ];
}

/** Names at `path` that cannot be told apart, or written in a template. Their order says nothing: the API server has one of its own. */
export function problemsOfNames(names: string[], path: string): Problem[] {
  const sorted = names.toSorted();
  return sorted.flatMap((name, index) => {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      const message =
        'is no name of a variable; write letters, digits, "_", "-" and ".", a letter or "_" first';
      return [{ path: `${path}.${name}`, message }];
    }
    const twin = sorted.findIndex((other) => kebab(other) === kebab(name));
    if (twin === index) return [];
    const message = `is the same name as ${sorted[twin]}, which stands there too; take one of them out`;
    return [{ path: `${path}.${name}`, message }];
  });
}

function schemaProblems(path: string, { schema = {}, default: fallback }: Input): Problem[] {
  if (schema.pattern !== undefined) {
    try {
      compilePattern(schema.pattern);
    } catch (error) {
      if (!(error instanceof InvalidPatternError)) throw error;
      return [{ path: `${path}.schema.pattern`, message: `cannot be read: ${error.message}` }];
    }
  }
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  const isText = schema.type === undefined || schema.type === 'string';
  const idle = [
    ...(isNumber ? [] : (['minimum', 'maximum'] as const)),
    ...(isText ? [] : (['pattern', 'minLength', 'maxLength'] as const)),
  ].filter((keyword) => schema[keyword] !== undefined);
  const problems = idle.map((keyword) => ({
    path: `${path}.schema.${keyword}`,
    message: `says nothing of a ${schema.type ?? 'string'}; ${isNumber ? 'take it out' : 'take it out, or choose another type'}`,
  }));
  if (fallback === undefined || fallback === '') return problems;
  const faults = faultsOfInput(fallback, schema);
  return [...problems, ...faults.map((fault) => ({ path: `${path}.default`, message: fault }))];
}
