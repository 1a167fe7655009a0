import type { FunctionObject, FunctionSpec } from '../api/function.ts';
import type { Problem } from '../api/problem.ts';
import type { Task } from '../api/task.ts';
import { problemsOfContainer } from './accept.ts';
import { problemsOfDeclarations } from './declared.ts';
import { ALWAYS_SET } from './environment.ts';
import { fillFields } from './fields.ts';
import { findNamed, kebab } from './names.ts';
import { problemsOfTask } from './problem.ts';
import { openValues } from './provided.ts';
import { problemsOfOwnVariables, resolveSteps } from './resolve.ts';
import type { TaskRun } from './run.ts';
import type { Value } from './values.ts';

/** Of a Repository nothing is known before there is a session, but which variables every step has. */
const STORAGE = { variables: { RESTIC_REPOSITORY: '' }, secretVariables: {}, secretFiles: {} };

/**
 * What is wrong with a Function by itself. A variable may come from its Task, so that one is found nowhere only where the Function
 * declares its inputs and this is none of them.
 */
export function problemsOfFunction(spec: FunctionSpec): Problem[] {
  const problems: Problem[] = problemsOfDeclarations(spec);
  const known = openValues(Object.keys(spec.inputs ?? {}));
  const isDeclared = spec.inputs !== undefined;
  const open = (name: string): Value => ({ text: kebab(name), isOpen: true });
  const filled = fillFields(spec, {
    find: (name) => known.get(kebab(name)) ?? (isDeclared ? undefined : open(name)),
    environment: ALWAYS_SET,
    report: (path, message) => problems.push({ path, message }),
    advice: 'declare it in spec.inputs, or write a default',
  });
  const told = new Set([...filled.open, ...problems.map(({ path }) => path)]);
  const wrong = [
    ...problemsOfContainer(filled.spec),
    ...problemsOfOwnVariables(filled.spec.runtimeSettings?.env, ALWAYS_SET, 'spec.runtimeSettings'),
  ];
  return [...problems, ...wrong.filter(({ path }) => !told.has(path))];
}

/**
 * What would keep any session from running `task`: a Function that is not there, a variable that nobody gives, a pod that Kubernetes
 * refuses. What only a session knows is taken to be right.
 */
export function problemsOfTaskWith(
  task: Task,
  functionNamed: (name: string) => FunctionObject | undefined,
): Problem[] {
  const declared = task.spec.functions.flatMap(({ name }) =>
    Object.keys(findNamed(name, functionNamed)?.spec.inputs ?? {}),
  );
  const problems: Parameters<typeof resolveSteps>[3] = [];
  resolveSteps(specimen(task, functionNamed), openValues(declared), new Set(), problems);
  return problemsOfTask(problems);
}

/** A session such as there will be. */
function specimen(task: Task, functionNamed: TaskRun['functionNamed']): TaskRun {
  const meta = { name: 'session', namespace: 'namespace' };
  return {
    session: { kind: 'BackupSession', ...meta },
    task,
    functionNamed,
    target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'target' } },
    repository: {
      apiVersion: 'stash.appscode.com/v1alpha2',
      kind: 'Repository',
      metadata: { name: 'repository' },
      spec: {
        backend: {
          local: { persistentVolumeClaim: { claimName: 'repository' } },
          storageSecretName: 'secret',
        },
      },
    },
    storage: STORAGE,
    hostname: 'host-0',
  };
}
