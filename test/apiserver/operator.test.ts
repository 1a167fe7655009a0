import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueAuthority, issueLeaf } from '../../src/admission/certificate.ts';
import { createAdmissionServer } from '../../src/admission/server.ts';
import {
  CONFIGURATION_LABEL,
  DUE_LABEL,
  HELD_REPLICAS_ANNOTATION,
  LEARNT_ANNOTATION,
  ON_NEXT_UPDATE_ANNOTATION,
} from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../src/api/backup-session.ts';
import { findCondition } from '../../src/api/conditions.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import type { Repository } from '../../src/api/repository.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
} from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { configurationHash } from '../../src/api/session-subject.ts';
import { readRecord } from '../../src/injection/record.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import {
  deployments,
  events,
  jobs,
  leases,
  mutatingWebhookConfigurations,
  namespaces,
  persistentVolumeClaims,
  pods,
  roleBindings,
} from '../../src/kube/resource.ts';
import { type Operator, startOperator } from './operator.fixture.ts';

/*
 * The operator as one process, against a real API server that has no controllers and no kubelet: the test makes the pods that a
 * Deployment would have, and reports as their agents would.
 */

const client: Client = createClient(createConnection(kubeconfigEndpoint()));
let operator: Operator;
let namespace: string;

type Deployment = KubernetesObject<{
  replicas: number;
  template: {
    metadata: { annotations?: Record<string, string> };
    spec: { containers: { name: string }[]; volumes: { name: string }[] };
  };
}>;

beforeAll(async () => {
  await ignoreExisting(
    client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'stash-system' } }),
  );
  operator = await startOperator();
  await until('the webhooks', () => operator.log().includes('the webhooks are registered') || undefined);
});

afterAll(async () => {
  expect(await operator.stop()).toBe(0);
});

async function ignoreExisting(call: Promise<unknown>): Promise<void> {
  await call.catch(() => undefined);
}

async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  seconds = 20,
): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline)
      throw new Error(
        `${what}: not seen in ${seconds} s; the operator says:\n${operator.log().slice(-4000)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A namespace of its own with a Repository that is ready, and a Deployment `shop`. */
async function aShop(): Promise<void> {
  namespace = `operator-${randomBytes(4).toString('hex')}`;
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await create(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups', namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await create(REPOSITORIES, {
    apiVersion: 'stash.appscode.com/v1alpha2',
    kind: 'Repository',
    metadata: { name: 'repo', namespace },
    spec: {
      backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'secret' },
    },
  });
  await create(deployments, deployment());
}

const create = (resource: Parameters<Client['create']>[0], object: ApiObject & { spec: unknown }) =>
  client.create(resource, object);

function deployment(directory = '/source/data') {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop', namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'shop' } },
      template: {
        metadata: { labels: { app: 'shop' } },
        spec: {
          containers: [
            { name: 'shop', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: directory }] },
          ],
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      },
    },
  };
}

async function aConfiguration(spec: object = {}): Promise<BackupConfiguration> {
  return client.create<BackupConfiguration>(BACKUP_CONFIGURATIONS, {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: { name: 'shop', namespace },
    spec: {
      schedule: '0 0 1 1 *',
      repository: { name: 'repo' },
      target: {
        ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
        directories: ['/source/data'],
      },
      ...spec,
    } as BackupConfiguration['spec'],
  });
}

async function aSession(name = 'now', spec: object = {}): Promise<BackupSession> {
  return client.create<BackupSession>(BACKUP_SESSIONS, {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupSession',
    metadata: { name, namespace },
    spec: { backupConfiguration: { name: 'shop' }, cancel: false, ...spec },
  });
}

const shop = () => client.get<Deployment>(deployments, 'shop', namespace);
const containersOf = ({ spec }: Deployment) => spec.template.spec.containers.map(({ name }) => name);
const injected = () =>
  until('the sidecar', async () => {
    const found = await shop();
    return containersOf(found).includes('stash') ? found : undefined;
  });

/** It is known where the pods are, and that the workload lacks the sidecar. */
const pending = () =>
  until('the condition', async () => {
    const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
    return findCondition(status?.conditions, 'SidecarInjected')?.reason === 'RolloutPending' || undefined;
  });

const learnt = () =>
  until('what became of the sidecar', async () => (await shop()).metadata.annotations?.[LEARNT_ANNOTATION]);

/** A mutating webhook that comes after ours and takes out what ours has put in. */
async function aStripper(): Promise<{ reviews(): number; close(): Promise<void> }> {
  let reviews = 0;
  const authority = await issueAuthority(Date.now(), 3_600_000);
  const server = createAdmissionServer({
    port: 0,
    host: '127.0.0.1',
    drainMs: 0,
    log: { error: () => {} },
    handlers: {
      '/strip': ({ object }) => {
        reviews += 1;
        const { spec } = object as unknown as Deployment;
        const template = structuredClone(spec.template);
        template.spec.containers = template.spec.containers.filter(({ name }) => name !== 'stash');
        template.spec.volumes = template.spec.volumes.filter(({ name }) => !name.startsWith('stash-'));
        delete template.metadata.annotations;
        return { allowed: true, patch: [{ op: 'replace', path: '/spec/template', value: template }] };
      },
    },
  });
  server.useCertificate(await issueLeaf(authority, ['127.0.0.1'], Date.now(), 3_600_000));
  const port = await server.listen();
  await client.create(mutatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'zz-stripper' },
    webhooks: [
      {
        name: 'stripper.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        reinvocationPolicy: 'IfNeeded',
        clientConfig: {
          url: `https://127.0.0.1:${port}/strip`,
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['UPDATE'] },
        ],
      },
    ],
  } as ApiObject);
  // The API server takes up a registration a moment later.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return {
    reviews: () => reviews,
    close: async () => {
      await client.delete(mutatingWebhookConfigurations, 'zz-stripper');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await server.close();
    },
  };
}

