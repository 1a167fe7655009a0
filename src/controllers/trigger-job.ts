import { POD_FIELDS, TOKEN_PATH, TOKEN_VOLUME, tokenVolume } from '../api/agent-pod.ts';
import {
  CONFIGURATION_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  TRIGGER_ACCOUNT,
  TRIGGER_COMPONENT,
} from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
import { cronJobName, labelValue } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import { apiVersionOf } from '../api/resources.ts';
import { ownerReferenceTo } from '../api/scheduled-session.ts';
import type { InjectionOptions } from '../injection/wanted.ts';
import { cronJobs } from '../kube/resource.ts';

/** A CronJob, as far as it matters here (Kubernetes API reference, `batch/v1`). */
export type CronJob = KubernetesObject<Record<string, unknown>>;

/** The key of the CronJob that would keep the time of `configuration`. */
export function cronJobKey({ metadata }: BackupConfiguration): string {
  return `${metadata.namespace}/${cronJobName(metadata.name)}`;
}

/** A Job that has ended, its log with it, can be looked at for an hour. */
const TTL_SECONDS = 3_600;

/** The controller of CronJobs looks every 10 s, and misses what has to start sooner. */
const SHORTEST_DEADLINE = 10;
const DAY = 86_400;

/**
 * The CronJob that keeps the time of `configuration`, and goes with it. Its Jobs create a BackupSession and end; whether that may run is
 * the session's own affair, so that several may be at work at once.
 */
export function timekeeper(configuration: BackupConfiguration, options: InjectionOptions): CronJob {
  const { metadata, spec } = configuration;
  const { name, namespace } = metadata;
  const labels = {
    'app.kubernetes.io/name': 'stash',
    'app.kubernetes.io/component': TRIGGER_COMPONENT,
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [CONFIGURATION_LABEL]: labelValue(name),
  };
  const deadline = Math.max(SHORTEST_DEADLINE, Math.ceil(parseDuration(spec.startingDeadline) / 1000));
  return {
    apiVersion: apiVersionOf(cronJobs),
    kind: cronJobs.kind,
    metadata: {
      name: cronJobName(name),
      ...(namespace !== undefined && { namespace }),
      labels,
      ownerReferences: [ownerReferenceTo(configuration)],
    },
    spec: {
      // The macros of a configuration are those of a CronJob.
      schedule: spec.schedule.trim(),
      // Without one, a CronJob takes that of the machine that its controller runs on.
      timeZone: spec.timeZone ?? 'Etc/UTC',
      suspend: spec.paused,
      concurrencyPolicy: 'Allow',
      startingDeadlineSeconds: deadline,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels },
        spec: {
          backoffLimit: 3,
          // What cannot be scheduled must not pile up: a session that is later than this would not be made.
          activeDeadlineSeconds: Math.min(deadline, DAY),
          ttlSecondsAfterFinished: TTL_SECONDS,
          template: { metadata: { labels }, spec: triggerPod(name, options) },
        },
      },
    },
  };
}

/** It meets the restricted Pod Security Standard, and has a token of its own ServiceAccount and nothing else. */
function triggerPod(configuration: string, options: InjectionOptions): Record<string, unknown> {
  const { image, imagePullPolicy, imagePullSecrets, resources } = options;
  const fields = [...POD_FIELDS, ['JOB_NAME', "metadata.labels['batch.kubernetes.io/job-name']"]];
  return {
    restartPolicy: 'Never',
    serviceAccountName: TRIGGER_ACCOUNT,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsUser: 65532,
      runAsGroup: 65532,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    containers: [
      {
        name: 'stash-trigger',
        image,
        ...(imagePullPolicy !== undefined && { imagePullPolicy }),
        command: ['stash'],
        args: ['agent', 'trigger', `--configuration=${configuration}`],
        env: fields.map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
        resources: { requests: resources.requests, ...(resources.limits && { limits: resources.limits }) },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: TOKEN_VOLUME, mountPath: TOKEN_PATH, readOnly: true }],
      },
    ],
    volumes: [tokenVolume()],
  };
}
