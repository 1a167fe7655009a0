import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import { BACKUP_CONFIGURATION, KINDS, RESTORE_SESSION } from '../../src/api/kinds.ts';
import { createClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { deployments, namespaces } from '../../src/kube/resource.ts';
import { type Difference, MISTAKES, objectOf } from './mistakes.fixture.ts';
import { type Operator, startOperator } from './operator.fixture.ts';
import { unregister } from './registrations.fixture.ts';

const namespace = `mistakes-${Date.now()}`;
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);

const placed = (kind: (typeof KINDS)[number], difference: Difference = {}, name?: string): ApiObject => {
  const object = objectOf(kind, difference, name);
  if (kind.namespaced) object.metadata.namespace = namespace;
  return object;
};

/** A try, of which nothing stays. */
async function refusalOf(kind: (typeof KINDS)[number], object: ApiObject): Promise<ApiError | undefined> {
  try {
    await client.create(kind, object, { dryRun: true });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** A field that is none is found while the object is read, by `fieldValidation: Strict`, as kubectl asks. */
const statusOf = (message: string) => (message.startsWith('is not a field') ? 400 : 422);

const rows = MISTAKES.map((mistake) => [mistake.kind.kind, mistake.what, mistake] as const);

beforeAll(async () => {
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
  connection.close();
});

describe('the definitions alone', () => {
  beforeAll(async () => {
    await unregister(connection);
    const folder = fileURLToPath(new URL('../../crds', import.meta.url));
    await applyDefinitions(client, await readDefinitions(folder), { fieldManager: 'stash-operator' });
    for (const kind of KINDS) {
      await vi.waitFor(async () => expect(await refusalOf(kind, placed(kind))).toBeUndefined(), {
        timeout: 20_000,
        interval: 200,
      });
    }
  });

  it.each(rows.filter(([, , { by }]) => by !== 'webhook'))(
    'refuse a %s with %s, and name the field',
    async (_, __, { kind, difference, path, by, message }) => {
      const refusal = await refusalOf(kind, placed(kind, difference));
      expect(refusal?.status).toBe(statusOf(message));
      expect(refusal?.message).toContain(path);
      // What CEL finds is told in our own words; what a schema finds, in those of the API server.
      if (by === 'CEL') expect(refusal?.message).toContain(message);
    },
  );

  it.each(rows.filter(([, , { by }]) => by === 'webhook'))(
    'cannot say what is wrong with a %s with %s',
    async (_, __, { kind, difference }) => {
      expect(await refusalOf(kind, placed(kind, difference))).toBeUndefined();
    },
  );
});

describe('the operator that serves', () => {
  let operator: Operator;

  beforeAll(async () => {
    operator = await startOperator('--namespace', namespace, '--image', 'stash:test');
    const wrong = placed(BACKUP_CONFIGURATION, { schedule: '61 * * * *' });
    await vi.waitFor(
      async () => expect((await refusalOf(BACKUP_CONFIGURATION, wrong))?.message).toContain('61 * * * *'),
      { timeout: 30_000, interval: 200 },
    );
  });

  afterAll(async () => {
    await operator.stop();
    await unregister(connection);
  });

  it.each(rows)(
    'refuses a %s with %s, and names the field',
    async (_, __, { kind, difference, path, by, message }) => {
      const refusal = await refusalOf(kind, placed(kind, difference));
      expect(refusal?.status).toBe(statusOf(message));
      expect(refusal?.message).toContain(path);
      if (by !== 'schema') expect(refusal?.message).toContain(message);
      if (by !== 'webhook') return;
      expect(refusal?.details.causes).toMatchObject([{ field: path }]);
      expect(refusal?.message).not.toContain(fileURLToPath(new URL('../..', import.meta.url)));
    },
  );

  it('refuses a directory that no volume of the workload holds, and names it and what is mounted', async () => {
    const outside = { target: { directories: ['/source/data', '/var/lib/shop'] } };
    expect(await refusalOf(BACKUP_CONFIGURATION, placed(BACKUP_CONFIGURATION, outside))).toBeUndefined();
    await client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop', namespace },
      spec: {
        selector: { matchLabels: { app: 'shop' } },
        template: {
          metadata: { labels: { app: 'shop' } },
          spec: {
            containers: [
              { name: 'app', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/source/data' }] },
            ],
            volumes: [{ name: 'data', emptyDir: {} }],
          },
        },
      },
    } as ApiObject);
    for (const kind of [BACKUP_CONFIGURATION, RESTORE_SESSION]) {
      await vi.waitFor(
        async () => {
          const refusal = await refusalOf(kind, placed(kind, outside));
          expect(refusal?.details.causes).toMatchObject([{ field: 'spec.target.directories[1]' }]);
          expect(refusal?.message).toContain(
            'spec.target.directories[1]: no volume holds "/var/lib/shop": "app" mounts "/source/data".',
          );
        },
        { timeout: 20_000, interval: 200 },
      );
      expect(await refusalOf(kind, placed(kind))).toBeUndefined();
    }
  });

  it('lets a configuration be paused whose workload lost the volume meanwhile', async () => {
    const standing = await client.create(BACKUP_CONFIGURATION, placed(BACKUP_CONFIGURATION, {}, 'standing'));
    const template = {
      spec: {
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          { name: 'app', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/other' }] },
        ],
      },
    };
    const moved = (await client.get(deployments, 'shop', namespace)) as ApiObject & {
      spec: { template: { spec: object } };
    };
    moved.spec.template.spec = { ...moved.spec.template.spec, ...template.spec };
    await vi.waitFor(() => client.replace(deployments, moved), { timeout: 10_000 });
    await vi.waitFor(
      async () =>
        expect((await refusalOf(BACKUP_CONFIGURATION, placed(BACKUP_CONFIGURATION)))?.message).toContain(
          '/other',
        ),
      { timeout: 20_000, interval: 200 },
    );
    const { name } = standing.metadata;
    const paused = await client.mergePatch<ApiObject & { spec: object }>(
      BACKUP_CONFIGURATION,
      name,
      namespace,
      { spec: { paused: true } },
      { fieldManager: 'test' },
    );
    expect(paused.spec).toMatchObject({ paused: true });
  });
});
