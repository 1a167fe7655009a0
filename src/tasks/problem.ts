import { type Problem, quoted } from '../api/problem.ts';

/** What is wrong with a Task, one of its Functions, or what a session gives them. */
export interface TaskProblem extends Problem {
  /** What has to be changed, and where `path` leads. `Session` is the BackupConfiguration or RestoreSession. */
  subject: 'Function' | 'Task' | 'Session' | 'AppBinding' | 'Repository';
  name: string;
  /** Where of the Task's functions it came up, from 0. */
  step?: number;
  /** The variable that it is about, as it is written there. */
  variable?: string;
}

/** `problems` as those of the Task itself: what is wrong with a Function is told where the Task names it. */
export function problemsOfTask(problems: readonly TaskProblem[]): Problem[] {
  return problems.map(({ subject, name, step, path, message }) => {
    if (subject === 'Task') return { path, message };
    const place = step === undefined ? '' : `spec.functions[${step}]`;
    return { path: place, message: `${subject} ${quoted(name)}, ${path}: ${message}` };
  });
}

/** One problem as a sentence that names the place, for a condition, an Event or the command line. */
export function describeTaskProblem({ subject, name, path, message }: TaskProblem): string {
  return `${subject} ${quoted(name)}, ${path}: ${message}`;
}
