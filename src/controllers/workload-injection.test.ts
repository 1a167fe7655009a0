import { describe, expect, it } from 'vitest';
import { LEARNT_ANNOTATION, ON_NEXT_UPDATE_ANNOTATION } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { findCondition } from '../api/conditions.ts';
import type { WorkloadBackup } from '../api/workload-target.ts';
import { deployment, OPTIONS } from '../injection/fixtures.ts';
import { inject } from '../injection/inject.ts';
import { isRaw } from '../injection/raw.ts';
import { readRefusal } from '../injection/refusal.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { ApiObject } from '../kube/object.ts';
import { createCaches } from './caches.ts';
import { configurationStatus } from './configuration-status.ts';
import type { Context } from './context.ts';
import { aConfiguration, aRepository, aRestore, aWorkload } from './objects.fixture.ts';
import { RefusalWatch } from './refusal-watch.ts';
import { wantedAtRest, wantedFor } from './wanted.ts';
import type { Workload } from './workload.ts';
import { workloadInjection } from './workload-injection.ts';

const NOTE = 'pods "shop-0" is forbidden: must be less than or equal to memory limit of 64Mi';

/** A workload whose pods are refused with what is in it, and the reconciler that sees it. */
function refusing(
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet',
  more: { restores?: string[]; status?: Workload['status'] } = {},
) {
  const { restores = [] } = more;
  const target = {
    ref: { apiVersion: 'apps/v1' as const, kind, name: 'shop' },
    directories: ['/data'],
  };
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.configurations.set(aConfiguration({ spec: { target } }));
  for (const name of restores) caches.restoreSessions.set(aRestore({ metadata: { name }, spec: { target } }));
  const { spec } = deployment() as unknown as Workload;
  const own = aWorkload({ kind, spec: { ...spec, replicas: 1 } });
  const status: Workload['status'] = {
    observedGeneration: 1,
    desiredNumberScheduled: 1,
    ...(kind === 'Deployment' && { conditions: [{ type: 'ReplicaFailure', status: 'True', message: NOTE }] }),
    ...more.status,
  };
  const wanted = wantedFor(caches, 'demo', kind, 'shop');
  const workload: Workload = { ...inject(own, wanted, OPTIONS).workload, status };
  caches.workloads.of(kind).set(workload);

  const clock = manualClock(Date.parse('2026-11-22T17:00:00Z'));
  const asked: string[] = [];
  const patches: object[] = [];
  const marks = () => patches.flatMap((patch) => readRefusal(patch) ?? []);
  const told: string[] = [];
  const event = {
    ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'e' } },
    ...{ reason: 'FailedCreate', note: NOTE, deprecatedLastTimestamp: '2026-11-22T17:00:01Z' },
  };
  const client = {
    list: (_: unknown, { fieldSelector }: { fieldSelector: string }) => {
      asked.push(fieldSelector);
      return Promise.resolve([event]);
    },
    mergePatch: (_resource: unknown, _name: string, _namespace: string, patch: object) => {
      patches.push(patch);
      return Promise.resolve(workload as ApiObject);
    },
  } as unknown as Context['client'];
  const context = {
    ...{ client, caches, clock, injection: OPTIONS },
    log: { info: () => {}, warn: () => {} },
    events: { record: ({ reason }: { reason: string }) => told.push(reason) },
  } as unknown as Context;
  const watch = new RefusalWatch(client, clock);
  const reconcile = workloadInjection(context, watch);
  const tell = configurationStatus(context, watch);
  const conditions = () =>
    patches.flatMap((patch) => ('status' in patch ? (patch as BackupConfiguration).status : [])).at(-1)
      ?.conditions;
  return {
    reconcile: () => reconcile(`demo/${kind}/shop`),
    tell: () => tell('demo/shop'),
    clock,
    asked,
    marks,
    told,
    conditions,
  };
}