/** The pod that the ReplicaSet controller and kubelet would have made of the Deployment as it stands. */
async function aPod(name: string, running = true, nodeName?: string): Promise<ApiObject> {
  const { spec } = await shop();
  const pod = await create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { app: 'shop', 'pod-template-hash': 'abc' },
      annotations: spec.template.metadata.annotations ?? {},
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-abc', uid: 'x', controller: true },
      ],
    },
    spec: {
      ...spec.template.spec,
      serviceAccountName: 'default',
      ...(nodeName !== undefined && { nodeName }),
    },
  });
  const state = running
    ? { running: { startedAt: new Date().toISOString() } }
    : { waiting: { reason: 'ContainerCreating' } };
  const status = (container: string) => ({
    name: container,
    image: 'x',
    imageID: 'x',
    ready: running,
    restartCount: 0,
    state,
  });
  await client.mergePatch(
    pods,
    name,
    namespace,
    {
      status: {
        phase: running ? 'Running' : 'Pending',
        containerStatuses: [status('stash')],
        initContainerStatuses: [status('stash-restore')],
      },
    },
    { subresource: 'status' },
  );
  return pod;
}

/** What the agent of host-0 would report. */
function report(
  session: string,
  host: object,
  stats: object[] = [],
  resource = BACKUP_SESSIONS as typeof BACKUP_SESSIONS | typeof RESTORE_SESSIONS,
) {
  return client.apply(
    resource,
    {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: resource.kind,
      metadata: { name: session, namespace },
      status: {
        hosts: [{ host: 'host-0', heartbeatTime: new Date().toISOString().replace(/\.\d+/, ''), ...host }],
        stats,
      },
    } as ApiObject,
    { subresource: 'status', fieldManager: 'stash-agent-host-0', force: true },
  );
}

const session = (name: string) => client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
const inPhase = (name: string, phase: string, seconds?: number) =>
  until(
    `${name} ${phase}`,
    async () => {
      const found = await session(name);
      return found.status?.phase === phase ? found : undefined;
    },
    seconds,
  );
const why = (found: BackupSession | RestoreSession) => findCondition(found.status?.conditions, 'Succeeded');

