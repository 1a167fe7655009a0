import type { FunctionObject } from '../api/function.ts';
import type { TaskStep } from '../api/task.ts';
import { declaredInputs, problemsOfDeclarations, problemsOfNames } from './declared.ts';
import { type FilledFunction, fillFields } from './fields.ts';
import { fill } from './fill.ts';
import { faultsOfInput } from './inputs.ts';
import { kebab } from './names.ts';
import type { TaskProblem } from './problem.ts';
import type { Value, Values } from './values.ts';

export interface StepOptions {
  /** What the session provides. */
  provided: Values;
  /** Environment variables that every step has. */
  environment: readonly string[];
  /** Is told which of what is provided was asked for, in kebab case. */
  onUse(name: string): void;
}

export interface FilledStep extends FilledFunction {
  problems: TaskProblem[];
}

/**
 * The Function of a step with its variables filled in: from the inputs that its Task gives it, then from what the session provides,
 * then from its own defaults.
 *
 * @param index - of the step in its Task
 */
export function fillStep(
  taskName: string,
  step: TaskStep,
  index: number,
  { metadata, spec }: FunctionObject,
  { provided, environment, onUse }: StepOptions,
): FilledStep {
  const problems: TaskProblem[] = [];
  const ofFunction = { subject: 'Function', name: metadata.name, step: index } as const;
  const ofTask = { subject: 'Task', name: taskName, step: index } as const;
  const take = (name: string): Value | undefined => {
    onUse(kebab(name));
    return provided.get(kebab(name));
  };

  const given = new Map<string, Value>();
  const declared = declaredInputs(spec);
  const path = `spec.functions[${index}].inputs`;
  const unclear = problemsOfNames(Object.keys(step.inputs ?? {}), path);
  problems.push(...unclear.map((problem) => ({ ...ofTask, ...problem })));
  for (const [name, text] of Object.entries(step.inputs ?? {})) {
    const value = fill(text, {
      find: take,
      isExpanded: false,
      environment: new Set(),
      report: (message, variable) =>
        problems.push({
          ...ofTask,
          path: `${path}.${name}`,
          message,
          ...(variable !== undefined && { variable }),
        }),
      advice: () =>
        'a session provides no such name, and no Function of the Task declares it; correct it, or write a default',
    });
    given.set(kebab(name), value);
    if (declared !== undefined && !declared.has(kebab(name))) {
      const message = `Function ${metadata.name} declares no such input; there are ${Object.keys(spec.inputs ?? {}).join(', ') || 'none'}`;
      problems.push({ ...ofTask, path: `${path}.${name}`, variable: name, message });
    }
  }

  const find = (name: string): Value | undefined => {
    const found = given.get(kebab(name)) ?? take(name);
    const fallback = declared?.get(kebab(name))?.default;
    if (found !== undefined && (found.text !== '' || found.isOpen === true)) return found;
    if (fallback !== undefined) return { text: fallback };
    return found ?? (declared?.has(kebab(name)) === true ? { text: '' } : undefined);
  };
  // Values are held against declarations that can be read.
  const wrong = problemsOfDeclarations(spec);
  const wanting = wrong.length > 0 ? wrong : problemsOfValues(spec, find);
  problems.push(...wanting.map((problem) => ({ ...ofFunction, ...problem })));

  const filled = fillFields(spec, {
    find,
    environment,
    report: (at, message, variable) =>
      problems.push({ ...ofFunction, path: at, message, ...(variable !== undefined && { variable }) }),
    advice:
      declared === undefined
        ? 'give it in the inputs of the Task, or write a default'
        : 'declare it in spec.inputs, or write a default',
  });
  return { ...filled, problems };
}

function problemsOfValues(
  { inputs = {} }: FunctionObject['spec'],
  find: (name: string) => Value | undefined,
) {
  return Object.entries(inputs).flatMap(([name, { required, schema }]) => {
    const path = `spec.inputs.${name}`;
    const value = find(name);
    if (value?.isOpen === true) return [];
    if (value === undefined || value.text === '') {
      const message =
        'is required and has no value; give it one in the inputs of the Task, or in task.inputs';
      return required ? [{ path, variable: name, message }] : [];
    }
    if (schema === undefined) return [];
    return faultsOfInput(value.text, schema).map((message) => ({ path, variable: name, message }));
  });
}
