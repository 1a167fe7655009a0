import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DUE_LABEL, TRIGGER_ACCOUNT, TRIGGER_ROLE } from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import { sessionName } from '../../src/api/names.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../../src/api/resources.ts';
import { newSession } from '../../src/api/scheduled-session.ts';
import { type CronJob, timekeeper } from '../../src/controllers/trigger-job.ts';
import { injectionOptions } from '../../src/injection/options.ts';
import { createClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { cronJobs, events, namespaces, roleBindings, serviceAccounts } from '../../src/kube/resource.ts';
import { type Operator, startOperator } from './operator.fixture.ts';

/* CronJobs that keep time, as the operator makes them. No controller is there that would make Jobs of them. */

const client = createClient(createConnection(kubeconfigEndpoint()));
const namespace = `native-${randomBytes(4).toString('hex')}`;
let operator: Operator;

beforeAll(async () => {
  const stash = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'stash-system' } };
  await client.create(namespaces, stash).catch(() => undefined);
  operator = await startOperator();
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await vi.waitFor(() => expect(operator.log()).toContain('the webhooks are registered'), waiting);
});

afterAll(async () => {
  for (const { metadata } of await client.list(BACKUP_CONFIGURATIONS, { namespace }))
    await client.delete(BACKUP_CONFIGURATIONS, metadata.name, namespace);
  expect(await operator.stop()).toBe(0);
});

const waiting = { timeout: 20_000, interval: 100 };

function configure(name: string, spec: object = {}): Promise<BackupConfiguration> {
  return client.apply<BackupConfiguration>(
    BACKUP_CONFIGURATIONS,
    {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'BackupConfiguration',
      metadata: { name, namespace },
      ...{
        spec: {
          schedule: '@yearly',
          scheduler: 'CronJob',
          repository: { name: 'repo' },
          target: {
            ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
            directories: ['/data'],
          },
          ...spec,
        },
      },
    },
    { fieldManager: 'test', force: true },
  );
}

const cronJob = (name: string) => client.get<CronJob>(cronJobs, name, namespace);
const status = async (name: string) =>
  (await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name, namespace)).status;
const eventually = <T>(look: () => Promise<T>) => vi.waitFor(look, waiting);

async function gone(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => new Error('it is still there'),
    (failure: unknown) => failure,
  );
  if (!isNotFound(error)) throw error;
}

const triggerBindings = async () =>
  (await client.list<ApiObject & { roleRef: { name: string } }>(roleBindings, { namespace })).filter(
    ({ roleRef }) => roleRef.name === TRIGGER_ROLE,
  );

