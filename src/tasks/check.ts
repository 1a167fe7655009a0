import { POD_FIELDS } from '../api/agent-pod.ts';
import type { FunctionObject, FunctionSpec } from '../api/function.ts';
import { type Problem, quoted } from '../api/problem.ts';
import type { Task } from '../api/task.ts';
import { problemsOfContainer } from './accept.ts';
import { type AskedSpec, askedBy } from './asked.ts';
import { problemsOfDeclarations } from './declared.ts';
import { ALWAYS_SET } from './environment.ts';
import { fillFields } from './fields.ts';
import { findNamed, kebab } from './names.ts';
import { problemsOfTask, type TaskProblem } from './problem.ts';
import { expectedBy, isReserved, openValues } from './provided.ts';
import { problemsOfOwnVariables, resolveSteps, resolveWith } from './resolve.ts';
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
    environment: [...ALWAYS_SET, ...POD_FIELDS.keys()],
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

/** Of a BackupConfiguration or a RestoreSession, what its sessions are made from. */
export interface Asking {
  session: 'BackupSession' | 'RestoreSession';
  namespace: string;
  spec: AskedSpec & { task: { name: string; inputs?: Record<string, string> } };
}

/**
 * What would keep any session of `asking` from running `task`, by what it gives that and by what it is about. What is wrong with the
 * Task whoever asks is a warning, since it is another's to mend.
 */
export function problemsOfAsking(
  { session, namespace, spec }: Asking,
  task: Task,
  functionNamed: TaskRun['functionNamed'],
): { problems: Problem[]; warnings: Problem[] } {
  const { inputs = {}, name } = spec.task;
  const { target: _, ...rest } = specimen(task, functionNamed);
  const run: TaskRun = {
    ...rest,
    session: { kind: session, name: 'session', namespace },
    ...askedBy(spec),
  };
  const standing = problemsOfTaskWith(task, functionNamed);
  const isStanding = (problem: TaskProblem) =>
    problemsOfTask([problem]).every((one) => standing.some((each) => isEqual(each, one)));
  const found = resolveWith(run, expectedBy(run)).problems;
  const own = found.filter((problem) => !isStanding(problem));
  // What a Function takes is not known where it is not there.
  const isWhole = task.spec.functions.every((step) => findNamed(step.name, functionNamed) !== undefined);
  return {
    problems: isWhole ? withoutTwins(own.map((problem) => ofAsking(problem, inputs, task))) : [],
    warnings: standing.map(({ path, message }) => ({
      path: 'spec.task.name',
      message: `${quoted(name)}: the Task cannot run as it stands: ${path}: ${message}`,
    })),
  };
}

/** `problem` where the one who asks can mend it: at the input, where it is about one. */
function ofAsking(problem: TaskProblem, inputs: Record<string, string>, task: Task): Problem {
  const { subject, path, variable = '', message, name, step = 0 } = problem;
  if (subject === 'Session') return { path, message };
  const place = `${subject} ${quoted(name)}`;
  const ofStep = Object.keys(task.spec.functions[step]?.inputs ?? {}).map(kebab);
  if (variable === '' || isReserved(variable) || ofStep.includes(kebab(variable))) {
    return { path: 'spec.task', message: `${place}, ${path}: ${message}` };
  }
  const written = Object.keys(inputs).find((one) => kebab(one) === kebab(variable)) ?? variable;
  return { path: `spec.task.inputs.${written}`, message: `${message} (${place}, ${path})` };
}

/** Functions of one Task may want the same thing of one input. */
function withoutTwins(problems: Problem[]): Problem[] {
  return problems.filter((one, index) => problems.findIndex((other) => isEqual(one, other)) === index);
}

const isEqual = (a: Problem, b: Problem) => a.path === b.path && a.message === b.message;

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