describe('a backup', () => {
  test('goes from a configuration to a session that has ended, with the retention applied once', async () => {
    await aShop();
    const made = await aConfiguration({ retentionPolicy: { keepLast: 2 } });
    await injected();
    const binding = await until('the RoleBinding', () =>
      client.get(roleBindings, 'stash-agent-default', namespace).catch(() => undefined),
    );
    expect(binding).toMatchObject({ roleRef: { kind: 'ClusterRole', name: 'stash-agent' } });

    const pod = await aPod('shop-abc-1');
    await aSession();
    const running = await inPhase('now', 'Running');
    expect(running.metadata.labels).toMatchObject({ [CONFIGURATION_LABEL]: 'shop' });
    expect(running.metadata.ownerReferences).toMatchObject([{ kind: 'BackupConfiguration', name: 'shop' }]);
    expect(running.status).toMatchObject({
      initializer: 'host-0',
      hosts: [{ host: 'host-0', podName: 'shop-abc-1', podUID: pod.metadata.uid }],
    });
    expect(running.status?.configurationHash).toBe(configurationHash(made));
    expect(running.status?.observedGeneration).toMatch(/^[0-9a-f]{8}#1$/);
    expect(Date.parse(running.status?.deadline ?? '') - Date.parse(running.status?.startTime ?? '')).toBe(
      24 * 3_600_000,
    );

    await report('now', { phase: 'Running', repositoryID: 'abc' });
    await until('the id', async () => {
      const { status } = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
      return status?.repositoryID;
    });
    const stat = {
      hostname: 'host-0',
      directory: '/source/data',
      snapshot: '40dc1520',
      totalSize: '1 B',
      uploaded: '1 B',
      totalBytes: 1,
      uploadedBytes: 1,
      fileStats: { new: 1, changed: 0, unmodified: 0 },
    };
    const done = { phase: 'Succeeded', repositoryID: 'abc' };
    await report('now', done, [stat]);
    await until('the retention', async () => (await session('now')).status?.retention?.host);
    await report('now', { ...done, retention: { phase: 'Succeeded', kept: 1, removed: 0 } }, [stat]);
    const ended = await inPhase('now', 'Succeeded');
    expect(why(ended)).toMatchObject({ status: 'True', reason: 'BackupSucceeded' });
    expect(findCondition(ended.status?.conditions, 'RetentionApplied')).toMatchObject({ status: 'True' });
    expect(ended.status?.stats).toEqual([stat]);

    const configuration = await until('its last session', async () => {
      const found = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      return found.status?.lastSession === undefined ? undefined : found;
    });
    expect(configuration.status).toMatchObject({ lastSession: 'now', lastPhase: 'Succeeded' });
    expect(findCondition(configuration.status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
    const repository = await until('its last backup', async () => {
      const found = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
      return found.status?.lastBackupTime === undefined ? undefined : found;
    });
    expect(repository.status).toMatchObject({
      repositoryID: 'abc',
      lastBackupTime: ended.status?.completionTime,
    });

    // A repository that is known is never made anew.
    await aSession('again');
    expect((await inPhase('again', 'Running')).status).not.toHaveProperty('initializer');
  });

  test('waits for a pod with an agent, says so, and is Failed when that pod goes away', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await aSession();
    expect(why(await inPhase('now', 'Pending'))).toMatchObject({ status: 'Unknown', reason: 'NoAgent' });
    await aPod('shop-abc-1', false);
    await aPod('shop-abc-2');
    expect((await inPhase('now', 'Running')).status?.hosts).toMatchObject([{ podName: 'shop-abc-2' }]);
    await client.delete(pods, 'shop-abc-2', namespace, { gracePeriodSeconds: 0 });
    const failed = await inPhase('now', 'Failed', 30);
    expect(why(failed)).toMatchObject({ reason: 'PodGone' });
    expect(why(failed)?.message).toContain('shop-abc-2');
  });

  test('is Skipped while an earlier one runs, and ended when it is cancelled before it started', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await aSession('early');
    await inPhase('early', 'Pending');
    await aSession('later');
    expect(why(await inPhase('later', 'Skipped'))).toMatchObject({ reason: 'EarlierSessionActive' });
    await client.mergePatch(BACKUP_SESSIONS, 'early', namespace, { spec: { cancel: true } });
    expect(why(await inPhase('early', 'Failed'))).toMatchObject({ reason: 'Cancelled' });
  });

  test('ends at its deadline though the agent says nothing of it', async () => {
    await aShop();
    await aConfiguration({ timeout: '1s' });
    await injected();
    await aPod('shop-abc-1');
    await aSession();
    await inPhase('now', 'Running');
    const beat = setInterval(() => void report('now', { phase: 'Running' }).catch(() => {}), 5_000);
    try {
      expect(why(await inPhase('now', 'Failed', 75))).toMatchObject({ reason: 'DeadlineExceeded' });
    } finally {
      clearInterval(beat);
    }
  });

  test('of a configuration that cannot be injected fails at once, with the directory and the mounts', async () => {
    await aShop();
    const target = {
      ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'later' },
      directories: ['/nowhere'],
    };
    await aConfiguration({ target });
    const later = deployment();
    await create(deployments, { ...later, metadata: { ...later.metadata, name: 'later' } });
    await until('the condition', async () => {
      const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      return (
        findCondition(status?.conditions, 'SidecarInjected')?.reason === 'DirectoryNotMounted' || undefined
      );
    });
    await aSession();
    const failed = why(await inPhase('now', 'Failed'));
    expect(failed?.reason).toBe('DirectoryNotMounted');
    expect(failed?.message).toMatch(/\/nowhere.*\/source\/data/s);
    expect(containersOf(await client.get<Deployment>(deployments, 'later', namespace))).toEqual(['shop']);
  });
});

describe('a Repository', () => {
  test('that is made anew under its name knows nothing of the one before it', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await aPod('shop-abc-1');
    await aSession();
    await inPhase('now', 'Running');
    await report('now', { phase: 'Succeeded', repositoryID: 'abc' });
    await inPhase('now', 'Succeeded');
    await until(
      'the id',
      async () => (await client.get<Repository>(REPOSITORIES, 'repo', namespace)).status?.repositoryID,
    );
    const old = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
    await client.delete(REPOSITORIES, 'repo', namespace);
    const { name } = old.metadata;
    await client.create(REPOSITORIES, { ...old, metadata: { name, namespace } });
    const anew = await until('it is looked at', async () => {
      const found = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
      return found.status?.conditions === undefined ? undefined : found;
    });
    expect(anew.status).not.toHaveProperty('repositoryID');
    expect(anew.status).not.toHaveProperty('lastBackupTime');
  });
});

