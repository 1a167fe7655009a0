import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { WorkloadBackup, WorkloadRestore } from '../api/workload-target.ts';
import type { Workload } from './workload.ts';

/* Objects for tests: each as the API server would have it, with what a test changes laid over it. */

type Deep<T> = T extends unknown[] ? T : T extends object ? { [K in keyof T]?: Deep<T[K]> } : T;

const created = '2026-11-22T17:00:00Z';

export function aRepository(over: Deep<Repository> = {}): Repository {
  return laidOver<Repository>(
    {
      apiVersion: 'stash.appscode.com/v1alpha2',
      kind: 'Repository',
      metadata: {
        name: 'repo',
        namespace: 'demo',
        uid: 'repo-uid',
        generation: 1,
        creationTimestamp: created,
      },
      spec: {
        backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'secret' },
      },
      status: {
        conditions: [
          { type: 'Ready', status: 'True', reason: 'ClaimFound', message: 'ok', lastTransitionTime: created },
        ],
      },
    },
    over,
  );
}

export function aConfiguration(over: Deep<BackupConfiguration> = {}): WorkloadBackup {
  return laidOver<WorkloadBackup>(
    {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'BackupConfiguration',
      metadata: {
        name: 'shop',
        namespace: 'demo',
        uid: 'shop-uid',
        generation: 1,
        creationTimestamp: created,
      },
      spec: {
        schedule: '@every 1h',
        paused: false,
        repository: { name: 'repo' },
        target: {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
          directories: ['/source/data'],
        },
        timeout: '24h',
        startingDeadline: '1h',
        backupHistoryLimit: 3,
        retry: { limit: 0, delay: '1m' },
        scheduler: 'Stash',
        rollout: 'Automatic',
      },
    },
    over,
  );
}

export function aSession(over: Deep<BackupSession> = {}): BackupSession {
  return laidOver<BackupSession>(
    {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'BackupSession',
      metadata: {
        name: 'shop-1',
        namespace: 'demo',
        uid: 'session-uid',
        generation: 1,
        creationTimestamp: created,
      },
      spec: { backupConfiguration: { name: 'shop' }, cancel: false },
    },
    over,
  );
}

export function aRestore(over: Deep<RestoreSession> = {}): WorkloadRestore {
  return laidOver<WorkloadRestore>(
    {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'RestoreSession',
      metadata: {
        name: 'back',
        namespace: 'demo',
        uid: 'restore-uid',
        generation: 1,
        creationTimestamp: created,
      },
      spec: {
        repository: { name: 'repo' },
        target: {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
          directories: ['/source/data'],
        },
        mode: 'Overlay',
        timeout: '24h',
        cancel: false,
      },
    },
    over,
  );
}

export function aWorkload(over: Deep<Workload> = {}): Workload {
  return laidOver<Workload>(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'shop',
        namespace: 'demo',
        uid: 'workload-uid',
        generation: 1,
        creationTimestamp: created,
      },
      spec: { replicas: 1, selector: { matchLabels: { app: 'shop' } }, template: {} },
    },
    over,
  );
}

function laidOver<T>(base: T, over: unknown): T {
  if (!isPlain(base) || !isPlain(over)) return (over ?? base) as T;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, laidOver(base[key], over[key])])) as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
