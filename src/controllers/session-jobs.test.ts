import { describe, expect, it } from 'vitest';
import type { BackupSession } from '../api/backup-session.ts';
import type { Resource } from '../api/resources.ts';
import { configurationHash } from '../api/session-subject.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { ApiObject } from '../kube/object.ts';
import { jobs, nodes, pods } from '../kube/resource.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { HostWatch } from './host-watch.ts';
import { aConfiguration, aRepository, aSession } from './objects.fixture.ts';
import { SessionJobs } from './session-jobs.ts';
import { claimUserNow, faultOfTask } from './task-run.ts';

const started = '2026-11-22T17:00:00Z';
const now = Date.parse('2026-11-22T17:00:10Z');

const configuration = aConfiguration({
  spec: {
    task: { name: 'volumeBackup' },
    target: { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' } },
  },
});
const repository = aRepository();
const running = (status: object = {}, spec: object = {}): BackupSession =>
  aSession({
    spec,
    status: {
      phase: 'Running',
      startTime: started,
      deadline: '2026-11-22T18:00:00Z',
      job: 'shop-1',
      hosts: [{ host: 'host-0' }],
      ...status,
    },
  });

function aTask(caches = createCaches()) {
  const meta = { apiVersion: 'stash.appscode.com/v1beta1' };
  caches.tasks.set({
    ...meta,
    kind: 'Task',
    metadata: { name: 'volume-backup' },
    spec: { functions: [{ name: 'dump' }] },
  });
  caches.functions.set({
    ...meta,
    kind: 'Function',
    metadata: { name: 'dump' },
    spec: { image: 'dump:1' },
  });
  caches.claims.set({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'demo' },
    spec: { accessModes: ['ReadWriteOnce'] },
    status: { phase: 'Bound' },
  });
  return caches;
}

interface Cluster {
  job?: ApiObject;
  pods?: ApiObject[];
  refusal?: ApiError;
  /** What Kubernetes says of whether node-1 is ready. */
  ready?: string;
}

/** A cluster with one Job at most, and what was done in it. */
function controlled(cluster: Cluster = {}, at = now, more: Partial<Context> = {}) {
  const done: string[] = [];
  const clock = manualClock(at);
  const client = {
    get: (resource: Resource, name: string) => {
      const all =
        resource === nodes ? [aNode(cluster.ready)] : resource === pods ? cluster.pods : [cluster.job];
      const found = all?.find((each) => each?.metadata.name === name);
      return found === undefined
        ? Promise.reject(new ApiError(404, { reason: 'NotFound' }))
        : Promise.resolve(found);
    },
    list: (resource: Resource) => Promise.resolve(resource === pods ? (cluster.pods ?? []) : []),
    create: (resource: Resource, object: ApiObject) => {
      expect(resource).toBe(jobs);
      if (cluster.refusal !== undefined) return Promise.reject(cluster.refusal);
      done.push(`create ${object.metadata.name}`);
      return Promise.resolve(object);
    },
    delete: (_: Resource, name: string) => {
      done.push(`delete ${name}`);
      return Promise.resolve();
    },
  } as unknown as Client;
  const context = {
    client,
    caches: aTask(),
    clock,
    log: { info: () => {} },
    injection: { image: 'stash:1', imagePullSecrets: [], nativeSidecar: false, resources: { requests: {} } },
    ...more,
  } as unknown as Context;
  return { sessionJobs: new SessionJobs(context, new HostWatch(client, clock)), done, clock };
}

const aJob = (owner = 'session-uid', conditions: object[] = []): ApiObject =>
  ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'shop-1',
      namespace: 'demo',
      uid: 'job-uid',
      creationTimestamp: started,
      ownerReferences: [{ apiVersion: 'x', kind: 'BackupSession', name: 'shop-1', uid: owner }],
    },
    spec: {},
    status: { conditions },
  }) as ApiObject;

const aPod = (owner = 'job-uid', status: object = {}): ApiObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'shop-1-abc',
      namespace: 'demo',
      uid: 'pod-uid',
      creationTimestamp: started,
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: 'shop-1', uid: owner, controller: true },
      ],
    },
    spec: { nodeName: 'node-1' },
    status: { phase: 'Pending', ...status },
  }) as ApiObject;

const aNode = (status = 'True'): ApiObject =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { conditions: [{ type: 'Ready', status, lastTransitionTime: started }] },
  }) as ApiObject;