describe('a pod that was made before its configuration changed', () => {
  test('is not asked to back up: it has other volumes', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await aPod('shop-abc-1');
    const target = {
      ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
      directories: ['/source/data/part'],
    };
    await client.mergePatch(BACKUP_CONFIGURATIONS, 'shop', namespace, { spec: { target } });
    await aSession();
    await until('it waits', async () => why(await session('now'))?.reason === 'NoAgent' || undefined);
    await until('the new template', async () => {
      const { spec } = await shop();
      return JSON.stringify(spec).includes('--directory=/source/data/part') || undefined;
    });
    await aPod('shop-abc-2');
    expect((await inPhase('now', 'Running')).status?.hosts).toMatchObject([{ podName: 'shop-abc-2' }]);
  });
});

describe('the schedule', () => {
  test('makes sessions whose names tell the instant, keeps as many as it should, and rests while paused', async () => {
    await aShop();
    await aConfiguration({ schedule: '@every 10s', backupHistoryLimit: 0 });
    const { items } = await until('a session', async () => {
      const found = await client.list<BackupSession>(BACKUP_SESSIONS, { namespace });
      return found.length > 0 ? { items: found } : undefined;
    });
    const configuration = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
    const created = Date.parse(configuration.metadata.creationTimestamp ?? '') / 1000;
    expect(items[0]?.metadata.name).toBe(`shop-${created + 10}`);
    await client.mergePatch(BACKUP_CONFIGURATIONS, 'shop', namespace, { spec: { paused: true } });
    const paused = await until('the pause', async () => {
      const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      return status?.observedSchedule === 'paused' ? status : undefined;
    });
    expect(paused).not.toHaveProperty('nextScheduleTime');
    expect(paused.lastScheduleTime).toBe(new Date((created + 10) * 1000).toISOString().replace('.000', ''));
  });

  test('tries a failed session again after the delay, whoever leads then, and no more often than it says', async () => {
    await aShop();
    await aConfiguration({ retry: { limit: 2, delay: '2s' } });
    await injected();
    await aPod('shop-abc-1');
    const fail = async (name: string) => {
      await inPhase(name, 'Running');
      await report(name, { phase: 'Failed', reason: 'RepositoryLocked', message: 'locked' });
      return inPhase(name, 'Failed');
    };
    const named = async (name: string) => until(name, () => session(name).catch(() => undefined), 30);
    const due = Math.floor(Date.now() / 1000) - 60;
    const first = await client.create<BackupSession>(BACKUP_SESSIONS, {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'BackupSession',
      metadata: { name: `shop-${due}`, namespace, labels: { [DUE_LABEL]: `${due}` } },
      spec: { backupConfiguration: { name: 'shop' }, cancel: false },
    });
    const failed = await fail(first.metadata.name);
    await operator.stop('SIGKILL');
    await client.delete(leases, 'stash-operator', 'stash-system');
    operator = await startOperator();
    const second = await named(`shop-${due}-r1`);
    expect(second.metadata.labels).toMatchObject({ [DUE_LABEL]: `${due}`, [CONFIGURATION_LABEL]: 'shop' });
    const wait =
      Date.parse(second.metadata.creationTimestamp ?? '') - Date.parse(failed.status?.completionTime ?? '');
    expect(wait).toBeGreaterThanOrEqual(2_000);
    await fail(second.metadata.name);
    await named(`shop-${due}-r2`);
    await fail(`shop-${due}-r2`);
    await aSession('by-hand');
    await fail('by-hand');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const names = (await client.list<BackupSession>(BACKUP_SESSIONS, { namespace })).map(
      ({ metadata }) => metadata.name,
    );
    expect(names.sort()).toEqual(['by-hand', `shop-${due}-r1`, `shop-${due}-r2`]);
  });

  test('is caught up once by the process that leads next', async () => {
    await aShop();
    await aConfiguration({ schedule: '@every 10s' });
    const old = new Date(Date.now() - 35_000).toISOString().replace(/\.\d+/, '');
    await until('the schedule is seen', async () => {
      const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      return status?.nextScheduleTime;
    });
    await operator.stop('SIGKILL');
    await client.mergePatch(
      BACKUP_CONFIGURATIONS,
      'shop',
      namespace,
      { status: { lastScheduleTime: old } },
      { subresource: 'status' },
    );
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    // Nobody gave up the Lease.
    await client.delete(leases, 'stash-operator', 'stash-system');
    operator = await startOperator();
    await until('a session', async () => {
      const found = await client.list<BackupSession>(BACKUP_SESSIONS, { namespace });
      return found.length > 0 || undefined;
    });
    const sessions = await client.list<BackupSession>(BACKUP_SESSIONS, { namespace });
    expect(sessions.length).toBeLessThanOrEqual(2);
  });
});