describe('a workload whose pods are refused with the sidecar', () => {
  it.each([
    ['Deployment' as const, []],
    ['StatefulSet' as const, ['regarding.uid=workload-uid,type=Warning']],
    ['DaemonSet' as const, ['regarding.uid=workload-uid,type=Warning']],
  ])('is marked after a while, so that it is taken out: a %s', async (kind, questions) => {
    const { reconcile, clock, asked, marks, told } = refusing(kind);
    expect(await reconcile()).toEqual({ requeueAfter: 10_000 });
    expect({ asked, marks: marks() }).toEqual({ asked: [], marks: [] });
    clock.set(clock.now() + 10_000);
    await reconcile();
    expect(asked).toEqual(questions);
    expect(told).toEqual(['PodsRefused']);
    expect(marks()).toHaveLength(1);
    expect(marks()[0]).toMatchObject({
      leftOut: ['shop-uid.1'],
      message: NOTE,
    });
  });

  it('has the restore taken out first, where one is in', async () => {
    const { reconcile, clock, marks } = refusing('StatefulSet', { restores: ['back'] });
    await reconcile();
    clock.set(clock.now() + 10_000);
    await reconcile();
    expect(marks()[0]?.leftOut).toEqual(['restore-uid.1']);
  });

  it.each([
    ['Deployment' as const, { replicas: 1, updatedReplicas: 1 }],
    [
      'DaemonSet' as const,
      { currentNumberScheduled: 1, updatedNumberScheduled: 1, desiredNumberScheduled: 2 },
    ],
  ])('keeps it where only one more of the same is refused, and that is told: a %s', async (kind, status) => {
    const { reconcile, tell, clock, marks, told, conditions } = refusing(kind, { status });
    expect(await reconcile()).toEqual({ requeueAfter: 10_000 });
    expect(await tell()).toEqual({ requeueAfter: 10_000 });
    expect(findCondition(conditions(), 'Ready')).toMatchObject({ status: 'True' });
    clock.set(clock.now() + 10_000);
    await reconcile();
    expect(await tell()).toBeUndefined();
    expect(marks()).toEqual([]);
    const message = `pods of ${kind} "shop" cannot be created: ${NOTE}`;
    expect(findCondition(conditions(), 'Ready')).toMatchObject({ reason: 'PodsRefused', message });
    expect(findCondition(conditions(), 'SidecarInjected')).toMatchObject({ status: 'True' });
    expect(told).toEqual(['PodsRefused']);
  });
});

/** A workload and its reconciler, in a cluster where each write to it passes a webhook that puts in what is wanted at rest. */
function served(...configurations: WorkloadBackup[]) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.claims.set({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'backups', namespace: 'demo' },
    spec: { accessModes: ['ReadWriteMany'] },
    status: { phase: 'Bound' },
  });
  for (const each of configurations) caches.configurations.set(each);
  const clock = manualClock(Date.parse('2026-11-22T17:00:00Z'));
  const { spec } = deployment() as unknown as Workload;
  const own = aWorkload({ spec: { ...spec, replicas: 1 } });
  let version = 1;
  const see = (workload: Workload) => {
    const metadata = { ...workload.metadata, resourceVersion: `${++version}` };
    caches.workloads.of('Deployment').set({ ...workload, metadata });
  };
  const now = () => caches.workloads.get('demo/Deployment/shop') as Workload;
  see(inject(own, wantedFor(caches, 'demo', 'Deployment', 'shop'), OPTIONS).workload);

  const writtenAt: number[] = [];
  const client = {
    list: () => Promise.resolve([]),
    mergePatch: (_resource: unknown, _name: string, _namespace: string, patch: object) => {
      writtenAt.push(clock.now());
      const written = mergePatched(now(), patch) as Workload;
      const due = wantedAtRest(caches, 'demo', wantedFor(caches, 'demo', 'Deployment', 'shop'), written);
      see(due === undefined ? written : inject(written, due, OPTIONS).workload);
      return Promise.resolve(now());
    },
  } as unknown as Context['client'];
  const told: string[] = [];
  const context = {
    ...{ client, caches, clock, injection: OPTIONS },
    log: { info: () => {}, warn: () => {} },
    events: { record: ({ reason }: { reason: string }) => told.push(reason) },
  } as unknown as Context;
  const reconcile = workloadInjection(context, new RefusalWatch(client, clock));
  return {
    caches,
    clock,
    own,
    see,
    now,
    told,
    writtenAt,
    reconcile: () => reconcile('demo/Deployment/shop'),
  };
}