const settle = (cluster: Cluster, session = running(), at = now) => {
  const { sessionJobs, done } = controlled(cluster, at);
  return sessionJobs.settle(session, configuration, repository).then((outcome) => ({ ...outcome, done }));
};

const noImage = {
  initContainerStatuses: [
    { name: 'stash-prepare', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
  ],
};

describe('the Job of a session', () => {
  it.each([
    ['what the installation says of metrics', {}, ['true http://push:9091']],
    ['what its user says', { enableMetric: 'false', pushgatewayURL: 'http://own:1' }, ['false http://own:1']],
  ])('has %s', async (_, inputs, args) => {
    const caches = aTask();
    caches.functions.set({
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'Function',
      metadata: { name: 'dump' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a Function's variables are written so.
      spec: { image: 'dump:1', args: ['${enableMetric} ${pushgatewayURL}'] },
    });
    const taskMetrics = { enableMetric: true, pushgatewayURL: 'http://push:9091' };
    const { sessionJobs } = controlled({}, now, { caches, taskMetrics });
    const asking = aConfiguration({
      spec: { ...configuration.spec, task: { name: 'volumeBackup', inputs } },
    });
    const job = await sessionJobs.resolve(running(), asking, repository);
    expect(job).toMatchObject({ spec: { template: { spec: { containers: [{ args }] } } } });
  });
});

describe('a session with a task that runs', () => {
  it('has its Job made where there is none, be it after a restart of the operator', async () => {
    const { done, hosts, changed } = await settle({});
    expect(done).toEqual(['create shop-1']);
    expect(hosts).toEqual([{ host: 'host-0' }]);
    expect(changed).toBe(true);
  });

  it('has none made from a configuration that is about something else by now', async () => {
    const as = (spec: object) => configurationHash({ spec: { ...configuration.spec, ...spec } });
    expect((await settle({}, running({ configurationHash: as({ schedule: '@daily' }) }))).done).toHaveLength(
      1,
    );
    const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'other' };
    const { done, hosts } = await settle({}, running({ configurationHash: as({ target: { ref } }) }));
    expect(done).toEqual([]);
    expect(hosts).toMatchObject([{ phase: 'Failed', reason: 'ConfigurationChanged' }]);
  });

  it('appoints the pod of its Job, once, and no pod that bears the label alone', async () => {
    const appointed = { host: 'host-0', podName: 'shop-1-abc', podUID: 'pod-uid' };
    expect((await settle({ job: aJob(), pods: [aPod()] })).hosts).toEqual([appointed]);
    expect((await settle({ job: aJob(), pods: [aPod('other')] })).hosts).toEqual([{ host: 'host-0' }]);
  });

  it('does not make a Job again whose pod was appointed', async () => {
    const session = running({ hosts: [{ host: 'host-0', podName: 'shop-1-abc', podUID: 'pod-uid' }] });
    const { done, hosts } = await settle({}, session);
    expect(done).toEqual([]);
    expect(hosts).toMatchObject([{ phase: 'Failed', reason: 'JobGone' }]);
  });

  it('tells of a Job of another that has its name, and leaves it alone', async () => {
    const { done, hosts, condition } = await settle({ job: aJob('other') });
    expect(done).toEqual([]);
    expect(hosts).toEqual([{ host: 'host-0' }]);
    expect(condition).toMatchObject({ status: 'Unknown', reason: 'JobNameTaken' });
  });

  it.each([
    ['while it may still come', now, undefined],
    ['for ten minutes', now + 601_000, 'ImagePullFailed'],
    ['to its deadline', Date.parse('2026-11-22T18:00:01Z'), 'ImagePullFailed'],
  ])('waits for what keeps its pod from starting %s', async (_, at, reason) => {
    const { hosts, condition } = await settle(
      { job: aJob(), pods: [aPod('job-uid', noImage)] },
      running(),
      at,
    );
    expect(hosts[0]?.reason).toBe(reason);
    if (reason === undefined) expect(condition).toMatchObject({ reason: 'ImagePullFailed' });
  });

  it('ends at its deadline where nothing else is known', async () => {
    const pod = aPod('job-uid', { containerStatuses: [{ name: 'dump', state: { running: {} } }] });
    const at = Date.parse('2026-11-22T18:00:01Z');
    const { hosts } = await settle({ job: aJob(), pods: [pod] }, running(), at);
    expect(hosts).toMatchObject([{ phase: 'Failed', reason: 'DeadlineExceeded' }]);
  });

  describe('of a claim that is for one pod alone', () => {
    const caches = aTask();
    for (const claim of caches.claims.list())
      caches.claims.set({ ...claim, spec: { accessModes: ['ReadWriteOncePod'] } });
    const holder = {
      ...aPod('nobody'),
      ...{
        metadata: { name: 'app', uid: 'app-uid' },
        spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] },
      },
    };

    it('is not made while a pod has the claim', async () => {
      const { sessionJobs, done } = controlled({ pods: [holder] }, now, { caches });
      expect(await sessionJobs.resolve(running(), configuration, repository)).toMatchObject({
        reason: 'ClaimInUse',
        message: expect.stringContaining('the pod app'),
      });
      const { hosts } = await sessionJobs.settle(running(), configuration, repository);
      expect(hosts).toMatchObject([{ phase: 'Failed', reason: 'ClaimInUse' }]);
      expect(done).toEqual([]);
    });

    const message =
      '0/1 nodes: node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod';
    const unplaced = {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
    };
    it.each([
      ['is given up, and does not lie in wait, where a pod had the claim first', [holder], 'ClaimInUse'],
      ['waits where its pod cannot be placed for another reason', [], undefined],
    ])('%s', async (_, others, reason) => {
      const own = aPod('job-uid', unplaced);
      Object.assign(own, { spec: holder.spec });
      const { sessionJobs } = controlled({ job: aJob(), pods: [own, ...others] }, now, { caches });
      const { hosts } = await sessionJobs.settle(running(), configuration, repository);
      expect(hosts[0]?.reason).toBe(reason);
    });
  });

  it('is Failed as it is cancelled', async () => {
    const { hosts } = await settle({ job: aJob(), pods: [aPod()] }, running({}, { cancel: true }));
    expect(hosts).toMatchObject([{ phase: 'Failed', reason: 'Cancelled' }]);
    const said = { reason: 'NotMarkedIncomplete', message: 'Snapshot 01234567 is not complete' };
    const flawed = running({ hosts: [{ host: 'host-0', phase: 'Running', ...said }] }, { cancel: true });
    const message = `${said.message}. the session was cancelled`;
    expect((await settle({ job: aJob(), pods: [aPod()] }, flawed)).hosts).toMatchObject([
      { ...said, message },
    ]);
  });

  it.each([
    ['waits for room in a quota', 403, { host: 'host-0' }, 'PodNotCreated'],
    ['fails of what the API server finds wrong', 422, { phase: 'Failed', reason: 'TaskInvalid' }, undefined],
  ])('%s', async (_, status, host, reason) => {
    const refusal = new ApiError(status, { message: 'refused' });
    const { hosts, condition } = await settle({ refusal });
    expect(hosts).toMatchObject([host]);
    expect(condition?.reason).toBe(reason);
  });

  it('has its Job stopped where that goes on, and kept where it has ended', async () => {
    const going = controlled({ job: aJob() });
    await going.sessionJobs.end(running(), true, 0);
    expect(going.done).toEqual(['delete shop-1']);
    for (const job of [aJob('other'), aJob('session-uid', [{ type: 'Failed', status: 'True' }])]) {
      const left = controlled({ job });
      await left.sessionJobs.end(running(), true, 0);
      expect(left.done).toEqual([]);
    }
  });

  const acting = { phase: 'Running', containerStatuses: [{ name: 'dump', state: { running: {} } }] };
  const disruption = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' };
  const evicted = { ...acting, conditions: [disruption] };
  const appointed = [{ host: 'host-0', podName: 'shop-1-abc', podUID: 'pod-uid' }];
  it.each<[string, ApiObject[], number, boolean]>([
    ['not while its pod runs, though the Job is gone', [aPod('job-uid', acting)], 0, false],
    ['once its pod has ended', [aPod('job-uid', { phase: 'Failed' })], 0, true],
    ['once its pod is gone', [], 0, true],
    ['where another pod has the name', [{ ...aPod(), metadata: { name: 'shop-1-abc', uid: 'x' } }], 0, true],
    ['not at once where its pod was evicted from a lost node', [aPod('job-uid', evicted)], 25_000, false],
    ['soon where its pod was evicted from a lost node', [aPod('job-uid', evicted)], 26_000, true],
    ['where its pod does not end for minutes', [aPod('job-uid', acting)], 121_000, true],
  ])('may end, after its Job was stopped, %s', async (_, all, waited, mayEnd) => {
    const { sessionJobs } = controlled({ pods: all });
    expect(await sessionJobs.end(running({ hosts: appointed }), true, waited)).toBe(mayEnd);
  });

  it.each([
    ['node-1 of its pod is silent', 'Unknown', 'NodeLost'],
    ['only its steps are silent', 'True', undefined],
    ['node-1 says that it is not ready', 'False', undefined],
  ])('where %s is Failed with %s, soon after', async (_, ready, reason) => {
    const cluster = { job: aJob(), pods: [aPod('job-uid', acting)], ready };
    const { sessionJobs, clock } = controlled(cluster);
    const session = running({ hosts: appointed });
    const reasons: (string | undefined)[] = [];
    for (const ms of [46_000, 21_000]) {
      reasons.push((await sessionJobs.settle(session, configuration, repository)).hosts[0]?.reason);
      await clock.advance(ms);
    }
    const { hosts } = await sessionJobs.settle(session, configuration, repository);
    reasons.push(hosts[0]?.reason);
    expect(reasons).toEqual([undefined, undefined, reason]);
    if (reason !== undefined) expect(hosts[0]?.message).toContain('node-1');
    expect(await sessionJobs.end(session, true, 26_000)).toBe(reason !== undefined);
  });

  it.each([
    ['is left to end by itself for a minute', 59_000, [], false],
    ['is stopped after that, since a sidecar runs for ever', 60_000, ['delete shop-1'], false],
    ['is waited for no longer where it does not end then', 181_000, ['delete shop-1'], true],
  ])('has a Job that %s, once all is done', async (_, waited, expected, mayEnd) => {
    const { sessionJobs, done } = controlled({ job: aJob(), pods: [aPod('job-uid', acting)] });
    expect(await sessionJobs.end(running({ hosts: appointed }), false, waited)).toBe(mayEnd);
    expect(done).toEqual(expected);
  });
});

