// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import type { AppBinding } from '../../src/api/app-binding.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import type { FunctionObject } from '../../src/api/function.ts';
import {
  APP_BINDINGS,
  BACKUP_CONFIGURATIONS,
  FUNCTIONS,
  RESTORE_SESSIONS,
  type Resource,
  TASKS,
} from '../../src/api/resources.ts';
import type { Task } from '../../src/api/task.ts';
import { applyCatalog } from '../../src/controllers/catalog.ts';
import { createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { customResourceDefinitions, namespaces, pods } from '../../src/kube/resource.ts';
import { resolve } from '../../src/tasks/resolve.ts';
import { functionOf, runOf, sample, taskOf } from '../../src/tasks/run.fixture.ts';
import { type Operator, startOperator } from './operator.fixture.ts';
import { unregister } from './registrations.fixture.ts';

const namespace = `tasks-${Date.now()}`;
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);
const fieldManager = 'stash-operator';
const functions = sample<FunctionObject>('17-functions.yaml');
const tasks = sample<Task>('18-tasks.yaml');
const [binding] = sample<AppBinding>('07-app-binding.yaml') as [AppBinding];

const serviceAccounts: Resource = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};

const definitions = () => readDefinitions(fileURLToPath(new URL('../../crds', import.meta.url)));

async function refusalOf(promise: Promise<unknown>): Promise<ApiError | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** As kubectl applies it. */
const apply = (resource: Resource, object: unknown, at?: string) => {
  const { metadata, ...rest } = object as ApiObject;
  const placed = { ...rest, metadata: { ...metadata, ...(at !== undefined && { namespace: at }) } };
  return client.apply(resource, placed as ApiObject, { fieldManager: 'kubectl', force: true });
};

let operator: Operator;

beforeAll(async () => {
  await client.create(namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  await client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace },
  });
  operator = await startOperator('--namespace', namespace, '--image', 'stash:test');
  await vi.waitFor(
    async () => {
      const probe = functionOf('probe', { image: 'a b' });
      const refusal = await refusalOf(client.create(FUNCTIONS, probe, { dryRun: true }));
      expect(refusal?.message).toContain('"a b" has white space in it');
    },
    { timeout: 30_000, interval: 200 },
  );
  // It is applied once, and not over what a test applies later.
  await vi.waitFor(() => expect(operator.log()).toContain('the catalog is applied'), { timeout: 30_000 });
});

afterAll(async () => {
  await operator.stop();
  await unregister(connection);
  for (const { metadata } of tasks) await client.delete(TASKS, metadata.name).catch(() => {});
  for (const { metadata } of functions) await client.delete(FUNCTIONS, metadata.name).catch(() => {});
  await client.delete(namespaces, namespace);
  connection.close();
});

describe('the catalog', () => {
  it('is there, with the images of the installation', async () => {
    const { spec } = await client.get<FunctionObject>(FUNCTIONS, 'volume-backup');
    expect(spec.image).toBe('stash:test');
    expect((await client.get<Task>(TASKS, 'volume-backup')).spec.functions).toHaveLength(2);
  });

  it('leaves what somebody else has made under one of its names', async () => {
    const own = functionOf('of-both', { image: 'own:v1' });
    await client.create(FUNCTIONS, own);
    onTestFinished(() => client.delete(FUNCTIONS, 'of-both').then(() => {}));
    const brought = functionOf('of-both', { image: 'stash:test' });
    brought.metadata.labels = { 'app.kubernetes.io/name': 'stash' };
    const told: unknown[] = [];
    const log = { info: () => {}, warn: (...args: unknown[]) => told.push(args[1]) };
    const options = { client, clock: systemClock, fieldManager, log };
    await applyCatalog(options, [brought], AbortSignal.timeout(10_000));
    expect((await client.get<FunctionObject>(FUNCTIONS, 'of-both')).spec.image).toBe('own:v1');
    expect(told).toEqual([expect.stringContaining('left as it is')]);
  });
});

describe('the samples', () => {
  it('apply as they are, a Task at once after its Functions, and again', async () => {
    for (let time = 0; time < 2; time++) {
      for (const one of functions) await apply(FUNCTIONS, one);
      for (const one of tasks) await apply(TASKS, one);
      await apply(APP_BINDINGS, binding, namespace);
    }
    const stored = await client.get<FunctionObject>(FUNCTIONS, 'pg-backup');
    // What the catalog says of it more stays: it was applied there before.
    expect(stored.spec).toMatchObject(
      functions.find(({ metadata }) => metadata.name === 'pg-backup')?.spec ?? {},
    );
  });

  it.each(tasks.map((task) => [task.metadata.name, task] as const))(
    'make pods that a namespace of the restricted standard takes: %s',
    async (name, task) => {
      const run = runOf(functions, task, { inputs: {} });
      const { pod, problems } = resolve(run);
      expect(problems).toEqual([]);
      const one = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: pod?.spec };
      await expect(client.create(pods, one, { dryRun: true })).resolves.toMatchObject({ kind: 'Pod' });
    },
  );
});

