import type { BackupConfiguration } from './backup-configuration.ts';
import type { RestoreSession } from './restore-session.ts';

/** What is about a workload, whose own pods do the work. Its schema sees to it that it names directories. */
interface OfWorkload {
  spec: { target: { directories: string[] } };
}

export type WorkloadBackup = BackupConfiguration & OfWorkload;
export type WorkloadRestore = RestoreSession & OfWorkload;

interface Aimed {
  spec: { target?: { ref: { apiVersion: string } } };
}

/** Whether `object` is about a workload, rather than about a claim, an AppBinding or the cluster, which take a task. */
export function isOfWorkload<T extends Aimed>(object: T): object is T & OfWorkload {
  return object.spec.target?.ref.apiVersion === 'apps/v1';
}