const named = (name: string, namespace?: string): ApiObject => ({
  apiVersion: '',
  kind: '',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
});

describe('the Task of a configuration', () => {
  it('can be run where all is there, under its name in kebab case', () => {
    expect(faultOfTask(aTask(), configuration, repository)).toBeUndefined();
  });

  it.each([
    ['TaskNotFound', (caches: ReturnType<typeof aTask>) => caches.tasks.delete(named('volume-backup'))],
    ['TaskInvalid', (caches: ReturnType<typeof aTask>) => caches.functions.delete(named('dump'))],
    ['ClaimNotFound', (caches: ReturnType<typeof aTask>) => caches.claims.delete(named('data', 'demo'))],
  ])('cannot where something is missing: %s', (reason, remove) => {
    const caches = aTask();
    remove(caches);
    expect(faultOfTask(caches, configuration, repository)).toMatchObject({ reason });
  });

  it('cannot where the repository is on the claim itself', () => {
    const backend = { local: { persistentVolumeClaim: { claimName: 'data' } }, storageSecretName: 'secret' };
    expect(faultOfTask(aTask(), configuration, aRepository({ spec: { backend } }))).toMatchObject({
      reason: 'RepositoryOnTarget',
    });
  });
});

describe('whoever has a claim', () => {
  const claim = (mode: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: [mode] },
    status: {},
  });
  const user = {
    ...aPod(),
    metadata: { name: 'app' },
    spec: {
      nodeName: 'node-1',
      containers: [
        { name: 'app', securityContext: { runAsUser: 7 }, volumeMounts: [{ name: 'd', mountPath: '/d' }] },
      ],
      volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }],
    },
  };
  const found = (mode: string, each = user) => claimUserNow('data', claim(mode), [each], [], 'backup');

  it('says as whom it is read, and where, if it is on one node alone', () => {
    expect(found('ReadWriteOnce')).toMatchObject({
      podSecurityContext: { runAsUser: 7 },
      nodeName: 'node-1',
    });
    expect(found('ReadWriteMany')).not.toHaveProperty('nodeName');
  });

  it('says nothing once it has ended', () => {
    expect(found('ReadWriteOnce', { ...user, ...{ status: { phase: 'Succeeded' } } })).toBeUndefined();
  });
});
