// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FunctionObject, FunctionSpec } from '../api/function.ts';
import type { Task } from '../api/task.ts';
import { expandedByKubernetes } from './kubernetes-expansion.fixture.ts';
import type { PodSpec } from './pod.ts';
import { PROVIDED } from './provided.ts';
import { resolve } from './resolve.ts';
import { claim, functionOf, runOf, sample, taskOf } from './run.fixture.ts';
import type { TaskRun } from './run.ts';

const functions = sample<FunctionObject>('17-functions.yaml');
const tasks = sample<Task>('18-tasks.yaml');
const cluster: Partial<TaskRun> = {};

function podOf(run: TaskRun): PodSpec {
  const { pod, problems } = resolve(run);
  expect(problems).toEqual([]);
  if (pod === undefined) throw new Error('no pod');
  return pod.spec;
}

/** The pod of one Function alone. */
const alone = (
  spec: Partial<FunctionSpec>,
  difference: Partial<TaskRun> = {},
  inputs?: Record<string, string>,
) =>
  runOf(
    [functionOf('tool', spec)],
    taskOf({ name: 'tool', ...(inputs !== undefined && { inputs }) }),
    difference,
  );

const argsOf = (run: TaskRun) => podOf(run).containers[0].args?.map((text) => expandedByKubernetes(text));

