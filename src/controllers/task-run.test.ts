import { expect, it } from 'vitest';
import type { TaskProblem } from '../tasks/problem.ts';
import { invalidTask } from './task-run.ts';

const problem = (variable: string): TaskProblem => ({
  subject: 'Function',
  name: 'dump',
  path: 'spec.args[0]',
  message: `there is no variable "${variable}"`,
});

it('tells of all that is wrong with a Task, where that is not much', () => {
  const { reason, message } = invalidTask([problem('a'), problem('b')]);
  expect(reason).toBe('TaskInvalid');
  expect(message).toMatch(/"a".*; .*"b"$/);
});

it('tells no more than a condition has room for', () => {
  const { message } = invalidTask(Array.from({ length: 400 }, () => problem('x'.repeat(4_000))));
  expect(message.length).toBeLessThan(32_768);
  expect(message).toMatch(/; and 384 more$/);
});
