import { MANAGED_BY, MANAGED_BY_LABEL, TRIGGER_COMPONENT } from '../api/annotations.ts';
import type { AppBinding } from '../api/app-binding.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import type { FunctionObject } from '../api/function.ts';
import { claimNameOf } from '../api/local-backend.ts';
import type { ObjectMeta } from '../api/object.ts';
import type { Repository } from '../api/repository.ts';
import {
  APP_BINDINGS,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  FUNCTIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
  TASKS,
} from '../api/resources.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { Task } from '../api/task.ts';
import { Cache } from '../kube/cache.ts';
import type { Client } from '../kube/client.ts';
import { type ApiObject, withoutManagedFields } from '../kube/object.ts';
import { startReflector } from '../kube/reflector.ts';
import { cronJobs, namespaces, persistentVolumeClaims } from '../kube/resource.ts';
import { kebab } from '../tasks/names.ts';
import { type CronJob, cronJobKey } from './trigger-job.ts';
import { WORKLOADS } from './workload.ts';
import { WorkloadCaches, workloadKey } from './workload-caches.ts';

/** A claim, as far as it matters here. */
export interface Claim {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: { accessModes?: string[] };
  status: { phase?: string };
}

/** The cluster as it was last seen, by kind. Admission reads from it too: no review costs a call. */
export interface Caches {
  /** Indexes: `claim` and `namespace`. */
  repositories: Cache<Repository>;
  /**
   * Indexes: `repository` and `target`; of those with a task, `task` (its name in kebab case) and `tasked` (the namespace); of those whose
   * time a CronJob keeps, `cronJob` by its key and `timekeeping` by namespace.
   */
  configurations: Cache<BackupConfiguration>;
  /** Indexes: `configuration` and `repository`. */
  backupSessions: Cache<BackupSession>;
  /** Indexes: `repository` and `target`; of those with a task, `tasked` (the namespace). */
  restoreSessions: Cache<RestoreSession>;
  workloads: WorkloadCaches;
  claims: Cache<Claim>;
  functions: Cache<FunctionObject>;
  tasks: Cache<Task>;
  appBindings: Cache<AppBinding>;
  /** Those that the operator made. */
  cronJobs: Cache<CronJob>;
  /** With their labels alone. */
  namespaces: Cache<ApiObject>;
}

export function createCaches(): Caches {
  const target = ({ metadata, spec }: BackupConfiguration | RestoreSession) =>
    spec.target === undefined ? [] : [workloadKey(metadata.namespace, spec.target.ref)];
  const tasked = ({ metadata, spec }: BackupConfiguration | RestoreSession) =>
    spec.task === undefined ? [] : [metadata.namespace ?? ''];
  const repository = (object: BackupConfiguration | RestoreSession) => [
    `${object.metadata.namespace}/${object.spec.repository.name}`,
  ];
  return {
    repositories: new Cache({
      transform: withoutManagedFields<Repository>,
      indexes: {
        claim: (repository) => {
          const claim = claimNameOf(repository);
          return claim === undefined ? [] : [`${repository.metadata.namespace}/${claim}`];
        },
        namespace: ({ metadata }) => [metadata.namespace ?? ''],
      },
    }),
    configurations: new Cache({
      transform: withoutManagedFields<BackupConfiguration>,
      indexes: {
        target,
        repository,
        tasked,
        task: ({ spec }) => (spec.task === undefined ? [] : [kebab(spec.task.name)]),
        cronJob: (object) => (object.spec.scheduler === 'CronJob' ? [cronJobKey(object)] : []),
        timekeeping: ({ metadata, spec }) => (spec.scheduler === 'CronJob' ? [metadata.namespace ?? ''] : []),
      },
    }),
    cronJobs: new Cache({ transform: withoutManagedFields<CronJob> }),
    backupSessions: new Cache({
      transform: withoutManagedFields<BackupSession>,
      indexes: {
        configuration: ({ metadata, spec }) => [`${metadata.namespace}/${spec.backupConfiguration.name}`],
        repository: ({ metadata, status }) =>
          status?.repository === undefined ? [] : [`${metadata.namespace}/${status.repository.name}`],
      },
    }),
    restoreSessions: new Cache({
      transform: withoutManagedFields<RestoreSession>,
      indexes: { target, repository, tasked },
    }),
    workloads: new WorkloadCaches(),
    functions: new Cache({ transform: withoutManagedFields<FunctionObject> }),
    tasks: new Cache({ transform: withoutManagedFields<Task> }),
    appBindings: new Cache({ transform: withoutManagedFields<AppBinding> }),
    claims: new Cache({
      transform: ({ apiVersion, kind, metadata, spec, status }) => ({
        apiVersion,
        kind,
        metadata: {
          name: metadata.name,
          ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
          ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
          ...(metadata.deletionTimestamp !== undefined && { deletionTimestamp: metadata.deletionTimestamp }),
        },
        spec: { ...(spec.accessModes !== undefined && { accessModes: spec.accessModes }) },
        status: { ...(status?.phase !== undefined && { phase: status.phase }) },
      }),
    }),
    namespaces: new Cache({
      transform: ({ apiVersion, kind, metadata: { name, labels = {}, resourceVersion } }): ApiObject => ({
        apiVersion,
        kind,
        metadata: { name, labels, ...(resourceVersion !== undefined && { resourceVersion }) },
      }),
    }),
  };
}

/** Fills the caches until `signal` is aborted. Resolves once each holds its first list. */
export async function fillCaches(
  caches: Caches,
  client: Client,
  signal: AbortSignal,
  onError: (plural: string, error: unknown) => void,
): Promise<void> {
  const fill = <T extends ApiObject>(resource: Resource, cache: Cache<T>, labelSelector?: string) =>
    startReflector({
      client,
      resource,
      cache,
      signal,
      onError: (error) => onError(resource.plural, error),
      ...(labelSelector !== undefined && { labelSelector }),
    }).synced;
  await Promise.all([
    fill(REPOSITORIES, caches.repositories),
    fill(BACKUP_CONFIGURATIONS, caches.configurations),
    fill(BACKUP_SESSIONS, caches.backupSessions),
    fill(RESTORE_SESSIONS, caches.restoreSessions),
    fill(FUNCTIONS, caches.functions),
    fill(TASKS, caches.tasks),
    fill(APP_BINDINGS, caches.appBindings),
    ...WORKLOADS.map((resource) => fill(resource, caches.workloads.of(resource.kind))),
    fill(persistentVolumeClaims, caches.claims),
    fill(namespaces, caches.namespaces),
    fill(
      cronJobs,
      caches.cronJobs,
      `${MANAGED_BY_LABEL}=${MANAGED_BY},app.kubernetes.io/component=${TRIGGER_COMPONENT}`,
    ),
  ]);
}
