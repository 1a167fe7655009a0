import type { Kind } from '../api/kinds.ts';
import type { Problem } from '../api/problem.ts';
import { validate } from '../api/validate.ts';
import { rulesOf } from './rules.ts';

/**
 * What is wrong with `object`: what its schema says, or, where that is content, what the rules of its kind say. Defaults are put
 * into `object`.
 */
export function problemsOf(
  kind: Kind,
  object: unknown,
  oldObject?: { spec?: unknown },
): { problems: Problem[]; warnings: Problem[] } {
  const problems = validate(kind, object, oldObject);
  if (problems.length > 0) return { problems, warnings: [] };
  const { spec } = object as { spec: unknown };
  const { rules, advice } = rulesOf(kind);
  return {
    problems: rules.flatMap((rule) => rule(spec)),
    warnings: advice.flatMap((rule) => rule(spec)),
  };
}
