import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupConfiguration } from '../../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../../src/api/backup-session.ts';
import { findCondition } from '../../../src/api/conditions.ts';
import {
  apiVersionOf,
  BACKUP_CONFIGURATIONS,
  FUNCTIONS,
  type Resource,
  TASKS,
} from '../../../src/api/resources.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import type { ApiObject } from '../../../src/kube/object.ts';
import { jobs, pods } from '../../../src/kube/resource.ts';
import { admitted, client, type Namespace, type Pod, useNamespace } from '../cluster.ts';
import { kubectl } from '../kubectl.ts';
import { backupSession, claim, DATA, deployment, repository, restoreSession } from '../objects.ts';

/* What has no pod of its own is backed up by a Job, made from a Task that anybody may write. */

const namespace = useNamespace('e2e-tasks');
/** It is deleted in the midst of a backup. */
const doomed = useNamespace('e2e-tasks-doomed');

const resourceQuotas: Resource = {
  group: '',
  version: 'v1',
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
};

const own: { resource: Resource; name: string }[] = [];

/** Functions and Tasks are of the whole cluster: they go with the tests. */
async function applyToCluster(resource: Resource, name: string, spec: object): Promise<void> {
  const object: ApiObject & { spec: object } = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name },
    spec,
  };
  await admitted(() => client.apply(resource, object, { fieldManager: 'e2e', force: true }));
  own.push({ resource, name });
}

/** A Task of one Function of the same name, in busybox. */
async function taskOf(name: string, container: object, ...more: string[]): Promise<void> {
  await applyToCluster(FUNCTIONS, name, { image: 'busybox', imagePullPolicy: 'IfNotPresent', ...container });
  await applyToCluster(TASKS, name, { functions: [name, ...more].map((each) => ({ name: each })) });
}

/** Of the claim `data` by the Task `task`, into the Repository `tasks`. */
function configurationOf(name: string, task: string, spec: object = {}): ApiObject & { spec: object } {
  return {
    apiVersion: apiVersionOf(BACKUP_CONFIGURATIONS),
    kind: BACKUP_CONFIGURATIONS.kind,
    metadata: { name },
    spec: {
      schedule: '@yearly',
      repository: { name: 'tasks' },
      task: { name: task },
      target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' } },
      ...spec,
    },
  };
}

const succeeded = ({ status }: BackupSession) => findCondition(status?.conditions, 'Succeeded');

const podsOf = (job: string, where = namespace) =>
  where.list<Pod>(pods, `batch.kubernetes.io/job-name=${job}`);

/** What the session `name` is told to wait for, once that is `reason`. */
const told = (name: string, reason: string) =>
  namespace.until(`${reason} of ${name}`, async () => {
    const condition = succeeded(await namespace.backup(name));
    return condition?.reason === reason ? condition : undefined;
  });

