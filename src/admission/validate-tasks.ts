import type { FunctionObject } from '../api/function.ts';
import { FUNCTION, type Kind, TASK } from '../api/kinds.ts';
import { canonicalJSON } from '../api/names.ts';
import type { Problem } from '../api/problem.ts';
import type { Task } from '../api/task.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { problemsOf } from '../rules/object.ts';
import { problemsOfTaskWith } from '../tasks/check.ts';
import { findNamed } from '../tasks/names.ts';
import { recordOf } from './record.ts';
import { verdictOf } from './refusal.ts';
import type { AdmissionRequest } from './review.ts';
import { ALLOWED, type SlowHandler } from './verdict.ts';

export interface TaskOptions {
  /** The Function of exactly this name, as the caches have it. */
  functionNamed(name: string): FunctionObject | undefined;
  /** All Tasks, as the caches have them. */
  tasks(): Iterable<Task>;
  clock?: Clock;
}

/** How long a Function is waited for, in milliseconds: it may have been admitted just now, by another replica. */
const PATIENCE = 2_000;
const POLL = 50;

/**
 * Refuses a Function that no pod can be made from, and a Task that no session could run, all that is wrong with it at once. What a
 * changed Function breaks in a Task is a warning, since the Task may be the next to change. It asks no API server.
 */
export function validateTasks(options: TaskOptions): SlowHandler {
  return async (request) => {
    const { object, oldObject } = request;
    if (object === undefined || request.subResource !== '') return ALLOWED;
    if (recordOf(object.metadata).deletionTimestamp !== undefined) return ALLOWED;
    if (oldObject !== undefined && canonicalJSON(object.spec) === canonicalJSON(oldObject.spec))
      return ALLOWED;
    const kind = [FUNCTION, TASK].find((one) => one.kind === request.kind.kind);
    if (kind === undefined) return ALLOWED;
    const own = problemsOf(kind, object, oldObject);
    if (own.problems.length > 0) return verdictOf(request, kind, own);
    const found = await findingsOf(kind, request, object, options);
    return verdictOf(request, kind, {
      problems: found.problems,
      warnings: [...own.warnings, ...found.warnings],
    });
  };
}

async function findingsOf(
  kind: Kind,
  { name }: AdmissionRequest,
  object: Record<string, unknown>,
  options: TaskOptions,
): Promise<{ problems: Problem[]; warnings: Problem[] }> {
  const named = { ...object, metadata: { ...recordOf(object.metadata), name } };
  if (kind === FUNCTION) {
    return { problems: [], warnings: brokenTasks(named as unknown as FunctionObject, options) };
  }
  const task = named as unknown as Task;
  await allFound(task, options);
  return { problems: problemsOfTaskWith(task, options.functionNamed), warnings: [] };
}

async function allFound({ spec }: Task, { functionNamed, clock = systemClock }: TaskOptions): Promise<void> {
  const until = clock.now() + PATIENCE;
  const isMissing = () => spec.functions.some(({ name }) => findNamed(name, functionNamed) === undefined);
  while (isMissing() && clock.now() < until) await sleep(clock, POLL);
}

/** The Tasks that `changed` keeps from running, and that ran before. */
function brokenTasks(changed: FunctionObject, { functionNamed, tasks }: TaskOptions): Problem[] {
  const { name } = changed.metadata;
  const named = (other: string) => (other === name ? changed : functionNamed(other));
  return [...tasks()]
    .filter(({ spec }) => spec.functions.some((step) => findNamed(step.name, named)?.metadata.name === name))
    .filter((task) => problemsOfTaskWith(task, functionNamed).length === 0)
    .flatMap((task) =>
      problemsOfTaskWith(task, named)
        .slice(0, 1)
        .map(({ path, message }) => ({
          path: '',
          message: `Task ${task.metadata.name} cannot run with it: ${path}: ${message}`,
        })),
    );
}
