import { describe, expect, it } from 'vitest';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import type { Repository } from '../api/repository.ts';
import { createCaches } from '../controllers/caches.ts';
import type { Workload } from '../controllers/workload.ts';
import { deployment, OPTIONS, REPOSITORY } from '../injection/fixtures.ts';
import { inject } from '../injection/inject.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const metadata = (name: string, version = '1') => ({
  name,
  namespace: 'shop',
  resourceVersion: version,
  uid: name,
  creationTimestamp: '2026-01-01T00:00:00Z',
});

function configuration(name: string, status: object = {}, version = '1'): BackupConfiguration {
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: metadata(name, version),
    spec: {
      repository: { name: 'repository' },
      paused: false,
      target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, directories: ['/data'] },
    },
    status,
  } as unknown as BackupConfiguration;
}

function session(name: string, phase: string, version = '1'): BackupSession {
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupSession',
    metadata: metadata(name, version),
    spec: { backupConfiguration: { name: 'nightly' } },
    status: {
      phase,
      startTime: '2026-01-01T00:00:00Z',
      ...(phase === 'Succeeded' && {
        completionTime: '2026-01-01T00:00:20Z',
        stats: [{ hostname: 'host-0', directory: '/data', totalBytes: 1000, uploadedBytes: 10 }],
      }),
    },
  } as unknown as BackupSession;
}

function workload(backups: string[], version = '1'): Workload {
  const wanted = backups.map((name) => ({ name, repository: REPOSITORY, directories: ['/data'] }));
  const { workload } = inject(deployment(), { backups: wanted, restores: [] }, OPTIONS);
  return { ...workload, metadata: metadata('web', version) } as unknown as Workload;
}

/** The samples of our own, without what Node tells of itself. */
async function samples(metrics: Metrics): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => line.startsWith('stash_'));
}
const sampleOf = async (metrics: Metrics, start: string) =>
  (await samples(metrics)).filter((line) => line.startsWith(start));

