import { parseTemplate, type Variable } from './template.ts';
import type { Value } from './values.ts';

export interface FillOptions {
  /** The value of a variable; undefined where it is found nowhere. */
  find(name: string): Value | undefined;
  /** Whether Kubernetes expands `$(NAME)` in this field, and makes one `$` of two. */
  isExpanded: boolean;
  /** The environment variables that it expands here. */
  environment: ReadonlySet<string>;
  /** Is told what is wrong, as a sentence. */
  report(message: string, variable?: string): void;
  /** What to do about a variable that is found nowhere, as a clause. */
  advice(name: string): string;
}

/**
 * `text` with its variables filled in, as it has to stand in the field so that the container gets each value as it was: where Kubernetes
 * expands, what it would take for a variable of its own is escaped.
 *
 * A value is put in once, and never looked into.
 *
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function fill(text: string, options: FillOptions): Value {
  const { isExpanded, environment, report } = options;
  const { parts, faults } = parseTemplate(text);
  for (const fault of faults) report(fault);
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object' && !isForKubernetes(only, options)) {
    const value = lookUp(only, options);
    return { ...value, text: isExpanded ? escaped(value.text, true) : value.text };
  }
  let filled = '';
  let pending = '';
  let isOpen = false;
  for (const part of parts) {
    if (typeof part === 'string') {
      pending += part;
    } else if (isForKubernetes(part, { isExpanded, environment })) {
      filled += `${escaped(pending, false)}$(${part.name})`;
      pending = '';
    } else {
      const value = lookUp(part, options);
      isOpen ||= value.isOpen === true;
      pending += value.text;
    }
  }
  filled += isExpanded ? escaped(pending, true) : pending;
  return { text: filled, ...(isOpen && { isOpen }) };
}

function isForKubernetes(
  { name, syntax }: Variable,
  { isExpanded, environment }: Pick<FillOptions, 'isExpanded' | 'environment'>,
): boolean {
  return isExpanded && syntax === 'parentheses' && environment.has(name);
}

/** As in a shell, a default stands for what is empty too. */
function lookUp({ name, syntax, fallback }: Variable, options: FillOptions): Value {
  const found = options.find(name);
  if (found !== undefined && (found.text !== '' || found.isOpen === true)) return found;
  if (fallback !== undefined) return { text: fallback };
  if (found !== undefined) return found;
  const written = syntax === 'braces' ? `\${${name}}` : `$(${name})`;
  options.report(`the variable ${written} is found nowhere; ${options.advice(name)}`, name);
  return { text: '', isOpen: true };
}

/**
 * `text` such that Kubernetes makes the same text of it: it reads `$$` as `$`, `$(` as the beginning of a variable, and any other `$` as
 * itself. Source: k8s.io/kubernetes, third_party/forked/golang/expansion.
 *
 * @param isLast - whether nothing follows: then a `$` at the end is itself
 */
export function escaped(text: string, isLast: boolean): string {
  return text.replace(isLast ? /\$(?=[$(])/g : /\$(?=[$(]|$)/g, '$$$$');
}
