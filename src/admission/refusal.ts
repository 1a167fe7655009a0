import type { Kind } from '../api/kinds.ts';
import { describeProblems, type Problem } from '../api/problem.ts';
import type { AdmissionRequest } from './review.ts';
import { ALLOWED, type Refused, type Verdict } from './verdict.ts';

/** What is found of an object: `problems` refuse it, `warnings` do not. */
export interface Findings {
  problems: Problem[];
  warnings: Problem[];
}

/** Refuses with all that is wrong, at once, with status 422 and a cause for each field; what is only unwise is a warning. */
export function verdictOf(request: AdmissionRequest, kind: Kind, { problems, warnings }: Findings): Verdict {
  const spoken = warnings.map((warning) => describeProblems([warning]));
  if (problems.length > 0) return { ...refuse(request, kind, problems), warnings: spoken };
  return spoken.length === 0 ? ALLOWED : { allowed: true, warnings: spoken };
}

function refuse({ name }: AdmissionRequest, { kind, group }: Kind, problems: Problem[]): Refused {
  return {
    allowed: false,
    status: {
      code: 422,
      reason: 'Invalid',
      message: `${kind} ${name === '' ? '' : `"${name}" `}is not valid:\n${describeProblems(problems)}`,
      details: {
        group,
        kind,
        name,
        causes: problems.map(({ path, message }) => ({ reason: 'FieldValueInvalid', field: path, message })),
      },
    },
  };
}