const jobGone = (name: string) =>
  namespace.until(`the end of the Job ${name}`, async () => {
    try {
      const job = await namespace.get(jobs, name);
      return job.metadata.deletionTimestamp === undefined ? undefined : true;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  });

/** A backup by a step that would take ten minutes, until that runs. */
async function beginSleep(where: Namespace, name: string): Promise<void> {
  await where.apply(configurationOf(name, 'e2e-sleep'), backupSession(name, name));
  await where.until('the step to run', async () => {
    const [pod] = await podsOf(name, where);
    return pod?.status.phase === 'Running' || undefined;
  });
}

beforeAll(async () => {
  await namespace.apply(claim('data'), repository('tasks'));
  await taskOf('e2e-sleep', { command: ['sleep', '600'] });
});

afterAll(async () => {
  for (const { resource, name } of own) await client.delete(resource, name);
});

/** A shop that rests only when it has lost everything: its orders stay as they are, and money goes from one account to the other. */
const shop = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync('${DATA}/shop.db', { timeout: 30_000 });
database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, what BLOB); CREATE TABLE accounts (name TEXT, money INTEGER)');
database.exec('INSERT INTO accounts VALUES (\\'a\\', 1000000), (\\'b\\', 0); BEGIN');
const order = database.prepare('INSERT INTO orders (what) VALUES (randomblob(500))');
for (let left = 5_000; left > 0; left--) order.run();
database.exec('COMMIT');
const pay = () => {
  database.exec('BEGIN; UPDATE accounts SET money = money - 1 WHERE name = \\'a\\'');
  database.exec('UPDATE accounts SET money = money + 1 WHERE name = \\'b\\'; COMMIT');
};
const day = setInterval(pay, 20);
process.on('SIGUSR2', () => {
  clearInterval(day);
  database.close();
  require('node:fs').rmSync('${DATA}/shop.db');
});
setInterval(() => {}, 1_000_000);
`;

/** What a backup has to keep of the shop. */
const audit = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync('${DATA}/shop.db', { readOnly: true, timeout: 30_000 });
const hash = require('node:crypto').createHash('sha256');
let orders = 0;
for (const { id, what } of database.prepare('SELECT id, what FROM orders ORDER BY id').iterate()) {
  hash.update(id + ':').update(what);
  orders += 1;
}
const { money } = database.prepare('SELECT sum(money) AS money FROM accounts').get();
console.log(JSON.stringify({ orders, hash: hash.digest('hex'), money }));
`;

describe('a database that is not in the catalog', () => {
  it('is backed up while it is written to, and restored, by two files of YAML', async () => {
    for (const name of ['sqlite-backup', 'sqlite-recovery']) {
      await kubectl('apply', '-f', fileURLToPath(new URL(`../sqlite/${name}.yaml`, import.meta.url)));
      own.push({ resource: TASKS, name }, { resource: FUNCTIONS, name });
    }
    const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'shop' } };
    const inputs = { database: 'shop.db' };
    const container = { name: 'shop', image: 'stash:0.1.0', command: ['node', '-e', shop] };
    await namespace.apply(
      claim('shop'),
      deployment('shop', { claim: 'shop', container }),
      repository('sqlite'),
      configurationOf('shop', 'sqlite-backup', {
        ...{ repository: { name: 'sqlite' }, target, task: { name: 'sqlite-backup', inputs } },
      }),
    );
    const [pod] = (await namespace.settled('shop')) as [Pod];
    const audited = async () => JSON.parse(await namespace.node(pod, audit, 'shop')) as unknown;
    const before = await namespace.until('the first payment', async () => {
      const now = await audited().catch(() => undefined);
      return (now as { orders?: number } | undefined)?.orders === 5_000 ? now : undefined;
    });
    expect(before).toMatchObject({ money: 1_000_000 });

    await namespace.apply(backupSession('shop', 'shop'));
    const backup = await namespace.backupEnded('shop', 'Succeeded');
    expect(backup.status?.stats).toMatchObject([
      { hostname: 'host-0', directory: '/tmp/restic/shop/shop.db', snapshot: expect.any(String) },
    ]);

    await namespace.node(pod, "process.kill(1, 'SIGUSR2')", 'shop');
    const loss = await namespace.until('the loss', () => audited().then(() => undefined, String));
    expect(loss).toContain('unable to open database file');
    // Of the same name: each has a Job of its own.
    await namespace.apply(
      restoreSession('shop', 'shop', {
        ...{ repository: { name: 'sqlite' }, target, task: { name: 'sqlite-recovery', inputs } },
      }),
    );
    const restore = await namespace.restoreEnded('shop', 'Succeeded');
    expect(restore.status?.stats).toMatchObject([{ snapshot: backup.status?.stats?.[0]?.snapshot }]);
    expect(await audited()).toEqual(before);
  });
});

