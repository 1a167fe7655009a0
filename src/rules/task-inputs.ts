import type { Problem } from '../api/problem.ts';
import type { TaskSpec } from '../api/task.ts';
import { faultOfSettable } from '../tasks/provided.ts';
import { parseTemplate } from '../tasks/template.ts';

interface WithTask {
  task?: { inputs?: Record<string, string> };
}

/** What a session gives its Task under a name that is always provided has one form, whatever Functions there are. */
export function inputsAreOfTheirForm({ task }: WithTask): Problem[] {
  return faultsOf(task?.inputs, 'spec.task.inputs');
}

/** The same of what a Task gives its Functions, as far as it is written out there. */
export function stepInputsAreOfTheirForm({ functions }: TaskSpec): Problem[] {
  return functions.flatMap(({ inputs = {} }, index) => {
    const written = Object.entries(inputs).flatMap(([name, template]) => {
      const { parts } = parseTemplate(template);
      return parts.every((part) => typeof part === 'string') ? [[name, parts.join('')]] : [];
    });
    return faultsOf(Object.fromEntries(written), `spec.functions[${index}].inputs`);
  });
}

function faultsOf(inputs: Record<string, string> = {}, path: string): Problem[] {
  return Object.entries(inputs).flatMap(([name, text]) => {
    const fault = faultOfSettable(name, text);
    return fault === undefined ? [] : [{ path: `${path}.${name}`, message: fault }];
  });
}
