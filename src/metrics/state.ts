import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { findCondition } from '../api/conditions.ts';
import { REPOSITORY_INTEGRITY } from '../api/integrity-result.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { isOfWorkload } from '../api/workload-target.ts';
import type { Caches } from '../controllers/caches.ts';
import type { Workload } from '../controllers/workload.ts';
import { keyOfWorkload, workloadKey } from '../controllers/workload-caches.ts';
import { rawOf } from '../injection/raw.ts';
import { readRecord } from '../injection/record.ts';
import { isWhole } from '../injection/template.ts';
import { keyOf } from '../kube/object.ts';

/** What the caches tell of the cluster: exported by the leader alone, so that nothing is counted twice. */
export interface StateMetrics {
  /** Until what comes back is called. */
  watch(): () => void;
}

/** From seconds to a day. */
const SESSION_BUCKETS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400];

type Session = BackupSession | RestoreSession;

export function stateMetrics(caches: Caches, registers: Registry[]): StateMetrics {
  /** Whether it lacks a sidecar that it should have, by the key of a workload that should have one. */
  const lacking = new Map<string, boolean>();
  let isWatching = false;

  const sessions = new Gauge({
    name: 'stash_sessions',
    help: 'Sessions that there are, by kind and phase.',
    labelNames: ['kind', 'phase'],
    registers,
    collect() {
      this.reset();
      if (!isWatching) return;
      for (const cache of [caches.backupSessions, caches.restoreSessions]) {
        for (const { kind, status } of cache.list()) this.inc({ kind, phase: status?.phase ?? 'Pending' });
      }
    },
  });
  const ended = new Counter({
    name: 'stash_sessions_ended_total',
    help: 'Sessions that ended while this replica led, by kind and phase.',
    labelNames: ['kind', 'phase'],
    registers,
  });
  const durations = new Histogram({
    name: 'stash_session_duration_seconds',
    help: 'From the start of a session to its end, by kind and phase.',
    labelNames: ['kind', 'phase'],
    buckets: SESSION_BUCKETS,
    registers,
  });
  const processed = new Counter({
    name: 'stash_backup_processed_bytes_total',
    help: 'Bytes that the directories had which were backed up.',
    registers,
  });
  const uploaded = new Counter({
    name: 'stash_backup_uploaded_bytes_total',
    help: 'Bytes that backups added to their repositories.',
    registers,
  });
  const ofConfiguration = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['namespace', 'configuration'], registers });
  const lastSuccess = ofConfiguration(
    'stash_configuration_last_success_timestamp_seconds',
    'When the last good backup of a BackupConfiguration ended; absent where there was none.',
  );
  const created = ofConfiguration(
    'stash_configuration_created_timestamp_seconds',
    'When a BackupConfiguration was made.',
  );
  const paused = ofConfiguration('stash_configuration_paused', '1 where a BackupConfiguration is paused.');
  const byNamespace = (name: string, help: string, keys: () => Iterable<string>) =>
    new Gauge({
      name,
      help,
      labelNames: ['namespace'],
      registers,
      collect() {
        this.reset();
        if (!isWatching) return;
        for (const key of keys()) this.inc({ namespace: key.split('/', 1)[0] ?? '' });
      },
    });
  byNamespace(
    'stash_workloads_wanting_sidecar',
    'Workloads that should have a sidecar, since a BackupConfiguration names them.',
    () => lacking.keys(),
  );
  byNamespace(
    'stash_workloads_without_sidecar',
    'Workloads that should have a sidecar and have none, or one that does not serve all their BackupConfigurations.',
    () => [...lacking].flatMap(([key, lacks]) => (lacks ? [key] : [])),
  );
  byNamespace('stash_repositories_damaged', 'Repositories in which the last check found errors.', () =>
    [...caches.repositories.list()].flatMap((repository) =>
      findCondition(repository.status?.conditions, REPOSITORY_INTEGRITY)?.status === 'False'
        ? [keyOf(repository)]
        : [],
    ),
  );

  function tellConfiguration({ metadata, spec, status }: BackupConfiguration): void {
    const labels = labelsOf({ metadata });
    created.set(labels, secondsOf(metadata.creationTimestamp) ?? 0);
    paused.set(labels, spec.paused === true ? 1 : 0);
    const success = secondsOf(status?.lastSuccessfulTime);
    if (success === undefined) lastSuccess.remove(labels);
    else lastSuccess.set(labels, success);
  }

  function forgetConfiguration(configuration: BackupConfiguration): void {
    for (const gauge of [created, paused, lastSuccess]) gauge.remove(labelsOf(configuration));
  }

  function lookAt(key: string): void {
    const workload = caches.workloads.get(key);
    const wanted = caches.configurations
      .byIndex('target', key)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (workload === undefined || wanted.length === 0) lacking.delete(key);
    else lacking.set(key, !wanted.every(({ metadata }) => serves(workload, metadata.name)));
  }

  function tellEnd(session: Session): void {
    const { kind, status } = session;
    const labels = { kind, phase: status?.phase ?? 'Pending' };
    ended.inc(labels);
    const [start, end] = [secondsOf(status?.startTime), secondsOf(status?.completionTime)];
    if (start !== undefined && end !== undefined) durations.observe(labels, Math.max(0, end - start));
    for (const stat of status?.stats ?? []) {
      if ('uploadedBytes' in stat) {
        processed.inc(stat.totalBytes);
        uploaded.inc(stat.uploadedBytes);
      }
    }
  }

  const onSession = {
    updated: (old: Session, session: Session) => {
      if (!isOver(old) && isOver(session)) tellEnd(session);
    },
  };
  const lookAtTarget = (configuration: BackupConfiguration) => {
    if (!isOfWorkload(configuration)) return;
    lookAt(workloadKey(configuration.metadata.namespace, configuration.spec.target.ref));
  };

  return {
    watch: () => {
      isWatching = true;
      const stops = [
        caches.backupSessions.listen(onSession),
        caches.restoreSessions.listen(onSession),
        caches.configurations.listen({
          added: (configuration) => {
            tellConfiguration(configuration);
            lookAtTarget(configuration);
          },
          updated: (old, configuration) => {
            tellConfiguration(configuration);
            lookAtTarget(old);
            lookAtTarget(configuration);
          },
          deleted: (configuration) => {
            forgetConfiguration(configuration);
            lookAtTarget(configuration);
          },
        }),
        caches.workloads.listen({
          added: (workload) => lookAt(keyOfWorkload(workload)),
          updated: (_, workload) => lookAt(keyOfWorkload(workload)),
          deleted: (workload) => lookAt(keyOfWorkload(workload)),
        }),
      ];
      return () => {
        for (const stop of stops) stop();
        isWatching = false;
        lacking.clear();
        for (const gauge of [sessions, created, paused, lastSuccess]) gauge.reset();
      };
    },
  };
}

/** Whether the sidecar in `workload` is there and serves `configuration`. */
function serves(workload: Workload, configuration: string): boolean {
  const { template } = workload.spec;
  const record = readRecord(template?.metadata?.annotations);
  return record?.backups.includes(configuration) === true && isWhole(rawOf(template), record);
}

function labelsOf({ metadata }: Pick<BackupConfiguration, 'metadata'>) {
  return { namespace: metadata.namespace ?? '', configuration: metadata.name };
}

function secondsOf(instant: string | undefined): number | undefined {
  return instant === undefined ? undefined : Date.parse(instant) / 1000;
}
