import { POD_FIELDS } from '../api/agent-pod.ts';
import type { FunctionSpec } from '../api/function.ts';
import { problemsOfContainer, problemsOfSettings } from './accept.ts';
import { problemsOfNames } from './declared.ts';
import { repositoryVariables } from './environment.ts';
import { findNamed, kebab } from './names.ts';
import { containerName, type PodTemplate, podOf, type ReadyStep } from './pod.ts';
import type { TaskProblem } from './problem.ts';
import { isReserved, providedBy } from './provided.ts';
import type { TaskRun } from './run.ts';
import { type FilledStep, fillStep } from './step.ts';
import type { Values } from './values.ts';
import { mountsOf, volumesOf } from './volumes.ts';

const LAST_STEPS = ['post-backup-update', 'post-recovery-update'];

/** The pod that a session runs, or all that keeps it from being made. */
export type Resolution = { pod: PodTemplate; problems: [] } | { pod: undefined; problems: TaskProblem[] };

/** The pod of `run`: the same for the same run, and from nothing else. */
export function resolve(run: TaskRun): Resolution {
  const { steps, problems } = resolveWith(run, providedBy(run));
  if (problems.length > 0) return { pod: undefined, problems };
  return { pod: podOf(run, steps, repositoryVariables(run), volumesOf(run)), problems: [] };
}

/** The steps of `run` where its session provides what `provided` says, and all that is wrong with them and with what it is given. */
export function resolveWith(run: TaskRun, provided: Values): { steps: ReadyStep[]; problems: TaskProblem[] } {
  const problems: TaskProblem[] = [...problemsOfRun(run)];
  const used = new Set<string>();
  const steps = resolveSteps(run, provided, used, problems);
  problems.push(...problemsOfUnused(run, used));
  return { steps, problems };
}

/** Each step with its variables filled in; what is wrong goes to `problems`, and what is asked for to `used`. */
export function resolveSteps(
  run: TaskRun,
  provided: Values,
  used: Set<string>,
  problems: TaskProblem[],
): ReadyStep[] {
  const environment = repositoryVariables(run).map(({ name }) => name);
  const expanded = [...environment, ...POD_FIELDS.keys()];
  const { metadata, spec } = run.task;
  return spec.functions.flatMap((step, index) => {
    const found = findNamed(step.name, run.functionNamed);
    if (found === undefined) {
      problems.push(missingFunction(metadata.name, step.name, index));
      return [];
    }
    for (const name of Object.keys(found.spec.inputs ?? {})) used.add(kebab(name));
    const onUse = (name: string) => used.add(name);
    const filled = fillStep(metadata.name, step, index, found, { provided, environment: expanded, onUse });
    const { volumeMounts, problems: unmounted } = mountsOf(
      run,
      filled.spec.volumeMounts ?? [],
      filled.mounts,
      filled.open,
    );
    const told = new Set([...filled.open, ...filled.problems.map(({ path }) => path)]);
    const wrong = [
      ...problemsOfContainer(filled.spec),
      ...unmounted,
      ...problemsOfOwnVariables(filled.spec.runtimeSettings?.env, environment, 'spec.runtimeSettings'),
    ].filter(({ path }) => !told.has(path));
    problems.push(
      ...filled.problems,
      ...wrong.map((problem) => ({
        subject: 'Function' as const,
        name: found.metadata.name,
        step: index,
        ...problem,
      })),
    );
    problems.push(...problemsOfReplaced(run, found.metadata.name, filled));
    if (index < spec.functions.length - 1 && isLastStep(filled.spec))
      problems.push(reportsTooEarly(metadata.name, found.metadata.name, index));
    const name = filled.spec.name ?? containerName(found.metadata.name);
    return [{ name, spec: filled.spec, volumeMounts }];
  });
}