describe('the webhook', () => {
  it.each<[string, Task, string, string]>([
    [
      'a Function that is not there',
      taskOf('nobody'),
      'spec.functions[0].name',
      'there is no Function "nobody"',
    ],
    [
      'a variable that nobody gives',
      taskOf({ name: 'pg-backup', inputs: { tempVolumeName: '${tmpVolumeName}' } }),
      'spec.functions[0]',
      'Function "pg-backup", spec.args[4]: the variable ${repoDir} is found nowhere',
    ],
    [
      'a volume that is none',
      taskOf({ name: 'stash-post-backup', inputs: { outputJsonDir: '/', outputVolumeName: 'data' } }),
      'spec.functions[0]',
      'Function "stash-post-backup", spec.volumeMounts[0].name: "data" names no volume',
    ],
    [
      'a variable of the Task that nobody gives',
      taskOf({
        name: 'stash-post-backup',
        inputs: { outputJsonDir: '${outputJsonDir}', outputVolumeName: '${output-volume-name}' },
      }),
      'spec.functions[0].inputs.outputJsonDir',
      'the variable ${outputJsonDir} is found nowhere',
    ],
  ])('refuses a Task with %s, and names the field', async (_, task, field, message) => {
    const refusal = await refusalOf(client.create(TASKS, task, { dryRun: true }));
    expect(refusal?.status).toBe(422);
    expect(refusal?.details.causes?.map((cause) => cause.field)).toContain(field);
    expect(refusal?.message).toContain(message);
  });

  it('finds a Function by its name in kebab case', async () => {
    const found = taskOf({
      name: 'stashPostBackup',
      inputs: { outputJsonDir: '/x', outputVolumeName: '${outputVolumeName}' },
    });
    expect(await refusalOf(client.create(TASKS, found, { dryRun: true }))).toBeUndefined();
  });
});

describe('the webhook, of what names a Task', () => {
  const [backup] = sample<BackupConfiguration>('08-backup-postgres.yaml') as [BackupConfiguration];
  const withInputs = (inputs: Record<string, string>, name = 'pgBackup') => ({
    ...backup,
    metadata: { name: backup.metadata.name, namespace },
    spec: { ...backup.spec, task: { name, inputs } },
  });
  const create = (object: BackupConfiguration) =>
    client.create(BACKUP_CONFIGURATIONS, object, { dryRun: true });

  it.each([
    '05-backup-pvc',
    '06-restore-pvc',
    '08-backup-postgres',
    '09-restore-postgres',
    '10-backup-cluster',
  ])('takes the sample %s as it is', async (file) => {
    const [object] = sample<ApiObject>(`${file}.yaml`) as [ApiObject];
    const resource = [BACKUP_CONFIGURATIONS, RESTORE_SESSIONS].find(({ kind }) => kind === object.kind);
    if (resource === undefined) throw new Error(`${object.kind} is none that names a Task`);
    const placed = { ...object, metadata: { name: object.metadata.name, namespace } };
    expect(await refusalOf(client.create(resource, placed, { dryRun: true }))).toBeUndefined();
  });

  it('refuses every input that no Function takes or that the session alone gives, at once', async () => {
    const refusal = await refusalOf(create(withInputs({ databse: 'shop', secretName: 'other' })));
    expect(refusal?.status).toBe(422);
    expect(refusal?.details.causes?.map(({ field }) => field)).toEqual([
      'spec.task.inputs.secretName',
      'spec.task.inputs.databse',
    ]);
    expect(refusal?.message).toContain('no Function of the Task pg-backup takes it; correct the name');
  });

  it('does not refuse over a Task that is not there yet', async () => {
    expect(await refusalOf(create(withInputs({ any: 'thing' }, 'mongoBackup')))).toBeUndefined();
  });
});

describe('the definition of AppBindings', () => {
  it('is left as it is where another has brought it', async () => {
    const [own] = (await definitions()).filter(({ metadata }) => metadata.name.startsWith('appbindings.'));
    if (own === undefined) throw new Error('there is no definition of AppBindings');
    const { name } = own.metadata;
    await client.delete(customResourceDefinitions, name);
    await vi.waitFor(
      async () => expect((await refusalOf(client.get(customResourceDefinitions, name)))?.status).toBe(404),
      { timeout: 20_000, interval: 100 },
    );
    const foreign = structuredClone(own) as ApiObject & { spec: { names: { categories?: string[] } } };
    foreign.metadata = { name, labels: { 'app.kubernetes.io/name': 'catalog' } };
    foreign.spec.names.categories = ['kubedb'];
    await client.create(customResourceDefinitions, foreign);
    const before = await client.get(customResourceDefinitions, name);
    await applyDefinitions(client, await definitions(), { fieldManager });
    const after = await client.get<typeof foreign>(customResourceDefinitions, name);
    expect(after.spec).toEqual((before as typeof foreign).spec);
    expect(after.metadata.labels).toEqual({ 'app.kubernetes.io/name': 'catalog' });

    await client.delete(customResourceDefinitions, name);
    await vi.waitFor(
      async () => expect((await refusalOf(client.get(customResourceDefinitions, name)))?.status).toBe(404),
      { timeout: 20_000, interval: 100 },
    );
    await applyDefinitions(client, await definitions(), { fieldManager });
    const ours = await client.get<typeof foreign>(customResourceDefinitions, name);
    expect(ours.spec.names.categories).toEqual(['stash']);
  });
});