/** RFC 7386. */
function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRaw(patch)) return patch;
  const before = isRaw(target) ? target : {};
  const after = { ...before };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete after[field];
    else after[field] = mergePatched(before[field], value);
  }
  return after;
}

const aboutData = (over: { name?: string; rollout?: 'OnNextUpdate'; resourceVersion?: string } = {}) =>
  aConfiguration({
    metadata: { name: over.name ?? 'shop', resourceVersion: over.resourceVersion ?? '1' },
    spec: { target: { directories: ['/data'] }, ...(over.rollout && { rollout: over.rollout }) },
  });

describe('a workload from which another controller takes what is put in', () => {
  it('is touched ever more rarely, every five minutes in the end, and an Event says so from the third time on', async () => {
    const { reconcile, see, own, now, told, clock, writtenAt } = served(aboutData());
    for (let look = 0; look < 40; look++) {
      see({ ...own, metadata: { ...now().metadata, annotations: {} } });
      const result = await reconcile();
      // One that has gone in is out again at once, and seen by that alone.
      clock.set(clock.now() + (result?.requeueAfter ?? 0));
    }
    const pauses = writtenAt.slice(1).map((at, index) => (at - (writtenAt[index] ?? 0)) / 1000);
    expect(pauses.slice(0, 12)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    expect(new Set(told)).toEqual(new Set(['InjectionReverted']));
    expect(told).toHaveLength(writtenAt.length - 2);
  });

  it('is touched at once, and nothing is told, where that was long ago', async () => {
    const { reconcile, see, own, told, clock, writtenAt } = served(aboutData());
    for (let time = 0; time < 4; time++) {
      see(own);
      expect(await reconcile()).toBeUndefined();
      clock.set(clock.now() + 600_000);
    }
    expect(writtenAt).toHaveLength(4);
    expect(told).toEqual([]);
  });
});

describe('a configuration with the rollout OnNextUpdate', () => {
  const settled = async (...configurations: WorkloadBackup[]) => {
    const all = served(...configurations);
    await all.reconcile();
    return { ...all, template: all.now().spec.template };
  };
  const remembered = (workload: Workload) => workload.metadata.annotations?.[ON_NEXT_UPDATE_ANNOTATION];

  it('leaves its sidecar behind as it goes', async () => {
    const { caches, now, reconcile, template } = await settled(aboutData({ rollout: 'OnNextUpdate' }));
    expect(remembered(now())).toBe('shop');
    caches.configurations.delete(aboutData());
    await reconcile();
    expect(now().spec.template).toBe(template);
    expect(remembered(now())).toBe('shop');
  });

  it('takes it along where it said otherwise in the end', async () => {
    const { caches, now, reconcile, own } = await settled(aboutData({ rollout: 'OnNextUpdate' }));
    caches.configurations.set(aboutData({ resourceVersion: '2' }));
    await reconcile();
    expect(remembered(now())).toBeUndefined();
    caches.configurations.delete(aboutData());
    await reconcile();
    expect(now().spec).toEqual(own.spec);
  });

  it('is not remembered any longer than it is in', async () => {
    const { caches, now, see, own, reconcile } = await settled(aboutData({ rollout: 'OnNextUpdate' }));
    caches.configurations.delete(aboutData());
    see({ ...now(), spec: own.spec });
    await reconcile();
    expect(now().metadata.annotations).toEqual({});
  });

  it('does not have a change of the sidecar by others taken for its own, as it is remembered', async () => {
    const { caches, now, see, reconcile } = await settled(aboutData());
    const { [LEARNT_ANNOTATION]: learnt } = now().metadata.annotations ?? {};
    caches.configurations.set(aboutData({ rollout: 'OnNextUpdate', resourceVersion: '2' }));
    const spec = structuredClone(now().spec) as { template: { spec: { containers: { image: string }[] } } };
    Object.assign(spec.template.spec.containers[1] ?? {}, { image: 'another' });
    see({ ...now(), spec } as unknown as Workload);
    await reconcile();
    expect(now().metadata.annotations).toMatchObject({
      [LEARNT_ANNOTATION]: learnt,
      [ON_NEXT_UPDATE_ANNOTATION]: 'shop',
    });
  });
});