describe('a workload', () => {
  test('is left alone until its owner’s next change where the configuration says so', async () => {
    await aShop();
    await aConfiguration({ rollout: 'OnNextUpdate' });
    await pending();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(containersOf(await shop())).toEqual(['shop']);
    await client.mergePatch(deployments, 'shop', namespace, { metadata: { labels: { changed: 'yes' } } });
    expect(containersOf(await shop())).toEqual(['shop']);
    const spec = { template: { metadata: { labels: { version: '2' } } } };
    await client.mergePatch(deployments, 'shop', namespace, { spec });
    expect(containersOf(await shop())).toEqual(['shop', 'stash']);
  });

  test('keeps its template, byte for byte, through changes of schedule and retention', async () => {
    await aShop();
    await aConfiguration();
    const before = await injected();
    await client.mergePatch(BACKUP_CONFIGURATIONS, 'shop', namespace, {
      spec: { schedule: '@daily', paused: true, retentionPolicy: { keepLast: 1, prune: true } },
    });
    await client.mergePatch(deployments, 'shop', namespace, { metadata: { labels: { touched: 'yes' } } });
    expect((await shop()).spec.template).toEqual(before.spec.template);
  });

  test('loses the sidecar and nothing else with its configuration, and its ServiceAccount the right to report', async () => {
    await aShop();
    const { spec } = await shop();
    await aConfiguration();
    await injected();
    await client.delete(BACKUP_CONFIGURATIONS, 'shop', namespace);
    const after = await until('the sidecar is out', async () => {
      const found = await shop();
      return containersOf(found).includes('stash') ? undefined : found;
    });
    expect(after.spec.template).toEqual(spec.template);
    await until('the RoleBinding is gone', () =>
      client.get(roleBindings, 'stash-agent-default', namespace).then(
        () => undefined,
        (error) => isNotFound(error) || undefined,
      ),
    );
  });

  test('keeps it through the end of a configuration that waits for its owner, until that changes the template', async () => {
    await aShop();
    const { spec } = await shop();
    await aConfiguration({ rollout: 'OnNextUpdate' });
    await pending();
    await client.mergePatch(deployments, 'shop', namespace, {
      spec: { template: { metadata: { labels: { version: '2' } } } },
    });
    const before = await injected();
    await until('what is remembered', async () => {
      const { annotations } = (await shop()).metadata;
      return annotations?.[ON_NEXT_UPDATE_ANNOTATION] === 'shop' || undefined;
    });
    await client.delete(BACKUP_CONFIGURATIONS, 'shop', namespace);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await client.mergePatch(deployments, 'shop', namespace, { spec: { replicas: 2 } });
    expect((await shop()).spec.template).toEqual(before.spec.template);
    await client.mergePatch(deployments, 'shop', namespace, {
      spec: { template: { metadata: { labels: { version: null } } } },
    });
    expect((await shop()).spec.template).toEqual(spec.template);
    await until('nothing is remembered', async () => {
      const { annotations } = (await shop()).metadata;
      return annotations?.[ON_NEXT_UPDATE_ANNOTATION] === undefined || undefined;
    });
  });

  test('is not rolled out for a Repository that goes and comes back, and is for its claim, which goes after it', async () => {
    await aShop();
    const { spec } = await shop();
    await aConfiguration();
    await injected();
    await learnt();
    const before = await shop();
    const { metadata, ...repository } = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
    await client.delete(REPOSITORIES, 'repo', namespace);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await shop()).metadata.generation).toBe(before.metadata.generation);
    await create(REPOSITORIES, { ...repository, metadata: { name: metadata.name, namespace } });
    await until('the condition', async () => {
      const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      return findCondition(status?.conditions, 'SidecarInjected')?.status === 'True' || undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await shop()).metadata.generation).toBe(before.metadata.generation);

    await client.delete(REPOSITORIES, 'repo', namespace);
    await client.mergePatch(persistentVolumeClaims, 'backups', namespace, { metadata: { finalizers: null } });
    await client.delete(persistentVolumeClaims, 'backups', namespace);
    const after = await until('the sidecar is out', async () => {
      const found = await shop();
      return containersOf(found).includes('stash') ? undefined : found;
    });
    expect(after.spec.template).toEqual(spec.template);
  });

  test('gets its sidecar back as it was, whoever changes it, in the very write that changes it', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await learnt();
    const before = await shop();
    await client.jsonPatch(deployments, 'shop', namespace, [
      { op: 'replace', path: '/spec/template/spec/containers/1/image', value: 'elsewhere:1' },
    ]);
    expect((await shop()).spec.template).toEqual(before.spec.template);
    await client.jsonPatch(deployments, 'shop', namespace, [
      { op: 'remove', path: '/spec/template/spec/containers/1' },
    ]);
    expect((await shop()).spec.template).toEqual(before.spec.template);
    expect((await shop()).metadata.generation).toBe(before.metadata.generation);
  });

  test('that was changed while no webhook answered is put right by the operator that comes next', async () => {
    await aShop();
    await aConfiguration();
    const before = await injected();
    await learnt();
    expect(await operator.stop()).toBe(0);
    await client.jsonPatch(deployments, 'shop', namespace, [
      { op: 'replace', path: '/spec/template/spec/containers/1/command', value: ['sleep', 'infinity'] },
    ]);
    operator = await startOperator();
    await until('the command', async () => {
      const { spec } = await shop();
      return JSON.stringify(spec.template) === JSON.stringify(before.spec.template) || undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { generation } = (await shop()).metadata;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await shop()).metadata.generation).toBe(generation);
  });

  test('from which another webhook takes the sidecar out is touched ever more rarely, and an Event says so', async () => {
    await aShop();
    const stripper = await aStripper();
    try {
      await aConfiguration();
      const note = await until(
        'the Event',
        async () => {
          const found = await client.list<ApiObject & { reason: string; note: string }>(events, {
            namespace,
          });
          return found.find(({ reason }) => reason === 'InjectionHadNoEffect')?.note;
        },
        30,
      );
      expect(note).toContain('a touch has no effect');
      const already = stripper.reviews();
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      // After three touches comes one more after 4 s, and then one after 8 s; each is reviewed twice, since ours has its say again.
      expect(stripper.reviews() - already).toBeLessThanOrEqual(4);
      expect(containersOf(await shop())).toEqual(['shop']);
    } finally {
      await stripper.close();
    }
    await injected();
  });

  test('is not given a claim that does not exist: its pods would never start', async () => {
    await aShop();
    // No controller is there to see that nothing uses it.
    await client.mergePatch(persistentVolumeClaims, 'backups', namespace, { metadata: { finalizers: null } });
    await client.delete(persistentVolumeClaims, 'backups', namespace);
    await until('the Repository is not ready', async () => {
      const { status } = await client.get<Repository>(REPOSITORIES, 'repo', namespace);
      return findCondition(status?.conditions, 'Ready')?.status === 'False' || undefined;
    });
    await aConfiguration();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(containersOf(await shop())).toEqual(['shop']);
    await create(persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'backups', namespace },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await injected();
  });
});

