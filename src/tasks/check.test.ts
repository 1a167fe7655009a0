// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import { describe, expect, it } from 'vitest';
import type { FunctionObject } from '../api/function.ts';
import type { Task } from '../api/task.ts';
import { type Asking, problemsOfAsking, problemsOfFunction, problemsOfTaskWith } from './check.ts';
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
    [
      'a step that reports before the last one ran',
      [functionOf('post', { args: ['agent', 'post-backup-update'] }), functionOf('tool')],
      taskOf('post', 'tool'),
      'spec.functions[0].name',
      'post reports the end of the session',
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

describe('problemsOfAsking', () => {
  const dump = functionOf('dump', {
    args: ['--jobs=${jobs}', '--table=${table}', '--host=${host}'],
    inputs: {
      jobs: { required: false, schema: { type: 'integer', maximum: 8 } },
      table: { required: true, schema: { pattern: '^[a-z]+$' } },
      host: { required: true },
    },
  });
  const binding = { ref: { apiVersion: 'appcatalog.appscode.com/v1alpha1', kind: 'AppBinding', name: 'db' } };
  const asking = (
    inputs: Record<string, string> = {},
    spec: object = { target: binding },
    session: Asking['session'] = 'BackupSession',
  ): Asking => ({ session, namespace: 'demo', spec: { task: { name: 'dump', inputs }, ...spec } });

  it('is content with inputs that fit, whatever the Repository, the AppBinding and the installation will say', () => {
    const { problems, warnings } = problemsOfAsking(
      asking({ jobs: '4', table: 'orders' }),
      taskOf('dump'),
      named([dump]),
    );
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
  });

  it.each([
    ...['databaseSecret', 'host', 'port', 'databaseScheme', 'databaseQuery'],
    ...['caBundle', 'insecureSkipTLSVerify'],
  ])('leaves %s to the AppBinding, whatever a Function asks of it', (name) => {
    const inputs = { [name]: { required: true, schema: { pattern: '^[a-z]+$' } } };
    const tool = functionOf('dump', { args: [`\${${name}}`], inputs });
    const check = (target: object) =>
      problemsOfAsking(asking({}, target), taskOf('dump'), named([tool])).problems;
    expect(check({ target: binding })).toEqual([]);
    expect(check({})).toMatchObject([{ path: 'spec.task' }]);
  });

  it('finds every problem at once, each at its input', () => {
    const inputs = { Jobs: '99', tables: 'a', secretName: 'root', database: 'x' };
    expect(problemsOfAsking(asking(inputs), taskOf('dump'), named([dump])).problems).toEqual([
      { path: 'spec.task.inputs.secretName', message: 'is given by the session alone; take it out' },
      {
        path: 'spec.task.inputs.Jobs',
        message: '"99" is more than 8 (Function "dump", spec.inputs.jobs)',
      },
      {
        path: 'spec.task.inputs.table',
        message:
          'is required and has no value; give it one in the inputs of the Task, or in task.inputs (Function "dump", spec.inputs.table)',
      },
      {
        path: 'spec.task.inputs.tables',
        message: 'no Function of the Task work takes it; correct the name, or take it out',
      },
      {
        path: 'spec.task.inputs.database',
        message: 'no Function of the Task work takes it; correct the name, or take it out',
      },
    ]);
  });

  it('lets no configuration send what a Function has elsewhere', () => {
    const env = [{ name: 'DB_HOST', value: '${host}' }];
    const tool = functionOf('dump', { runtimeSettings: { env } });
    const settings = (name: string) => ({
      target: binding,
      runtimeSettings: { container: { env: [{ name, value: 'elsewhere.example' }] } },
    });
    const check = (name: string) =>
      problemsOfAsking(asking({}, settings(name)), taskOf('dump', 'dump'), named([tool])).problems;
    expect(check('DB_HOST')).toMatchObject([
      {
        path: 'spec.runtimeSettings.container.env[0].name',
        message: expect.stringContaining('DB_HOST is set by the Function dump itself'),
      },
    ]);
    expect(check('HTTPS_PROXY')).toEqual([]);
  });

  it('leaves a pattern no way to stall, and tells a value that does not match', () => {
    const slow = functionOf('dump', {
      inputs: { table: { required: false, schema: { pattern: '^(a+)+$' } } },
    });
    const { problems } = problemsOfAsking(
      asking({ table: `${'a'.repeat(8000)}!` }),
      taskOf('dump'),
      named([slow]),
    );
    expect(problems.map(({ path }) => path)).toEqual(['spec.task.inputs.table']);
  });

  it('tells a Task from another that cannot have what it is about', () => {
    const mounting = functionOf('dump', { volumeMounts: [{ name: '${target.name}', mountPath: '/data' }] });
    const { problems } = problemsOfAsking(asking(), taskOf('dump'), named([mounting]));
    expect(problems).toMatchObject([
      {
        path: 'spec.task',
        message: expect.stringContaining('Function "dump", spec.volumeMounts[0].name: "db" names no volume'),
      },
    ]);
    const claim = { target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'db' } } };
    expect(problemsOfAsking(asking({}, claim), taskOf('dump'), named([mounting])).problems).toEqual([]);
  });

  it('tells that a host is needed where the cluster has none', () => {
    const { problems } = problemsOfAsking(asking({ table: 'a' }, {}), taskOf('dump'), named([dump]));
    expect(problems).toMatchObject([
      {
        path: 'spec.task',
        message: expect.stringContaining('Function "dump", spec.inputs.host: is required'),
      },
    ]);
  });

  it('tells at the task what a value breaks that the Task passes on under another name', () => {
    const task = taskOf({ name: 'dump', inputs: { table: '${database}' } });
    const { problems } = problemsOfAsking(asking({ database: 'A B' }), task, named([dump]));
    expect(problems).toEqual([
      {
        path: 'spec.task',
        message: 'Function "dump", spec.inputs.table: "A B" does not match ^[a-z]+$',
      },
    ]);
  });

  it('warns of what is wrong with the Task whoever asks, and does not refuse over it', () => {
    const task = taskOf('dump', 'gone');
    expect(problemsOfAsking(asking({ any: 'thing' }), task, named([dump]))).toEqual({
      problems: [],
      warnings: [
        {
          path: 'spec.task.name',
          message:
            '"dump": the Task cannot run as it stands: spec.functions[1].name: there is no Function "gone"; make it first, or correct the name',
        },
      ],
    });
  });

  it('knows that a restore has another name than a backup', () => {
    const post = functionOf('dump', {
      args: ['${name}'],
      inputs: { recoveryConfigurationName: { required: true } },
    });
    const check = (session: Asking['session']) =>
      problemsOfAsking(asking({}, { target: binding }, session), taskOf('dump'), named([post])).problems;
    expect(check('RestoreSession')).toEqual([]);
    expect(check('BackupSession')).toMatchObject([{ path: 'spec.task' }]);
  });
});