describe('resolve', () => {
  it.each(tasks.map((task) => [task.metadata.name, task] as const))(
    'makes a pod of the sample %s as it is',
    (_, task) => {
      const pod = podOf(
        runOf(functions, task, task.metadata.name === 'cluster-backup' ? withoutTarget() : cluster),
      );
      const { initContainers = [], containers } = pod;
      expect([...initContainers, ...containers]).toHaveLength(task.spec.functions.length);
      expect(JSON.stringify(pod)).not.toMatch(/\$[{(]/);
    },
  );

  it('runs all Functions but the last as init containers, in order', () => {
    const pod = podOf(runOf(functions, tasks[0] as Task, { inputs: { database: 'shop' } }));
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['postgres-tool']);
    expect(pod.containers.map(({ name }) => name)).toEqual(['stash-post-backup']);
    expect(pod.initContainers?.[0]?.args).toEqual([
      'backup',
      '--database=shop',
      '--provider=local',
      '--hostname=host-0',
      '--path=shop',
      '--output-dir=/tmp/restic',
      '--retention-policy.policy=keep-last-5',
      '--retention-policy.value=keepLast=5',
      '--metrics.enabled=',
      '--metrics.pushgateway-url=',
      '--metrics.labels="workload-kind=AppBinding,workload-name=quick-postgres"',
    ]);
    expect(pod.initContainers?.[0]?.env).toContainEqual({
      name: 'DB_HOST',
      value: 'quick-postgres.demo.svc',
    });
    expect(pod.initContainers?.[0]?.env).toContainEqual({
      name: 'PGPASSWORD',
      valueFrom: { secretKeyRef: { name: 'quick-postgres-auth', key: 'POSTGRES_PASSWORD' } },
    });
  });

  it('gives every step the repository, the temporary volume and no volume twice', () => {
    const pod = podOf(runOf(functions, tasks[0] as Task));
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container.env).toContainEqual({ name: 'RESTIC_REPOSITORY', value: '/backup/shop' });
      expect(container.volumeMounts).toContainEqual({ name: 'stash-repository', mountPath: '/backup' });
      expect(container.volumeMounts.filter(({ name }) => name === 'stash-tmp')).toEqual([
        { name: 'stash-tmp', mountPath: '/tmp/restic' },
      ]);
    }
    expect(pod.volumes).toEqual([
      { name: 'stash-tmp', emptyDir: {} },
      { name: 'stash-storage', secret: { secretName: 'storage-secret', optional: true, defaultMode: 0o444 } },
      { name: 'stash-repository', persistentVolumeClaim: { claimName: 'backups' } },
    ]);
  });

  it('takes credentials from the Secret by name, and brings none itself', () => {
    const storage = {
      variables: { RESTIC_REPOSITORY: 's3:https://s3.example.com/$(shop)' },
      secretVariables: { AWS_SECRET_ACCESS_KEY: 'AWS_SECRET_ACCESS_KEY' },
      secretFiles: { GOOGLE_APPLICATION_CREDENTIALS: 'GOOGLE_SERVICE_ACCOUNT_JSON_KEY' },
    };
    expect(podOf(alone({}, { storage })).containers[0].env).toEqual([
      { name: 'RESTIC_REPOSITORY', value: 's3:https://s3.example.com/$$(shop)' },
      {
        name: 'GOOGLE_APPLICATION_CREDENTIALS',
        value: '/stash/secrets/stash-backup-repo/GOOGLE_SERVICE_ACCOUNT_JSON_KEY',
      },
      { name: 'RESTIC_PASSWORD_FILE', value: '/stash/secrets/stash-backup-repo/RESTIC_PASSWORD' },
      { name: 'RESTIC_CACHE_DIR', value: '/tmp/restic/cache' },
      { name: 'TMPDIR', value: '/tmp/restic' },
      {
        name: 'AWS_SECRET_ACCESS_KEY',
        valueFrom: {
          secretKeyRef: { name: 'storage-secret', key: 'AWS_SECRET_ACCESS_KEY', optional: true },
        },
      },
    ]);
  });

  it('mounts the claim that is the target, read-only for a backup', () => {
    const spec = { volumeMounts: [{ name: '${target.name}', mountPath: '${mountPath:=/data}' }] };
    const mounts = (run: TaskRun) => podOf(run).containers[0].volumeMounts[0];
    expect(mounts(alone(spec, claim))).toEqual({
      name: 'stash-target',
      mountPath: '/source/data',
      readOnly: true,
    });
    const session = { kind: 'RestoreSession', name: 'back', namespace: 'demo' } as const;
    expect(mounts(alone(spec, { ...claim, session }))).toEqual({
      name: 'stash-target',
      mountPath: '/source/data',
    });
  });

  it('tells a claim from a Secret of the same name by the variable', () => {
    const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-secret' } };
    const spec = {
      volumeMounts: [
        { name: '${target.name}', mountPath: '/claim' },
        { name: '${secretName}', mountPath: '/secret' },
      ],
    };
    expect(
      podOf(alone(spec, { target }))
        .containers[0].volumeMounts.slice(0, 2)
        .map(({ name }) => name),
    ).toEqual(['stash-target', 'stash-storage']);
  });

  it('mounts one volume where the repository is on the claim that is the target', () => {
    const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'backups' } };
    const { volumes } = podOf(alone({}, { target }));
    expect(volumes.filter((volume) => 'persistentVolumeClaim' in volume)).toHaveLength(1);
  });

  it('meets the restricted Pod Security Standard, unless the Function says otherwise', () => {
    const { securityContext, containers } = podOf(alone({}));
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    const root = { securityContext: { runAsUser: 0, capabilities: { add: ['CHOWN'] } } };
    expect(podOf(alone({ runtimeSettings: root })).containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      runAsUser: 0,
      runAsNonRoot: false,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
    });
  });

  it("puts the settings of the configuration over those of the Function, and its variables beside the Function's", () => {
    const run = alone(
      {
        runtimeSettings: {
          env: [
            { name: 'A', value: 'function' },
            { name: 'B', value: '$(A)' },
          ],
          resources: { requests: { cpu: '1', memory: '1Gi' } },
        },
      },
      {
        runtimeSettings: {
          container: {
            env: [{ name: 'C', value: '$(configuration)' }],
            resources: { requests: { cpu: '2' } },
            securityContext: { runAsUser: 1000 },
          },
          pod: { imagePullSecrets: [{ name: 'pull' }] },
        },
      },
    );
    const { containers, imagePullSecrets } = podOf(run);
    expect(containers[0].env.slice(-3)).toEqual([
      { name: 'A', value: 'function' },
      { name: 'B', value: '$(A)' },
      { name: 'C', value: '$$(configuration)' },
    ]);
    expect(containers[0].resources).toEqual({ requests: { cpu: '2', memory: '1Gi' } });
    expect(containers[0].securityContext).toMatchObject({ runAsUser: 1000 });
    expect(imagePullSecrets).toEqual([{ name: 'pull' }]);
  });

  it('tells two steps of one Function apart', () => {
    const run = runOf([functionOf('x'.repeat(70))], taskOf('x'.repeat(70), 'x'.repeat(70), 'x'.repeat(70)));
    const { initContainers = [], containers } = podOf(run);
    const names = [...initContainers, ...containers].map(({ name }) => name);
    expect(new Set(names).size).toBe(3);
    expect(names.every((name) => name.length <= 63)).toBe(true);
  });

  it('provides every name, empty where it has nothing to say', () => {
    const args = PROVIDED.map((name) => `\${${name}}`);
    const run = alone({ args }, { ...withoutTarget(), retentionPolicy: {} });
    const said = Object.fromEntries(PROVIDED.map((name, index) => [name, argsOf(run)?.[index]]));
    expect(Object.entries(said).filter(([, text]) => text !== '')).toEqual([
      ['namespace', 'demo'],
      ['provider', 'local'],
      ['prefix', 'shop'],
      ['repoName', 'stash-backup-repo'],
      ['secretName', 'storage-secret'],
      ['hostname', 'host-0'],
      ['backupSessionName', 'nightly-1'],
      ['tmpVolumeName', 'stash-tmp'],
      ['outputVolumeName', 'stash-tmp'],
      ['outputDir', '/tmp/restic'],
    ]);
  });

  const lookups: [
    string,
    Partial<FunctionSpec>,
    Record<string, string> | undefined,
    Partial<TaskRun>,
    string,
  ][] = [
    ['the Task before the session', { args: ['${hostname}'] }, { hostname: 'own' }, {}, 'own'],
    ['the session where the Task gives nothing', { args: ['${hostname}'] }, undefined, {}, 'host-0'],
    ['kebab and camel case alike', { args: ['${output-dir}'] }, { outputDir: '/x' }, {}, '/x'],
    ['what the Task says empty as none', { args: ['${a:=default}'] }, { a: '' }, {}, 'default'],
    ['the declared default', { args: ['${a}'], inputs: { a: input({ default: 'd' }) } }, undefined, {}, 'd'],
    ["the user's input", { args: ['${database}'] }, undefined, { inputs: { database: 'shop' } }, 'shop'],
    [
      'both names of the database',
      { args: ['${databases}'] },
      undefined,
      { inputs: { database: 'shop' } },
      'shop',
    ],
    [
      'what the installation says of metrics',
      { args: ['${pushgatewayURL}'] },
      undefined,
      { metrics: { pushgatewayURL: 'http://push' } },
      'http://push',
    ],
    [
      'what the user says of metrics before it',
      { args: ['${pushgatewayURL}'] },
      undefined,
      { metrics: { pushgatewayURL: 'http://push' }, inputs: { pushgatewayURL: 'http://own' } },
      'http://own',
    ],
    [
      'a variable in a value as text',
      { args: ['${a}'] },
      { a: '${database}' },
      { inputs: { database: '${a}$(a)' } },
      '${a}$(a)',
    ],
  ];
  it.each(lookups)('takes %s', (_, spec, inputs, difference, expected) => {
    expect(argsOf(alone(spec, difference, inputs))).toEqual([expected]);
  });

  const mistakes: [what: string, run: TaskRun, subject: string, path: string, message: string][] = [
    [
      'a Function that is not there',
      runOf([], taskOf('pgBackup')),
      'Task',
      'spec.functions[0].name',
      'there is no Function "pgBackup", nor "pg-backup"; make it first',
    ],
    [
      'a variable that nobody gives',
      alone({ args: ['x', '${table}'] }),
      'Function',
      'spec.args[1]',
      'the variable ${table} is found nowhere; give it in the inputs of the Task, or write a default',
    ],
    [
      'a variable of the Task that nobody gives',
      alone({}, {}, { a: '${table}' }),
      'Task',
      'spec.functions[0].inputs.a',
      'the variable ${table} is found nowhere',
    ],
    [
      'an input that is required and missing',
      alone({ inputs: { table: input({ required: true }) } }),
      'Function',
      'spec.inputs.table',
      'is required and has no value',
    ],
    [
      'an input that is required and empty',
      alone({ inputs: { table: input({ required: true }) } }, {}, { table: '' }),
      'Function',
      'spec.inputs.table',
      'is required and has no value',
    ],
    [
      'a value of the wrong type',
      alone({ inputs: { jobs: input({ schema: { type: 'integer' } }) } }, {}, { jobs: 'four' }),
      'Function',
      'spec.inputs.jobs',
      '"four" is no integer',
    ],
    [
      "a user's value of the wrong type",
      alone({ inputs: { jobs: input({ schema: { type: 'integer' } }) } }, { inputs: { jobs: 'four' } }),
      'Function',
      'spec.inputs.jobs',
      '"four" is no integer',
    ],
    [
      'an input that the Function does not declare',
      alone({ inputs: { table: input({}) } }, {}, { tabel: 'x' }),
      'Task',
      'spec.functions[0].inputs.tabel',
      'Function tool declares no such input; there are table',
    ],
    [
      'an input twice',
      alone({}, {}, { outDir: 'a', 'out-dir': 'b' }),
      'Task',
      'spec.functions[0].inputs.outDir',
      'is the same name as out-dir',
    ],
    [
      'an input with a name that no variable has',
      alone({}, {}, { 'a b': 'x' }),
      'Task',
      'spec.functions[0].inputs.a b',
      'is no name of a variable',
    ],
    [
      'a reserved name of a user',
      alone({}, { inputs: { secretName: 'theirs' } }),
      'Session',
      'spec.task.inputs.secretName',
      'is given by the session alone; take it out',
    ],
    [
      'the same in kebab case',
      alone({}, { inputs: { 'secret-name': 'theirs' } }),
      'Session',
      'spec.task.inputs.secret-name',
      'is given by the session alone',
    ],
    [
      "a user's input that nothing takes",
      alone({ args: ['${database}'] }, { inputs: { databse: 'x' } }),
      'Session',
      'spec.task.inputs.databse',
      'no Function of the Task work takes it',
    ],
    [
      "a user's input twice",
      alone({ args: ['${aB}'] }, { inputs: { aB: '1', 'a-b': '2' } }),
      'Session',
      'spec.task.inputs.aB',
      'is the same name as a-b',
    ],
    [
      "a Function's own variable in the settings of the configuration",
      alone(
        { runtimeSettings: { env: [{ name: 'DB_HOST', value: '${host}' }] } },
        {
          runtimeSettings: {
            container: {
              env: [
                { name: 'GOMAXPROCS', value: '1' },
                { name: 'DB_HOST', value: 'elsewhere.example' },
              ],
            },
          },
        },
      ),
      'Session',
      'spec.runtimeSettings.container.env[1].name',
      'DB_HOST is set by the Function tool itself; take it out',
    ],
    [
      'a default with a variable',
      alone({ args: ['${a:=${a}}'] }),
      'Function',
      'spec.args[0]',
      'the default of "a" has a variable in it',
    ],
    [
      'a variable that is not closed',
      alone({ workingDir: '${a' }),
      'Function',
      'spec.workingDir',
      '"${a" is no variable',
    ],
    [
      'a pattern that cannot be read',
      alone({ inputs: { a: input({ schema: { pattern: '(' } }) } }, {}, { a: 'x' }),
      'Function',
      'spec.inputs.a.schema.pattern',
      'cannot be read',
    ],
    [
      'an image that is empty',
      alone({ image: '${a}' }, {}, { a: '' }),
      'Function',
      'spec.image',
      'is empty; name an image',
    ],
    [
      'an image with white space',
      alone({ image: '${a}' }, {}, { a: 'x y' }),
      'Function',
      'spec.image',
      'has white space in it',
    ],
    [
      'a container name that none can have',
      alone({ name: '${a}' }, {}, { a: 'A' }),
      'Function',
      'spec.name',
      '"A" is the name of no container',
    ],
    [
      'a name that is too long',
      alone({ name: '${a}' }, {}, { a: 'a'.repeat(64) }),
      'Function',
      'spec.name',
      'is the name of no container',
    ],
    [
      'a volume that is none',
      alone({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
      'Function',
      'spec.volumeMounts[0].name',
      '"data" names no volume; there are stash-tmp, storage-secret',
    ],
    [
      'a claim where the target is none',
      alone({ volumeMounts: [{ name: '${target.name}', mountPath: '/data' }] }),
      'Function',
      'spec.volumeMounts[0].name',
      '"quick-postgres" names no volume',
    ],
    [
      'a name of both a claim and the Secret',
      alone(
        { volumeMounts: [{ name: 'storage-secret', mountPath: '/data' }] },
        { target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'storage-secret' } } },
      ),
      'Function',
      'spec.volumeMounts[0].name',
      'is both the claim and the storage Secret; write ${target.name} or ${secretName}',
    ],
    [
      'a path where every step has another volume',
      alone({ volumeMounts: [{ name: '${secretName}', mountPath: '/tmp/restic/' }] }),
      'Function',
      'spec.volumeMounts[0].mountPath',
      '"/tmp/restic/" is where every step has the volume stash-tmp',
    ],
    [
      'a path that is empty',
      alone({ volumeMounts: [{ name: '${tmpVolumeName}', mountPath: '${mountPath}' }] }),
      'Function',
      'spec.volumeMounts[0].mountPath',
      'is empty; write an absolute path',
    ],
    [
      'a subPath that leads out',
      alone(
        { volumeMounts: [{ name: '${tmpVolumeName}', mountPath: '/a', subPath: '${a}' }] },
        {},
        { a: '../..' },
      ),
      'Function',
      'spec.volumeMounts[0].subPath',
      'leads out of the volume',
    ],
    [
      'a Secret that the AppBinding does not name',
      alone(
        {
          runtimeSettings: {
            env: [{ name: 'A', valueFrom: { secretKeyRef: { name: '$(databaseSecret)', key: 'k' } } }],
          },
        },
        withoutTarget(),
      ),
      'Function',
      'spec.runtimeSettings.env[0].valueFrom.secretKeyRef.name',
      'is empty; name an object of the namespace',
    ],
    [
      'a variable of the environment that stands too late',
      alone({
        runtimeSettings: {
          env: [
            { name: 'A', value: '$(B)' },
            { name: 'B', value: '' },
          ],
        },
      }),
      'Function',
      'spec.runtimeSettings.env[0].value',
      'does not stand before this one',
    ],
    [
      "the repository's own variable",
      alone({ runtimeSettings: { env: [{ name: 'TMPDIR', value: '/' }] } }),
      'Function',
      'spec.runtimeSettings.env[0].name',
      'TMPDIR is set by Stash',
    ],
    [
      "the same of a configuration's",
      alone({}, { runtimeSettings: { container: { env: [{ name: 'TMPDIR', value: '/' }] } } }),
      'Session',
      'spec.runtimeSettings.container.env[0].name',
      'TMPDIR is set by Stash',
    ],
    [
      'a request above its limit',
      alone({ runtimeSettings: { resources: { requests: { cpu: 2 }, limits: { cpu: '500m' } } } }),
      'Function',
      'spec.runtimeSettings.resources.requests.cpu',
      '2 is more than the limit, "500m"',
    ],
  ];

  it('is held against thirty kinds of mistakes', () => {
    expect(new Set(mistakes.map(([what]) => what)).size).toBeGreaterThanOrEqual(30);
  });

  it.each(mistakes)('makes no pod of %s, and names the place', (_, run, subject, path, message) => {
    const { pod, problems } = resolve(run);
    expect(pod).toBeUndefined();
    expect(problems.map((problem) => [problem.subject, problem.path])).toEqual([[subject, path]]);
    expect(problems[0]?.message).toContain(message);
  });

  it('tells all that is wrong at once, of every step', () => {
    const run = runOf(
      [functionOf('one', { args: ['${a}', '${b}'] }), functionOf('two', { image: '${c}', workingDir: '${' })],
      taskOf('one', 'two', 'three'),
      { inputs: { prefix: 'x' } },
    );
    expect(
      resolve(run).problems.map(({ subject, name, step, path, variable }) => [
        subject,
        name,
        step,
        path,
        variable,
      ]),
    ).toEqual([
      ['Session', 'nightly-1', undefined, 'spec.task.inputs.prefix', 'prefix'],
      ['Function', 'one', 0, 'spec.args[0]', 'a'],
      ['Function', 'one', 0, 'spec.args[1]', 'b'],
      ['Function', 'two', 1, 'spec.image', 'c'],
      ['Function', 'two', 1, 'spec.workingDir', undefined],
      ['Task', 'work', 2, 'spec.functions[2].name', undefined],
    ]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('finds %s nowhere', (name) => {
    expect(resolve(alone({ args: [`\${${name}}`] })).problems).toHaveLength(1);
  });
});

describe('the laws of resolution', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({
      unit: fc.constantFrom('$', '{', '}', '(', ')', 'a', 'A', "'", '"', '\n', ';', '`', '\\', '|'),
    }),
    fc.constantFrom('$(A)', '${a}', '$(hostname)', '$$', '${database:=x}'),
  );
  const spec = {
    command: ['sh', '-c', 'echo "$1" $HOME $(A)', '--', '${a}'],
    args: ['${a}', 'x=${a}$(A)${database}', '$(a)$${a}'],
    workingDir: '/${database}',
    runtimeSettings: {
      env: [
        { name: 'A', value: '${a}' },
        { name: 'B', value: '$(A)/${database}' },
      ],
    },
  };

  it('bring every value to the container as it was, through command, args and environment', () => {
    fc.assert(
      fc.property(text, text, (a, database) => {
        const run = alone(spec, { inputs: { database } }, { a: a.replaceAll('$', '$$$$') });
        const [container] = podOf(run).containers;
        const env: Record<string, string> = {};
        for (const { name, value = '' } of container.env) env[name] = expandedByKubernetes(value, env);
        const arrived = (texts: string[] = []) => texts.map((each) => expandedByKubernetes(each, env));
        expect(env.A).toBe(a);
        expect(env.B).toBe(`${a}/${database}`);
        expect(arrived(container.command)).toEqual(['sh', '-c', `echo "$1" $HOME ${a}`, '--', a]);
        expect(arrived(container.args)).toEqual([a, `x=${a}${a}${database}`, `${a}\${a}`]);
        expect(container.workingDir).toBe(`/${database}`);
      }),
    );
  });

  it('make the same pod of the same run, and leave the run as it was', () => {
    fc.assert(
      fc.property(text, (database) => {
        const run = runOf(functions, tasks[0] as Task, { inputs: { database } });
        const before = structuredClone({ ...run, functionNamed: undefined });
        const frozen = { ...run, functionNamed: (name: string) => deepFrozen(run.functionNamed(name)) };
        expect(resolve(deepFrozen(frozen))).toEqual(resolve(run));
        expect({ ...run, functionNamed: undefined }).toEqual(before);
      }),
      { numRuns: 20 },
    );
  });

  it('ask for no Function that the Task does not name', () => {
    const asked = new Set<string>();
    const run = runOf(functions, tasks[0] as Task);
    resolve({
      ...run,
      functionNamed: (name) => {
        asked.add(name);
        return run.functionNamed(name);
      },
    });
    expect([...asked]).toEqual(['pg-backup', 'stash-post-backup']);
  });
});

function input(difference: object) {
  return { required: false, ...difference };
}

/** The cluster, which is no object. */
function withoutTarget(): Partial<TaskRun> {
  return { target: undefined, appBinding: undefined } as unknown as Partial<TaskRun>;
}

function deepFrozen<Value>(value: Value): Value {
  if (value !== null && typeof value === 'object') {
    for (const part of Object.values(value)) deepFrozen(part);
    Object.freeze(value);
  }
  return value;
}