describe('a task that cannot be run', () => {
  it('is told in Ready, as it comes and goes', async () => {
    const ready = (reason: string) =>
      namespace.until(`Ready for ${reason}`, async () => {
        const { status } = await namespace.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'wanting');
        const condition = findCondition(status?.conditions, 'Ready');
        return condition?.reason === reason ? { ...condition, all: status?.conditions ?? [] } : undefined;
      });
    await applyToCluster(TASKS, 'e2e-wanting', { functions: [{ name: 'e2e-sleep' }] });
    await namespace.apply(
      configurationOf('wanting', 'e2e-wanting', {
        target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'wanting' } },
      }),
    );
    expect((await ready('ClaimNotFound')).message).toContain('"wanting"');
    await namespace.apply(claim('wanting'));
    const good = await ready('Ready');
    expect(good.all.map(({ type }) => type)).toEqual(['Ready']);
    await client.delete(TASKS, 'e2e-wanting');
    own.splice(
      own.findIndex(({ name }) => name === 'e2e-wanting'),
      1,
    );
    expect((await ready('TaskNotFound')).message).toContain('"e2e-wanting"');
  });

  it('ends its session with the reason that kept its pod from being made, and takes the Job away', async () => {
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none', namespace: namespace.name },
      spec: { hard: { pods: '0' } },
    };
    await client.create(resourceQuotas, quota);
    try {
      await namespace.apply(
        configurationOf('refused', 'e2e-sleep', { timeout: '15s' }),
        backupSession('refused', 'refused'),
      );
      expect((await told('refused', 'PodNotCreated')).message).toContain('exceeded quota');
      const { status } = await namespace.backupEnded('refused', 'Failed');
      expect(status?.hosts).toMatchObject([{ host: 'host-0', phase: 'Failed', reason: 'PodNotCreated' }]);
      await jobGone('refused');
    } finally {
      await client.delete(resourceQuotas, 'none', namespace.name);
    }
  });

  it('ends its session where no node takes its pod, since a claim is not bound', async () => {
    const unbound = claim('unbound') as ApiObject & { spec: object };
    await namespace.apply(
      { ...unbound, ...{ spec: { ...unbound.spec, storageClassName: 'there-is-none' } } },
      configurationOf('unbound', 'e2e-mount', {
        timeout: '15s',
        target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'unbound' } },
      }),
    );
    await taskOf('e2e-mount', {
      command: ['sleep', '600'],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
      volumeMounts: [{ name: '${target.name}', mountPath: '${mountPath}' }],
    });
    await namespace.apply(backupSession('unbound', 'unbound'));
    expect((await told('unbound', 'PodUnschedulable')).message).toMatch(/unbound|PersistentVolumeClaim/);
    const session = await namespace.backupEnded('unbound', 'Failed');
    expect(succeeded(session)?.reason).toBe('PodUnschedulable');
    await jobGone('unbound');
  });

  it('ends its session where there is no such image', async () => {
    await taskOf('e2e-no-image', { image: 'registry.invalid/there-is-none:1' });
    await namespace.apply(
      configurationOf('no-image', 'e2e-no-image', { timeout: '90s' }),
      backupSession('no-image', 'no-image'),
    );
    const condition = await told('no-image', 'ImagePullFailed');
    expect(condition).toMatchObject({ status: 'Unknown', message: expect.stringContaining('e2e-no-image') });
    const session = await namespace.backupEnded('no-image', 'Failed', 240);
    expect(succeeded(session)?.reason).toBe('ImagePullFailed');
    await jobGone('no-image');
  });
});