describe('a workload whose pods are on several nodes', () => {
  /** As its controller writes it when something became of its pods. */
  const noticed = async (replicas: number) => {
    await client.mergePatch(
      deployments,
      'shop',
      namespace,
      { status: { replicas } },
      { subresource: 'status' },
    );
  };
  const condition = (type: string, about: string) =>
    until(`${type} to tell of ${about}`, async () => {
      const { status } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, 'shop', namespace);
      const found = findCondition(status?.conditions, type);
      return found?.message.includes(about) ? found : undefined;
    });

  test('is not given a claim that is for the pods of one node; once it has it, it keeps it, and is told', async () => {
    await aShop();
    const volumes = [{ name: 'data', nfs: { server: 'nfs.example.com', path: '/data' } }];
    await client.mergePatch(deployments, 'shop', namespace, {
      spec: { replicas: 2, template: { spec: { volumes } } },
    });
    await aPod('shop-abc-1', true, 'node-a');
    await aPod('shop-abc-2', true, 'node-b');
    await aConfiguration();
    const refused = await condition('SidecarInjected', 'nodes node-a, node-b');
    expect(refused).toMatchObject({ status: 'False', reason: 'ClaimNotShareable' });
    await aSession();
    expect(why(await inPhase('now', 'Failed'))).toMatchObject({ reason: 'ClaimNotShareable' });
    const restore = {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'RestoreSession',
      metadata: { name: 'back', namespace },
      spec: {
        repository: { name: 'repo' },
        target: {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
          directories: ['/source/data'],
        },
      },
    };
    await client.create(RESTORE_SESSIONS, restore as unknown as RestoreSession);
    const over = await until('the end of the restore', async () => {
      const found = await client.get<RestoreSession>(RESTORE_SESSIONS, 'back', namespace);
      return found.status?.phase === 'Failed' ? found : undefined;
    });
    expect(why(over)).toMatchObject({ reason: 'ClaimNotShareable' });
    const plain = await shop();
    expect(containersOf(plain)).toEqual(['shop']);
    expect(JSON.stringify(plain)).not.toContain('backups');

    await client.delete(pods, 'shop-abc-2', namespace, { gracePeriodSeconds: 0 });
    await noticed(1);
    const { spec } = await injected();
    const given = await condition('SidecarInjected', 'another node than node-a could not start');
    expect(given).toMatchObject({ status: 'True', reason: 'Injected' });
    expect(await condition('Ready', 'its sessions can run')).toMatchObject({ status: 'True' });

    await aPod('shop-abc-3', true, 'node-b');
    await noticed(2);
    expect(await condition('Ready', 'nodes node-a, node-b')).toMatchObject({
      status: 'False',
      reason: 'ClaimNotShareable',
    });
    expect(await condition('SidecarInjected', 'nodes node-a, node-b')).toMatchObject({ status: 'True' });
    await client.mergePatch(deployments, 'shop', namespace, { metadata: { labels: { touched: 'yes' } } });
    expect((await shop()).spec).toEqual(spec);
  });
});

