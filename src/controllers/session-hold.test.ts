import { describe, expect, it } from 'vitest';
import { HOLD_FINALIZER } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { findCondition } from '../api/conditions.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS, RESTORE_SESSIONS, type Resource } from '../api/resources.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { Cache } from '../kube/cache.ts';
import type { Client } from '../kube/client.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { ApiObject } from '../kube/object.ts';
import type { PodAccess } from '../kube/pod-access.ts';
import { backupSessions } from './backup-sessions.ts';
import { createCaches } from './caches.ts';
import { configurationStatus } from './configuration-status.ts';
import type { Context } from './context.ts';
import { HookRuns } from './hook-runs.ts';
import { HostWatch } from './host-watch.ts';
import { aConfiguration, aRepository, aRestore, aSession, aWorkload } from './objects.fixture.ts';
import { RefusalWatch } from './refusal-watch.ts';
import { restoreSessions } from './restore-sessions.ts';
import { SessionGate } from './session-gate.ts';
import { SessionJobs } from './session-jobs.ts';
import { TargetGate } from './target-gate.ts';

const now = Date.parse('2026-11-22T17:00:10Z');
const deletionTimestamp = '2026-11-22T17:00:05Z';
const ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'shop' } as const;
const finalizers = [HOLD_FINALIZER];
const thaw = { exec: { command: ['thaw'] }, timeout: '30s', executionPolicy: 'Always' as const };
const freeze = { exec: { command: ['freeze'] }, timeout: '30s' };
const host = { host: 'host-0', podName: 'shop-0', podUID: 'uid-0' };
const frozen = (hook: 'preBackup' | 'preRestore') => ({
  phase: 'Running' as const,
  hosts: [host],
  hooks: [{ ...host, hook, phase: 'Succeeded' as const }],
});

const pod = {
  metadata: {
    ...{ name: 'shop-0', namespace: 'demo', uid: 'uid-0' },
    ownerReferences: [{ ...ref, uid: 'workload-uid', controller: true }],
  },
  spec: { containers: [{ name: 'app' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'app', state: { running: {} } }] },
};

/** The Job of a backup, and that of a restore. */
const jobOf = (name: string) => ({
  metadata: {
    ...{ name, namespace: 'demo', uid: `${name}-uid` },
    ownerReferences: [{ uid: name === 'back' ? 'restore-uid' : 'session-uid' }],
  },
});