describe('a task that does not get to its end', () => {
  it('is Failed with Killed where a step took more memory than it may', async () => {
    await taskOf('e2e-greedy', {
      // It keeps what it reads until there is the end of a line.
      command: ['tail', '-n', '1', '/dev/zero'],
      runtimeSettings: { resources: { limits: { memory: '32Mi' } } },
    });
    await namespace.apply(configurationOf('greedy', 'e2e-greedy'), backupSession('greedy', 'greedy'));
    const { status } = await namespace.backupEnded('greedy', 'Failed');
    expect(status?.hosts).toMatchObject([
      { phase: 'Failed', reason: 'Killed', message: expect.stringContaining('e2e-greedy') },
    ]);
  });

  it('is Failed with DeadlineExceeded where a step takes longer than it may, and its Job is taken away', async () => {
    await namespace.apply(
      configurationOf('slow', 'e2e-sleep', { timeout: '15s' }),
      backupSession('slow', 'slow'),
    );
    const session = await namespace.backupEnded('slow', 'Failed');
    const { hosts: [host] = [], startTime = '', completionTime = '' } = session.status ?? {};
    expect(host).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    const secondsTo = (instant = '') => (Date.parse(instant) - Date.parse(startTime)) / 1000;
    expect(secondsTo(host?.completionTime)).toBeGreaterThanOrEqual(15);
    expect(secondsTo(host?.completionTime)).toBeLessThan(45);
    // The session ends once nothing of its pod runs, and this step has to be killed: it does not listen for 30 s.
    expect(secondsTo(completionTime)).toBeLessThan(150);
    expect((await podsOf('slow')).filter(({ status }) => status.phase === 'Running')).toEqual([]);
    await jobGone('slow');
  });

  it('is stopped where its session is deleted, which goes only after the pod', async () => {
    await beginSleep(namespace, 'dropped');
    await kubectl('delete', 'backupsession', 'dropped', '-n', namespace.name, '--timeout=240s');
    expect((await podsOf('dropped')).filter(({ status }) => status.phase === 'Running')).toEqual([]);
  });

  it('keeps no namespace from going', async () => {
    await doomed.apply(claim('data'), repository('tasks'));
    await beginSleep(doomed, 'lasting');
    await kubectl('delete', 'namespace', doomed.name, '--timeout=240s');
  });

  it('gets there with the one Job it has, where all of the operator is killed meanwhile', async () => {
    const go = 'until [ -e /tmp/restic/go ]; do sleep 0.2; done';
    await taskOf('e2e-patient', { command: ['sh', '-c', go] }, 'volume-backup', 'stash-post-backup');
    await namespace.apply(configurationOf('orphaned', 'e2e-patient'), backupSession('orphaned', 'orphaned'));
    const before = await namespace.until('the step to run', async () => {
      const job = await namespace.get(jobs, 'orphaned');
      const [pod] = await podsOf('orphaned');
      const step = pod?.status.initContainerStatuses?.find(({ name }) => name === 'e2e-patient');
      return (
        step?.state?.running &&
        pod && { job: job.metadata.uid, pod: pod.metadata.uid, name: pod.metadata.name }
      );
    });
    const operator = ['-n', 'stash-system', 'pods', '-l', 'app.kubernetes.io/component=operator'];
    const killed = await kubectl('delete', ...operator, '--grace-period=0', '--force', '--wait=false');
    expect(killed).toContain('pod "stash-');
    // What is left of the work is done, and is to be reported, while there is nobody to admit it.
    const at = ['-n', namespace.name, before.name, '-c', 'e2e-patient'];
    await kubectl('exec', ...at, '--', 'touch', '/tmp/restic/go');
    const session = await namespace.backupEnded('orphaned', 'Succeeded');
    expect(session.status?.hosts).toMatchObject([{ host: 'host-0', phase: 'Succeeded', podUID: before.pod }]);
    expect(session.status?.stats).toHaveLength(1);
    const own = (await namespace.list(jobs)).filter(({ metadata }) =>
      metadata.ownerReferences?.some(({ uid }) => uid === session.metadata.uid),
    );
    expect(own.map(({ metadata }) => metadata.uid)).toEqual([before.job]);
    expect((await podsOf('orphaned')).map(({ metadata }) => metadata.uid)).toEqual([before.pod]);
    await kubectl('rollout', 'status', '-n', 'stash-system', 'deployment/stash', '--timeout=240s');
  });
});
