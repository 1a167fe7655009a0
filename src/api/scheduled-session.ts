import { CONFIGURATION_LABEL, DUE_LABEL } from './annotations.ts';
import type { BackupConfiguration } from './backup-configuration.ts';
import type { BackupSession } from './backup-session.ts';
import { labelValue } from './names.ts';
import type { OwnerReference } from './object.ts';
import { apiVersionOf, BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from './resources.ts';

/* What keeps time, be it the operator or a CronJob, creates the same sessions, and reads the same from a configuration. */

/**
 * The session `name` of `configuration`, as it is created.
 *
 * @param due - the instant that the schedule wanted it for, in milliseconds since the epoch; none where a person asked for it
 */
export function newSession(
  configuration: BackupConfiguration,
  name: string,
  due: number | undefined,
): BackupSession {
  const { name: owner, namespace } = configuration.metadata;
  return {
    apiVersion: apiVersionOf(BACKUP_SESSIONS),
    kind: BACKUP_SESSIONS.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: {
        [CONFIGURATION_LABEL]: labelValue(owner),
        ...(due !== undefined && { [DUE_LABEL]: String(Math.floor(due / 1000)) }),
      },
      ownerReferences: [ownerReferenceTo(configuration)],
    },
    spec: { backupConfiguration: { name: owner }, cancel: false },
  };
}

/** That an object belongs to `configuration`, and goes with it. */
export function ownerReferenceTo(configuration: BackupConfiguration): OwnerReference {
  return {
    apiVersion: apiVersionOf(BACKUP_CONFIGURATIONS),
    kind: BACKUP_CONFIGURATIONS.kind,
    name: configuration.metadata.name,
    uid: configuration.metadata.uid ?? '',
    controller: true,
  };
}

/** When the schedule wanted `session`, in seconds since the epoch; 0 where a person did. */
export function dueSeconds({ metadata }: BackupSession): number {
  const seconds = Number(metadata.labels?.[DUE_LABEL]);
  return Number.isSafeInteger(seconds) ? seconds : 0;
}

/** What `status.observedSchedule` says of `configuration`. */
export function observedSchedule({ spec }: BackupConfiguration): string {
  if (spec.paused) return 'paused';
  return spec.timeZone === undefined ? spec.schedule : `${spec.timeZone} ${spec.schedule}`;
}