describe('the metrics of the operator', () => {
  it('tell how long reviews took, by path and outcome', async () => {
    const metrics = createMetrics(createCaches());
    metrics.onAnswered('/mutate/workloads', 'patched', 0.002);
    metrics.onAnswered('/mutate/workloads', 'patched', 0.004);
    metrics.onAnswered('/validate/objects', 'refused', 0.001);
    expect(await sampleOf(metrics, 'stash_admission_review_duration_seconds_count')).toEqual([
      'stash_admission_review_duration_seconds_count{path="/mutate/workloads",outcome="patched"} 2',
      'stash_admission_review_duration_seconds_count{path="/validate/objects",outcome="refused"} 1',
    ]);
  });

  it('tell the queues and the errors of the controllers, while it leads', async () => {
    const metrics = createMetrics(createCaches());
    const stop = metrics.lead();
    metrics.onDepth('workload', { ready: 1, running: 2, delayed: 3 });
    metrics.onError('workload');
    expect(await sampleOf(metrics, 'stash_controller_')).toEqual([
      'stash_controller_queue_keys{controller="workload",state="ready"} 1',
      'stash_controller_queue_keys{controller="workload",state="running"} 2',
      'stash_controller_queue_keys{controller="workload",state="delayed"} 3',
      'stash_controller_reconcile_errors_total{controller="workload"} 1',
    ]);
    expect(await sampleOf(metrics, 'stash_leader')).toEqual(['stash_leader 1']);
    stop();
    expect(await sampleOf(metrics, 'stash_leader')).toEqual(['stash_leader 0']);
    expect(await sampleOf(metrics, 'stash_controller_queue_keys')).toEqual([]);
  });

  it('tell what the process itself takes', async () => {
    expect(await createMetrics(createCaches()).text()).toContain('process_resident_memory_bytes');
  });

  it('tell the workloads that have no sidecar, and cease to when they have one', async () => {
    const caches = createCaches();
    const metrics = createMetrics(caches);
    metrics.lead();
    caches.configurations.set(configuration('nightly'));
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([]);
    const put = (backups: string[], version: string) =>
      caches.workloads.of('Deployment').set(workload(backups, version));
    put([], '1');
    const [wanting, without] = ['wanting', 'without'].map(
      (what) => `stash_workloads_${what}_sidecar{namespace="shop"} 1`,
    );
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([wanting, without]);
    put(['nightly'], '2');
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([wanting]);
    caches.configurations.set(configuration('weekly'));
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([wanting, without]);
    caches.configurations.delete(configuration('weekly'));
    const carrying = workload(['nightly'], '3');
    const template = carrying.spec.template as { spec: { containers: { name: string }[] } };
    template.spec.containers = template.spec.containers.filter(({ name }) => name !== 'stash');
    caches.workloads.of('Deployment').set(carrying);
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([wanting, without]);
    caches.configurations.delete(configuration('nightly'));
    expect(await sampleOf(metrics, 'stash_workloads')).toEqual([]);
  });

  it('tell when each configuration last succeeded, until it is deleted', async () => {
    const caches = createCaches();
    const metrics = createMetrics(caches);
    const stop = metrics.lead();
    caches.configurations.set(configuration('nightly'));
    const labels = '{namespace="shop",configuration="nightly"}';
    const born = `stash_configuration_created_timestamp_seconds${labels} 1767225600`;
    const running = `stash_configuration_paused${labels} 0`;
    expect(await sampleOf(metrics, 'stash_configuration')).toEqual([born, running]);
    const good = { lastSuccessfulTime: '2026-01-02T00:00:00Z' };
    caches.configurations.set(configuration('nightly', good, '2'));
    const success = `stash_configuration_last_success_timestamp_seconds${labels} 1767312000`;
    expect(await sampleOf(metrics, 'stash_configuration')).toEqual([success, born, running]);
    stop();
    expect(await sampleOf(metrics, 'stash_configuration')).toEqual([]);
    metrics.lead();
    expect(await sampleOf(metrics, 'stash_configuration')).toEqual([success, born, running]);
    caches.configurations.delete(configuration('nightly'));
    expect(await sampleOf(metrics, 'stash_configuration')).toEqual([]);
  });

  it('count the sessions that end while it leads, and what they moved, once', async () => {
    const caches = createCaches();
    const metrics = createMetrics(caches);
    caches.backupSessions.set(session('old', 'Succeeded'));
    metrics.lead();
    caches.backupSessions.set(session('now', 'Running'));
    expect(await sampleOf(metrics, 'stash_sessions')).toEqual([
      'stash_sessions{kind="BackupSession",phase="Succeeded"} 1',
      'stash_sessions{kind="BackupSession",phase="Running"} 1',
    ]);
    caches.backupSessions.set(session('now', 'Succeeded', '2'));
    caches.backupSessions.set(session('now', 'Succeeded', '3'));
    const labels = '{kind="BackupSession",phase="Succeeded"}';
    expect(await sampleOf(metrics, 'stash_sessions')).toEqual([
      `stash_sessions${labels} 2`,
      `stash_sessions_ended_total${labels} 1`,
    ]);
    expect(await sampleOf(metrics, 'stash_session_duration_seconds_sum')).toEqual([
      `stash_session_duration_seconds_sum${labels} 20`,
    ]);
    expect(await sampleOf(metrics, 'stash_backup')).toEqual([
      'stash_backup_processed_bytes_total 1000',
      'stash_backup_uploaded_bytes_total 10',
    ]);
  });

  it('tell the repositories that are damaged', async () => {
    const caches = createCaches();
    const metrics = createMetrics(caches);
    metrics.lead();
    caches.repositories.set({
      apiVersion: 'stash.appscode.com/v1alpha2',
      kind: 'Repository',
      metadata: metadata('repository'),
      spec: { backend: { local: { persistentVolumeClaim: { claimName: 'backups' } } } },
      status: { conditions: [{ type: 'Integrity', status: 'False' }] },
    } as unknown as Repository);
    expect(await sampleOf(metrics, 'stash_repositories')).toEqual([
      'stash_repositories_damaged{namespace="shop"} 1',
    ]);
  });

  it('are all told in docs/metrics.md, and no others', async () => {
    const { readFile } = await import('node:fs/promises');
    const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const text = await createMetrics(createCaches()).text();
    const told = [...page.matchAll(/^\| `(stash_\w+)`/gm)].map(([, name]) => name).sort();
    const there = [...text.matchAll(/^# TYPE (stash_\w+)/gm)].map(([, name]) => name).sort();
    expect(told).toEqual(there);
  });
});