describe('a restore', () => {
  const restoreSession = () => client.get<RestoreSession>(RESTORE_SESSIONS, 'back', namespace);
  const aRestore = () =>
    client.create(RESTORE_SESSIONS, {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'RestoreSession',
      metadata: { name: 'back', namespace },
      spec: {
        repository: { name: 'repo' },
        target: {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
          directories: ['/source/data'],
        },
      },
    } as ApiObject);

  test('puts the init container in, runs in one pod, and leaves the template as it is when it is over', async () => {
    await aShop();
    await aRestore();
    const carrying = await until('the init container', async () => {
      const found = await shop();
      return readRecord(found.spec.template.metadata.annotations)?.restores.includes('back')
        ? found
        : undefined;
    });
    const pod = await aPod('shop-abc-1');
    const running = await until('Running', async () => {
      const found = await restoreSession();
      return found.status?.phase === 'Running' ? found : undefined;
    });
    expect(running.status?.hosts).toMatchObject([{ host: 'host-0', podUID: pod.metadata.uid }]);
    await report(
      'back',
      { phase: 'Failed', reason: 'NoSnapshot', message: 'there is no snapshot of /source/data' },
      [],
      RESTORE_SESSIONS,
    );
    const failed = await until('Failed', async () => {
      const found = await restoreSession();
      return found.status?.phase === 'Failed' ? found : undefined;
    });
    expect(why(failed)).toMatchObject({
      reason: 'NoSnapshot',
      message: 'host-0: there is no snapshot of /source/data',
    });
    // Not even a change of the object, as the Deployment controller makes many, takes it out.
    await client.mergePatch(deployments, 'shop', namespace, { metadata: { annotations: { revision: '2' } } });
    expect((await shop()).spec.template).toEqual(carrying.spec.template);
    const spec = { template: { metadata: { labels: { version: '2' } } } };
    await client.mergePatch(deployments, 'shop', namespace, { spec });
    expect((await shop()).spec.template.spec).not.toHaveProperty('initContainers');
  });

  test('gives the replicas back that it took, whatever kubectl rollout undo makes of their annotation', async () => {
    await aShop();
    await client.jsonPatch(deployments, 'shop', namespace, [
      { op: 'replace', path: '/spec/replicas', value: 3 },
      {
        op: 'replace',
        path: '/spec/template/spec/volumes/0',
        value: { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      },
    ]);
    const before = await shop();
    await aPod('shop-abc-1', true, 'node-a');
    await aRestore();
    const isAt = async (replicas: number, isHeld: boolean) => {
      const { metadata, spec } = await shop();
      const held = metadata.annotations?.[HELD_REPLICAS_ANNOTATION];
      return (spec.replicas === replicas && (held !== undefined) === isHeld) || undefined;
    };
    const undo = (annotations: object) =>
      client.jsonPatch(deployments, 'shop', namespace, [
        { op: 'replace', path: '/spec/template', value: before.spec.template },
        { op: 'replace', path: '/metadata/annotations', value: annotations },
      ]);
    await until('zero', () => isAt(0, true));
    const { annotations: later = {} } = (await shop()).metadata;
    expect((await undo({})).metadata.annotations ?? {}).not.toHaveProperty([HELD_REPLICAS_ANNOTATION]);
    await until('the annotation to be back', () => isAt(0, true));
    await client.mergePatch(RESTORE_SESSIONS, 'back', namespace, { spec: { cancel: true } });
    await until('three replicas', () => isAt(3, false));

    // What was true during the restore comes back, when its owner has scaled it to zero.
    await client.mergePatch(deployments, 'shop', namespace, { spec: { replicas: 0 } });
    expect(later).toHaveProperty([HELD_REPLICAS_ANNOTATION]);
    await undo(later);
    await until('the annotation to be gone', () => isAt(0, false));
  });
});

describe('a repository', () => {
  const repository = () => client.get<Repository>(REPOSITORIES, 'repo', namespace);
  type Job = KubernetesObject<{
    template: { spec: { serviceAccountName: string; containers: { args: string[] }[] } };
    activeDeadlineSeconds: number;
  }>;
  const checked = (what: string, is: (found: Repository) => boolean) =>
    until(what, async () => {
      const found = await repository();
      return is(found) ? found : undefined;
    });
  const integrity = ({ status }: Repository) => findCondition(status?.conditions, 'Integrity');

  async function aCheck(): Promise<Job> {
    await client.mergePatch(
      REPOSITORIES,
      'repo',
      namespace,
      { status: { repositoryID: 'abc' } },
      { subresource: 'status' },
    );
    await client.mergePatch(REPOSITORIES, 'repo', namespace, {
      spec: { integrityCheck: { schedule: '@every 10s', serviceAccountName: 'checker', timeout: '5m' } },
    });
    const { status } = await checked('the check', ({ status }) => status?.integrity !== undefined);
    return client.get<Job>(jobs, status?.integrity?.jobName ?? '', namespace);
  }

  /** The pod that the Job controller would have made of the Job, as kubelet has started it. */
  async function itsPod(job: Job): Promise<ApiObject> {
    const pod = await create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${job.metadata.name}-pod`,
        namespace,
        labels: { 'batch.kubernetes.io/job-name': job.metadata.name },
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'Job',
            name: job.metadata.name,
            uid: job.metadata.uid ?? '',
            controller: true,
          },
        ],
      },
      spec: job.spec.template.spec,
    });
    const state = { running: { startedAt: new Date().toISOString() } };
    const container = { name: 'stash-check', image: 'x', imageID: 'x', ready: true, restartCount: 0, state };
    const status = { phase: 'Running', containerStatuses: [container] };
    await client.mergePatch(pods, pod.metadata.name, namespace, { status }, { subresource: 'status' });
    return pod;
  }

  const reportCheck = (found: object) =>
    client.apply(
      REPOSITORIES,
      {
        apiVersion: 'stash.appscode.com/v1alpha2',
        kind: 'Repository',
        metadata: { name: 'repo', namespace },
        status: { integrity: { completionTime: new Date().toISOString().replace(/\.\d+/, ''), ...found } },
      } as ApiObject,
      { subresource: 'status', fieldManager: 'stash-agent-check', force: true },
    );
  const rest = () =>
    client.mergePatch(REPOSITORIES, 'repo', namespace, { spec: { integrityCheck: { schedule: '@yearly' } } });

  test('is checked by a Job of its namespace, and tells what was found; backups wait meanwhile', async () => {
    await aShop();
    await aConfiguration();
    await injected();
    await aPod('shop-abc-1');
    const job = await aCheck();
    await rest();
    expect(job.metadata.ownerReferences).toMatchObject([{ kind: 'Repository', name: 'repo' }]);
    expect(job.spec.template.spec).toMatchObject({ serviceAccountName: 'checker' });
    expect(job.spec.template.spec.containers[0]?.args).toEqual(['agent', 'check', '--repository=repo']);
    expect(job.spec.activeDeadlineSeconds).toBe(300);
    const binding = await until('the RoleBinding', () =>
      client.get(roleBindings, 'stash-check-checker', namespace).catch(() => undefined),
    );
    expect(binding).toMatchObject({ roleRef: { kind: 'ClusterRole', name: 'stash-check' } });

    await aSession();
    expect(why(await inPhase('now', 'Pending'))).toMatchObject({ reason: 'Queued' });
    const pod = await itsPod(job);
    await checked('the pod', ({ status }) => status?.integrity?.podUID === pod.metadata.uid);
    await reportCheck({ phase: 'Succeeded', snapshotCount: 3, sizeBytes: 2048 });
    const sound = await checked('the end', (found) => integrity(found)?.status === 'True');
    expect(sound.status).toMatchObject({ snapshotCount: 3, size: '2.000 KiB', sizeBytes: 2048 });
    expect(sound.status?.lastCheckTime).toBe(sound.status?.integrity?.completionTime);
    await inPhase('now', 'Running');
  });

  test('that is damaged says so, until a check finds nothing wrong', async () => {
    await aShop();
    const job = await aCheck();
    const pod = await itsPod(job);
    await checked('the pod', ({ status }) => status?.integrity?.podUID === pod.metadata.uid);
    await reportCheck({ phase: 'Failed', reason: 'Damaged', message: 'restic check found 2 errors' });
    const damaged = await checked('the end', (found) => integrity(found)?.status === 'False');
    expect(integrity(damaged)).toMatchObject({ reason: 'Damaged', message: 'restic check found 2 errors' });
    const next = await checked(
      'the next check',
      ({ status }) => status?.integrity !== undefined && status.integrity.jobName !== job.metadata.name,
    );
    expect(next.status?.integrity).not.toHaveProperty('podUID');
    // That one cannot be made says nothing against what was found before.
    await client.delete(jobs, next.status?.integrity?.jobName ?? '', namespace, {
      propagationPolicy: 'Background',
    });
    const lost = await checked('its end', ({ status }) => status?.integrity?.reason === 'JobGone');
    expect(integrity(lost)?.status).toBe('False');
    await rest();
  });

  test('is given back to a restore at once', async () => {
    await aShop();
    const job = await aCheck();
    await rest();
    const session = {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'RestoreSession',
      metadata: { name: 'back', namespace },
      spec: {
        repository: { name: 'repo' },
        target: {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
          directories: ['/source/data'],
        },
      },
    } as ApiObject;
    await client.create(RESTORE_SESSIONS, session);
    await until(
      'the init container',
      async () =>
        readRecord((await shop()).spec.template.metadata.annotations)?.restores.includes('back') || undefined,
    );
    await aPod('shop-abc-1');
    const ended = await checked('its end', ({ status }) => status?.integrity?.phase === 'Failed');
    expect(integrity(ended)).toMatchObject({ status: 'Unknown', reason: 'RestoreRunning' });
    await until('the Job is gone', () =>
      client.get<Job>(jobs, job.metadata.name, namespace).then(
        ({ metadata }) => metadata.deletionTimestamp !== undefined || undefined,
        (error) => isNotFound(error) || undefined,
      ),
    );
  });
});

describe('two operators', () => {
  test('lead one after the other: the second takes over when the first stops', async () => {
    const second = await startOperator();
    expect(second.log()).not.toContain('"msg":"leading"');
    expect(await operator.stop()).toBe(0);
    operator = second;
    await until('the second leads', () => second.log().includes('"msg":"leading"') || undefined);
    await aShop();
    await aConfiguration();
    await until(
      'it registered itself',
      () => second.log().includes('the webhooks are registered') || undefined,
    );
    await injected();
  });
});