function missingFunction(task: string, name: string, index: number): TaskProblem {
  const kebabName = kebab(name);
  const tried = kebabName === name ? `"${name}"` : `"${name}", nor "${kebabName}"`;
  return {
    subject: 'Task',
    name: task,
    step: index,
    path: `spec.functions[${index}].name`,
    message: `there is no Function ${tried}; make it first, or correct the name`,
  };
}

/** Whether it is the step that reports: `stash agent post-backup-update`, or without `agent`, as older Functions call it. */
function isLastStep({ command = [], args = [] }: FunctionSpec): boolean {
  return [...command, ...args].some((word) => LAST_STEPS.includes(word));
}

function reportsTooEarly(task: string, name: string, index: number): TaskProblem {
  return {
    subject: 'Task',
    name: task,
    step: index,
    path: `spec.functions[${index}].name`,
    message: `${name} reports the end of the session, so that a failure of a later step would be told to nobody; make it the last function`,
  };
}

/** What the session itself brings that it may not. */
function problemsOfRun(run: TaskRun): TaskProblem[] {
  const { session, inputs = {}, runtimeSettings } = run;
  const subject = { subject: 'Session' as const, name: session.name };
  const reserved = Object.keys(inputs)
    .filter(isReserved)
    .map((name) => ({
      ...subject,
      path: `spec.task.inputs.${name}`,
      variable: name,
      message: 'is given by the session alone; take it out',
    }));
  const unclear = problemsOfNames(Object.keys(inputs), 'spec.task.inputs');
  const path = 'spec.runtimeSettings.container';
  const container = runtimeSettings?.container ?? {};
  const own = repositoryVariables(run).map(({ name }) => name);
  const settings = [
    ...problemsOfSettings(container, path),
    ...problemsOfOwnVariables(container.env, own, path),
  ];
  return [...reserved, ...[...unclear, ...settings].map((problem) => ({ ...subject, ...problem }))];
}

/** Another PGHOST would send the password that the Function has beside it to whoever the configuration names. */
function problemsOfReplaced(
  { session, runtimeSettings }: TaskRun,
  functionName: string,
  { spec, open }: Pick<FilledStep, 'spec' | 'open'>,
): TaskProblem[] {
  const set = (spec.runtimeSettings?.env ?? [])
    .filter((_, index) => !open.has(`spec.runtimeSettings.env[${index}].name`))
    .map(({ name }) => name);
  return (runtimeSettings?.container?.env ?? []).flatMap(({ name }, index) =>
    set.includes(name)
      ? [
          {
            subject: 'Session',
            name: session.name,
            path: `spec.runtimeSettings.container.env[${index}].name`,
            message: `${name} is set by the Function ${functionName} itself; take it out, or give another value by an input of the Task, where it has one`,
          },
        ]
      : [],
  );
}

/** What a user gives and nothing takes is a misspelt name. */
function problemsOfUnused({ session, inputs = {}, task }: TaskRun, used: ReadonlySet<string>): TaskProblem[] {
  const database = ['database', 'databases'];
  const isUsed = (name: string) =>
    used.has(name) || (database.includes(name) && database.some((one) => used.has(one)));
  return Object.keys(inputs)
    .filter((name) => !isReserved(name) && !isUsed(kebab(name)))
    .map((name) => ({
      subject: 'Session',
      name: session.name,
      path: `spec.task.inputs.${name}`,
      variable: name,
      message: `no Function of the Task ${task.metadata.name} takes it; correct the name, or take it out`,
    }));
}

/** Another RESTIC_REPOSITORY would turn a backup elsewhere, and be reported as good. */
export function problemsOfOwnVariables(
  env: { name: string }[] = [],
  own: readonly string[],
  path: string,
): { path: string; message: string }[] {
  return env.flatMap(({ name }, index) =>
    own.includes(name)
      ? [
          {
            path: `${path}.env[${index}].name`,
            message: `${name} is set by Stash, from the Repository; take it out`,
          },
        ]
      : [],
  );
}
