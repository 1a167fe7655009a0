import { quoted } from '../api/problem.ts';
import type { Rule } from './rule.ts';

/** RFC 1123, as Kubernetes reads it: labels of 63 characters at most, with dots between them. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A name that no object can have would be waited for in vain. One that is not there is not wrong. */
export function nameIsSubdomain<Spec>(path: string, read: (spec: Spec) => string | undefined): Rule<Spec> {
  return (spec) => {
    const name = read(spec);
    const wrong = name?.split('.').find((label) => !LABEL.test(label));
    if (wrong === undefined) return [];
    return [
      {
        path,
        message: `${quoted(name)} is the name of no object, because of ${quoted(wrong)}; between its dots, a name has up to 63 lower-case letters, digits and "-", and begins and ends with a letter or a digit`,
      },
    ];
  };
}