describe('the CronJob of a configuration', () => {
  test('follows it, whoever changes the CronJob, and goes when the operator is to keep time', async () => {
    await configure('nightly');
    const made = await eventually(() => cronJob('nightly'));
    expect(made.spec).toMatchObject({
      schedule: '@yearly',
      timeZone: 'Etc/UTC',
      suspend: false,
      concurrencyPolicy: 'Allow',
      startingDeadlineSeconds: 3600,
    });
    await eventually(async () => expect(await triggerBindings()).toHaveLength(1));
    await client.get(serviceAccounts, TRIGGER_ACCOUNT, namespace);
    expect((await status('nightly'))?.nextScheduleTime).toMatch(/-01-01T00:00:00Z$/);

    const spec = {
      schedule: '30 2 * * 1-5',
      timeZone: 'Europe/Berlin',
      startingDeadline: '2h',
      paused: true,
    };
    await configure('nightly', spec);
    const followed = {
      schedule: '30 2 * * 1-5',
      timeZone: 'Europe/Berlin',
      suspend: true,
      startingDeadlineSeconds: 7200,
    };
    await eventually(async () => expect((await cronJob('nightly')).spec).toMatchObject(followed));

    await client.mergePatch(cronJobs, 'nightly', namespace, {
      spec: { suspend: false, schedule: '@hourly' },
    });
    await eventually(async () => expect((await cronJob('nightly')).spec).toMatchObject(followed));
    const { uid } = (await cronJob('nightly')).metadata;
    await client.delete(cronJobs, 'nightly', namespace);
    await eventually(async () => expect((await cronJob('nightly')).metadata.uid).not.toBe(uid));

    const atRest = (await cronJob('nightly')).metadata.resourceVersion;
    await client.mergePatch(BACKUP_CONFIGURATIONS, 'nightly', namespace, {
      metadata: { labels: { touched: 'yes' } },
    });
    await configure('other');
    await eventually(() => cronJob('other'));
    expect((await cronJob('nightly')).metadata.resourceVersion).toBe(atRest);

    await configure('nightly', { scheduler: 'Stash' });
    await eventually(() => gone(cronJob('nightly')));
    // The other one still needs them.
    expect(await triggerBindings()).toHaveLength(1);
    // Kubernetes would collect it; here nobody does, as after `kubectl delete --cascade=orphan`.
    await client.delete(BACKUP_CONFIGURATIONS, 'other', namespace);
    await eventually(() => gone(cronJob('other')));
    await eventually(async () => expect(await triggerBindings()).toEqual([]));
    await gone(client.get(serviceAccounts, TRIGGER_ACCOUNT, namespace));
  });

  test('tells the configuration what was done, so that nothing is done twice after it', async () => {
    const configuration = await configure('told');
    await eventually(() => cronJob('told'));
    const due = Math.floor(Date.now() / 60_000) * 60_000;
    const name = sessionName('told', due);
    await client.create(BACKUP_SESSIONS, newSession(configuration, name, due));
    const last = new Date(due).toISOString().replace('.000Z', 'Z');
    await eventually(async () => expect((await status('told'))?.lastScheduleTime).toBe(last));
    await client.delete(BACKUP_SESSIONS, name, namespace);
    await configure('told', { scheduler: 'Stash' });
    await eventually(() => gone(cronJob('told')));
    const sessions = await client.list(BACKUP_SESSIONS, { namespace });
    expect(sessions.filter(({ metadata }) => metadata.labels?.[DUE_LABEL] === String(due / 1000))).toEqual(
      [],
    );
  });

  test('is not made of one that is somebody else’s: the operator keeps time, and says why', async () => {
    const theirs = timekeeper(
      {
        metadata: { name: 'taken', namespace },
        spec: { schedule: '@monthly', startingDeadline: '1h', paused: false },
      } as unknown as BackupConfiguration,
      injectionOptions({ image: 'theirs', nativeSidecar: false }),
    );
    theirs.metadata = { name: 'taken', namespace };
    await client.create(cronJobs, theirs);
    const before = await cronJob('taken');
    await configure('taken', { schedule: '* * * * *' });
    await eventually(async () => {
      const all = await client.list<ApiObject & { reason?: string; regarding?: { name: string } }>(events, {
        namespace,
      });
      expect(all.map(({ reason, regarding }) => `${reason} ${regarding?.name}`)).toContain(
        'CronJobNotMade taken',
      );
    });
    expect((await cronJob('taken')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    await client.delete(BACKUP_CONFIGURATIONS, 'taken', namespace);
    expect((await cronJob('taken')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('takes every schedule that a configuration takes, but for intervals', async () => {
    const { spec } = await configure('any');
    const dry = (schedule: string) =>
      ({
        apiVersion: 'stash.appscode.com/v1beta1',
        kind: 'BackupConfiguration',
        metadata: { name: 'dry', namespace },
        spec: { ...spec, schedule },
      }) satisfies BackupConfiguration;
    const schedules = [
      ...['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'],
      ...['*/15 0-6,22 1,15 jan-mar MON-FRI', '0 0 ? * 0', '5-55/10  *  *  *  *'],
    ];
    for (const schedule of schedules) {
      await client.create(BACKUP_CONFIGURATIONS, dry(schedule), { dryRun: true });
      const options = injectionOptions({ image: 'stash:test', nativeSidecar: false });
      const { metadata, ...wanted } = timekeeper(dry(schedule), options);
      const { ownerReferences: _, ...rest } = metadata;
      await client.create(cronJobs, { ...wanted, metadata: rest }, { dryRun: true });
    }
    const refused = client.create(BACKUP_CONFIGURATIONS, dry('@every 6h'), { dryRun: true });
    await expect(refused).rejects.toThrow('scheduler CronJob has no @every');
  });
});
