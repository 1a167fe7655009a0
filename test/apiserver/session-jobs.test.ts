import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BackupSession } from '../../src/api/backup-session.ts';
import { findCondition } from '../../src/api/conditions.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import {
  apiVersionOf,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  FUNCTIONS,
  REPOSITORIES,
  type Resource,
  TASKS,
} from '../../src/api/resources.ts';
import { createClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { jobs, namespaces, persistentVolumeClaims, pods } from '../../src/kube/resource.ts';
import { type Operator, startOperator } from './operator.fixture.ts';
import { unregister } from './registrations.fixture.ts';

/*
 * The Jobs of sessions, against a real API server that has no controllers: the test makes the pod that the Job controller would make.
 * Two operators lead at once, each with a Lease of its own, as one does that was frozen past its deadline: whatever holds here
 * holds while both act.
 */

const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);
const namespace = `jobs-${Date.now()}`;
const operators: Operator[] = [];

const resourceQuotas: Resource = {
  group: '',
  version: 'v1',
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
};

type Job = KubernetesObject<{
  backoffLimit: number;
  activeDeadlineSeconds: number;
  ttlSecondsAfterFinished: number;
  template: { spec: { restartPolicy: string; automountServiceAccountToken: boolean } };
}>;

const create = (resource: Resource, name: string, spec: object, more: object = {}) =>
  client.create<ApiObject>(resource, {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name, ...(resource.namespaced && { namespace }), ...more },
    ...{ spec },
  } as ApiObject);

beforeAll(async () => {
  for (const name of [namespace, `${namespace}-b`]) {
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  for (const own of [namespace, `${namespace}-b`])
    operators.push(await startOperator('--image', 'stash:test', '--namespace', own));
  await vi.waitFor(
    () => {
      for (const operator of operators) expect(operator.log()).toContain('the webhooks are registered');
    },
    { timeout: 30_000, interval: 100 },
  );
  await create(FUNCTIONS, 'e2e-dump', { image: 'dump:1' });
  await create(TASKS, 'e2e-dump', { functions: [{ name: 'e2e-dump' }] });
  for (const name of ['data', 'backups']) {
    await create(persistentVolumeClaims, name, {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    });
  }
  await create(REPOSITORIES, 'repo', {
    backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'secret' },
  });
  await create(BACKUP_CONFIGURATIONS, 'data', {
    schedule: '@yearly',
    timeout: '10m',
    repository: { name: 'repo' },
    task: { name: 'e2e-dump' },
    target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' } },
  });
});

afterAll(async () => {
  await Promise.all(operators.map((operator) => operator.stop('SIGKILL')));
  await unregister(connection);
  await client.delete(TASKS, 'e2e-dump');
  await client.delete(FUNCTIONS, 'e2e-dump');
  for (const name of [namespace, `${namespace}-b`]) await client.delete(namespaces, name);
  connection.close();
});

/** What `look` finds, as soon as it finds something. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) {
      const logs = operators.map((operator) => operator.log().slice(-3000)).join('\n');
      throw new Error(`${what}: not seen in 20 s; the operators say:\n${logs}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const session = (name: string) => client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
const outcome = ({ status }: BackupSession) => findCondition(status?.conditions, 'Succeeded');

/** A session that nothing is left of once its test is over: the next of the same configuration waits for it. */
async function aSession(name: string, configuration = 'data'): Promise<void> {
  await create(BACKUP_SESSIONS, name, { backupConfiguration: { name: configuration } });
  onTestFinished(async () => {
    if ((await found(BACKUP_SESSIONS, name)) === undefined) return;
    await client.delete(BACKUP_SESSIONS, name, namespace);
    // No kubelet ends it here, and the session goes after it.
    if ((await found(pods, `${name}-pod`)) !== undefined) await remove(pods, `${name}-pod`);
    await gone(BACKUP_SESSIONS, name);
  });
}

const found = <T extends ApiObject>(resource: Resource, name: string) =>
  client.get<T>(resource, name, namespace).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });

const gone = (resource: Resource, name: string) =>
  until(`the end of ${resource.kind} ${name}`, async () =>
    (await found(resource, name)) === undefined ? true : undefined,
  );

const jobOf = (name: string) => until(`the Job ${name}`, () => found<Job>(jobs, name));

/** The condition of the session `name`, once its reason is that. */
const told = (name: string, reason: string) =>
  until(`${reason} of ${name}`, async () => {
    const condition = outcome(await session(name));
    return condition?.reason === reason ? condition : undefined;
  });

/** The pod that the Job controller would have made, once the session names it. */
async function podOf(job: Job): Promise<ApiObject> {
  const { name, uid = '' } = job.metadata;
  const pod = await create(pods, `${name}-pod`, job.spec.template.spec, {
    labels: { 'batch.kubernetes.io/job-name': name },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
  });
  await until('the appointment', async () => {
    const [host] = (await session(name)).status?.hosts ?? [];
    return host?.podUID === pod.metadata.uid ? true : undefined;
  });
  return pod;
}

const remove = (resource: Resource, name: string) =>
  client.delete(resource, name, namespace, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });

describe('the session of a task', () => {
  it('has one Job, which goes with it, is tried once, and ends soon after the deadline of the session', async () => {
    await aSession('one');
    const job = await jobOf('one');
    const { metadata, status } = await until('the session to run', async () => {
      const now = await session('one');
      return now.status?.phase === 'Running' ? now : undefined;
    });
    expect(status).toMatchObject({ job: 'one', hosts: [{ host: 'host-0' }] });
    expect(job.metadata.ownerReferences).toEqual([
      {
        apiVersion: apiVersionOf(BACKUP_SESSIONS),
        kind: BACKUP_SESSIONS.kind,
        name: 'one',
        uid: metadata.uid,
        controller: true,
      },
    ]);
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      ttlSecondsAfterFinished: 86_400,
      template: { spec: { restartPolicy: 'Never', automountServiceAccountToken: false } },
    });
    // Ten minutes, and 30 s in which an operator may tell why.
    expect(job.spec.activeDeadlineSeconds).toBeGreaterThan(620);
    expect(job.spec.activeDeadlineSeconds).toBeLessThanOrEqual(630);

    await podOf(job);
    expect((await jobOf('one')).metadata.uid).toBe(job.metadata.uid);
    await remove(pods, 'one-pod');
    await told('one', 'PodGone');
    await gone(jobs, 'one');
    expect((await session('one')).status?.hosts).toMatchObject([{ phase: 'Failed', podName: 'one-pod' }]);
  });

  it('waits for room in a quota, says so, and has its Job as soon as there is', async () => {
    const hard = { 'count/jobs.batch': '0' };
    await create(resourceQuotas, 'few', { hard });
    onTestFinished(() => client.delete(resourceQuotas, 'few', namespace).then(() => {}));
    // What its controller would write.
    const status = (room: string) =>
      client.mergePatch(
        resourceQuotas,
        'few',
        namespace,
        { status: { hard: { 'count/jobs.batch': room }, used: { 'count/jobs.batch': '0' } } },
        { subresource: 'status' },
      );
    await status('0');
    await aSession('crowded');
    expect(await told('crowded', 'PodNotCreated')).toMatchObject({
      status: 'Unknown',
      message: expect.stringContaining('exceeded quota: few'),
    });
    expect(await found(jobs, 'crowded')).toBeUndefined();
    await status('1');
    await jobOf('crowded');
    await told('crowded', 'Running');
  });

  it('leaves a Job of another that has its name alone, says so, and has its own once that is gone', async () => {
    const container = { name: 'other', image: 'other:1' };
    const template = { spec: { restartPolicy: 'Never', containers: [container] } };
    const other = await create(jobs, 'taken', { template });
    await aSession('taken');
    expect(await told('taken', 'JobNameTaken')).toMatchObject({ status: 'Unknown' });
    expect((await jobOf('taken')).metadata).toMatchObject({ uid: other.metadata.uid, generation: 1 });
    await remove(jobs, 'taken');
    await told('taken', 'Running');
    const { metadata } = await session('taken');
    expect((await jobOf('taken')).metadata.ownerReferences).toMatchObject([{ uid: metadata.uid }]);
  });

  it('has a Job anew that somebody deleted before it had a pod, and is Failed where it had one', async () => {
    await aSession('deleted');
    const first = await jobOf('deleted');
    await remove(jobs, 'deleted');
    const second = await until('another Job', async () => {
      const job = await found<Job>(jobs, 'deleted');
      return job !== undefined && job.metadata.uid !== first.metadata.uid ? job : undefined;
    });
    await podOf(second);
    await remove(jobs, 'deleted');
    // Not before the end of its pod, which the garbage collector would see to.
    await until('the settled host', async () => {
      const [host] = (await session('deleted')).status?.hosts ?? [];
      return host?.phase === 'Failed' || undefined;
    });
    expect((await session('deleted')).status?.phase).toBe('Running');
    await remove(pods, 'deleted-pod');
    expect(await told('deleted', 'JobGone')).toMatchObject({ status: 'False' });
    expect(await found(jobs, 'deleted')).toBeUndefined();
  });

  it('goes only after the pod of its Job where it is deleted in the midst', async () => {
    await aSession('dropped');
    const job = await jobOf('dropped');
    await podOf(job);
    await client.delete(BACKUP_SESSIONS, 'dropped', namespace);
    await gone(jobs, 'dropped');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await session('dropped')).status?.hosts).toMatchObject([{ reason: 'SessionDeleted' }]);
    await remove(pods, 'dropped-pod');
    await gone(BACKUP_SESSIONS, 'dropped');
  });

  it('waits while a pod has the claim that is for one pod alone, and takes it from none', async () => {
    await create(persistentVolumeClaims, 'single', {
      accessModes: ['ReadWriteOncePod'],
      resources: { requests: { storage: '1Gi' } },
    });
    const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'single' } };
    const task = { name: 'e2e-dump' };
    const rest = { schedule: '@yearly', repository: { name: 'repo' } };
    await create(BACKUP_CONFIGURATIONS, 'single', { ...rest, task, target });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'single' } }];
    await create(pods, 'holder', { containers: [{ name: 'app', image: 'app:1' }], volumes });
    await aSession('held-back', 'single');
    expect(await told('held-back', 'ClaimInUse')).toMatchObject({
      status: 'Unknown',
      message: expect.stringContaining('the pod holder'),
    });
    expect((await session('held-back')).status?.phase).toBe('Pending');
    await remove(pods, 'holder');
    await jobOf('held-back');
    await told('held-back', 'Running');
  });

  it('keeps its one Job, and its pod, where the operator that made it is replaced', async () => {
    await aSession('handed-over');
    const job = await jobOf('handed-over');
    await operators[0]?.stop('SIGKILL');
    // The API server may ask the one that is gone, until the other registers itself again.
    await unregister(connection);
    const pod = await podOf(job);
    await client.mergePatch(BACKUP_SESSIONS, 'handed-over', namespace, { spec: { cancel: true } });
    await gone(jobs, 'handed-over');
    await remove(pods, 'handed-over-pod');
    await told('handed-over', 'Cancelled');
    const { status } = await session('handed-over');
    expect(status?.hosts).toMatchObject([{ podUID: pod.metadata.uid, reason: 'Cancelled' }]);
  });
});