/** A cluster with these objects, in which an object goes that is being deleted and not held, and a pod when the test says so. */
function aCluster(...objects: (BackupConfiguration | BackupSession | RestoreSession)[]) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  const cacheOf = new Map<Resource, Cache<ApiObject>>([
    [BACKUP_CONFIGURATIONS, caches.configurations as unknown as Cache<ApiObject>],
    [BACKUP_SESSIONS, caches.backupSessions as unknown as Cache<ApiObject>],
    [RESTORE_SESSIONS, caches.restoreSessions as unknown as Cache<ApiObject>],
  ]);
  for (const object of objects) {
    const resource = [...cacheOf.keys()].find(({ kind }) => kind === object.kind);
    if (resource !== undefined) cacheOf.get(resource)?.set(object);
  }
  const seen: string[] = [];
  const write = (resource: Resource, name: string, change: Partial<ApiObject>) => {
    const cache = cacheOf.get(resource);
    const stored = cache?.get(`demo/${name}`);
    if (stored === undefined) throw new Error(`there is no ${resource.kind} ${name}`);
    const next = { ...stored, ...change, metadata: { ...stored.metadata, ...change.metadata } };
    const { finalizers: left = [] } = next.metadata;
    if (next.metadata.deletionTimestamp !== undefined && left.length === 0) {
      const reason = findCondition((next as BackupSession).status?.conditions, 'Succeeded')?.reason;
      seen.push(`${resource.kind} gone${reason === undefined ? '' : `: ${reason}`}`);
      cache?.delete(stored);
    } else cache?.set(next);
    return Promise.resolve(next);
  };
  const client = {
    mergePatch: (resource: Resource, name: string, _: string, patch: object) => write(resource, name, patch),
    apply: (resource: Resource, object: ApiObject) => write(resource, object.metadata.name, object),
    list: async () => [pod],
    get: async ({ kind }: Resource, name: string) => (kind === 'Job' ? jobOf(name) : podNow),
    delete: async ({ kind }: Resource) => seen.push(`${kind} deleted`),
  } as unknown as Client;
  let podNow: object = pod;
  const podAccess = {
    exec: async (_: unknown, command: string[]) => {
      seen.push(...command);
      return { exitCode: 0, lastLine: '' };
    },
  } as unknown as PodAccess;
  const clock = manualClock(now);
  const context = {
    ...{ client, caches, clock },
    events: { record: () => {} },
    log: { info: () => {}, warn: () => {} },
  } as unknown as Context;
  const gate = new SessionGate({ sessions: 1, sessionsPerRepository: 1 }, () => {});
  const hooks = new HookRuns(context, podAccess, () => {});
  const hosts = new HostWatch(client, clock);
  const jobs = new SessionJobs(context, hosts);
  const targets = new TargetGate(caches.workloads);
  const backup = backupSessions(context, gate, hosts, jobs, hooks, targets);
  const restore = restoreSessions(context, hosts, jobs, hooks, targets);
  const status = configurationStatus(context, new RefusalWatch(client, clock));
  return {
    caches,
    seen,
    endPod: () => {
      podNow = { ...pod, status: { phase: 'Failed' } };
    },
    /** As often as it takes: each has much less to do. */
    settle: async () => {
      for (let round = 0; round < 10; round++) {
        await backup('demo/shop-1');
        await restore('demo/back');
        await status('demo/shop');
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

const configuration = (metadata: object = {}) =>
  aConfiguration({
    metadata: { finalizers, ...metadata },
    spec: { target: { ref }, hooks: { preBackup: freeze, postBackup: thaw } },
  });

describe('what a hook has frozen', () => {
  it('is thawed before a session goes that was deleted in the midst', async () => {
    const session = aSession({ metadata: { finalizers, deletionTimestamp }, status: frozen('preBackup') });
    const cluster = aCluster(configuration(), session);
    cluster.caches.workloads.of('StatefulSet').set(aWorkload({ kind: 'StatefulSet' }));
    await cluster.settle();
    expect(cluster.seen).toEqual(['thaw', 'BackupSession gone: SessionDeleted']);
    expect(cluster.caches.configurations.get('demo/shop')?.metadata.finalizers).toEqual([]);
  });

  it('is thawed before a configuration goes, which ends its session', async () => {
    const session = aSession({ metadata: { finalizers }, status: frozen('preBackup') });
    const cluster = aCluster(configuration({ deletionTimestamp }), session);
    cluster.caches.workloads.of('StatefulSet').set(aWorkload({ kind: 'StatefulSet' }));
    await cluster.settle();
    expect(cluster.seen).toEqual(['thaw', 'BackupConfiguration gone']);
    const { metadata, status } = cluster.caches.backupSessions.get('demo/shop-1') ?? aSession();
    expect(metadata.finalizers).toEqual([]);
    expect(findCondition(status?.conditions, 'Succeeded')?.reason).toBe('ConfigurationDeleted');
  });

  it('is thawed before a restore goes', async () => {
    const session = aRestore({
      metadata: { finalizers, deletionTimestamp },
      spec: { target: { ref }, hooks: { preRestore: freeze, postRestore: thaw } },
      status: frozen('preRestore'),
    });
    const cluster = aCluster(session);
    cluster.caches.workloads.of('StatefulSet').set(aWorkload({ kind: 'StatefulSet' }));
    await cluster.settle();
    expect(cluster.seen).toEqual(['thaw', 'RestoreSession gone: SessionDeleted']);
  });

  it('keeps nothing where the whole namespace goes, and its pods with it', async () => {
    const cluster = aCluster(
      configuration({ deletionTimestamp }),
      aSession({ metadata: { finalizers, deletionTimestamp }, status: frozen('preBackup') }),
    );
    await cluster.settle();
    expect(cluster.seen).toEqual(['BackupSession gone: SessionDeleted', 'BackupConfiguration gone']);
  });

  it('keeps no session that is over, and no configuration without one', async () => {
    const session = aSession({ metadata: { finalizers }, status: { phase: 'Succeeded' } });
    const cluster = aCluster(configuration(), session);
    await cluster.settle();
    expect(cluster.caches.backupSessions.get('demo/shop-1')?.metadata.finalizers).toEqual([]);
    expect(cluster.caches.configurations.get('demo/shop')?.metadata.finalizers).toEqual([]);
  });
});

describe('the Job of a session', () => {
  const running = { phase: 'Running' as const, hosts: [host] };

  it.each([
    [
      'BackupSession',
      aSession({ metadata: { finalizers, deletionTimestamp }, status: { ...running, job: 'shop-1' } }),
    ],
    [
      'RestoreSession',
      aRestore({ metadata: { finalizers, deletionTimestamp }, status: { ...running, job: 'back' } }),
    ],
  ])('has ended before the %s goes that was deleted in the midst', async (kind, session) => {
    const cluster = aCluster(session);
    await cluster.settle();
    expect(new Set(cluster.seen)).toEqual(new Set(['Job deleted']));
    cluster.endPod();
    await cluster.settle();
    expect(cluster.seen.at(-1)).toBe(`${kind} gone: SessionDeleted`);
  });
});
