// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import { describe, expect, it } from 'vitest';
import type { FunctionObject } from '../api/function.ts';
import type { Task } from '../api/task.ts';
import { problemsOfFunction, problemsOfTaskWith } from './check.ts';
import { functionOf, named, sample, taskOf } from './run.fixture.ts';

const functions = sample<FunctionObject>('17-functions.yaml');
const tasks = sample<Task>('18-tasks.yaml');

describe('problemsOfFunction', () => {
  it.each(functions.map((one) => [one.metadata.name, one] as const))(
    'finds none in the sample %s',
    (_, { spec }) => {
      expect(problemsOfFunction(spec)).toEqual([]);
    },
  );

  it('leaves it to the Task what a variable is, where nothing is declared', () => {
    expect(problemsOfFunction(functionOf('tool', { image: '${a}', args: ['${b}'] }).spec)).toEqual([]);
  });
});

describe('problemsOfTaskWith', () => {
  it.each(tasks.map((task) => [task.metadata.name, task] as const))(
    'finds none in the sample %s',
    (_, task) => {
      expect(problemsOfTaskWith(task, named(functions))).toEqual([]);
    },
  );

  it.each<[string, FunctionObject[], Task, string, string]>([
    [
      'a Function that is not there',
      [],
      taskOf('a', 'tool'),
      'spec.functions[0].name',
      'there is no Function "a"; make it first',
    ],
    [
      'a variable that nobody gives',
      [functionOf('tool', { args: ['${table}'] })],
      taskOf('tool'),
      'spec.functions[0]',
      'Function "tool", spec.args[0]: the variable ${table} is found nowhere',
    ],
    [
      'an input that is not declared',
      [functionOf('tool', { inputs: {} })],
      taskOf({ name: 'tool', inputs: { a: 'b' } }),
      'spec.functions[0].inputs.a',
      'Function tool declares no such input; there are none',
    ],
    [
      'a value that does not fit',
      [functionOf('tool', { inputs: { n: { required: true, schema: { type: 'integer' } } } })],
      taskOf({ name: 'tool', inputs: { n: 'x' } }),
      'spec.functions[0]',
      'Function "tool", spec.inputs.n: "x" is no integer',
    ],
    [
      'an input that stays empty',
      [functionOf('tool', { inputs: { n: { required: true } } })],
      taskOf({ name: 'tool', inputs: { n: '' } }),
      'spec.functions[0]',
      'spec.inputs.n: is required and has no value',
    ],
    [
      'a container that Kubernetes refuses',
      [functionOf('tool', { image: '${image}' })],
      taskOf({ name: 'tool', inputs: { image: 'a b' } }),
      'spec.functions[0]',
      'Function "tool", spec.image: "a b" has white space in it',
    ],
    [
      'a volume that is none',
      [functionOf('tool', { volumeMounts: [{ name: '${v}', mountPath: '/v' }] })],
      taskOf({ name: 'tool', inputs: { v: 'data' } }),
      'spec.functions[0]',
      'Function "tool", spec.volumeMounts[0].name: "data" names no volume',
    ],
  ])('finds %s', (what, known, task, path, message) => {
    const one = what.startsWith('a Function') ? [functionOf('tool')] : known;
    const problems = problemsOfTaskWith(task, named(one));
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]?.message).toContain(message);
  });

  it('takes what only a session knows to be right', () => {
    const tool = functionOf('tool', {
      image: '${image}',
      name: '${table}',
      volumeMounts: [{ name: '${target.name}', mountPath: '${mountPath}' }],
      inputs: { image: { required: true }, table: { required: true, schema: { pattern: '^x$' } } },
    });
    expect(
      problemsOfTaskWith(taskOf({ name: 'tool', inputs: { table: '${table}' } }), named([tool])),
    ).toEqual([]);
  });
});
