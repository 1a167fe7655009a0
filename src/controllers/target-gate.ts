import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { type SharedTarget, shareData } from './shared-targets.ts';
import { type WorkloadCaches, workloadKey } from './workload-caches.ts';

/** What a session works on. */
export interface TargetUse {
  kind: 'BackupSession' | 'RestoreSession';
  /** Of the session. */
  namespace: string;
  name: string;
  target: SharedTarget;
}

/**
 * Lets nobody back up or restore what another session restores now: half of a restore is no backup, and a psql that drops a table waits for
 * the pg_dump that reads it. Backups do not keep one another waiting.
 *
 * A backup is inside from its decision to run until it is over, and a restore from before the first thing that is done for it: a workload
 * that is taken down for it would otherwise stay so for as long as a backup takes. The caches alone would not do: two sessions that decide at
 * the same time see neither running. What is inside is told to it anew by whoever leads.
 */
export class TargetGate {
  readonly #workloads: Pick<WorkloadCaches, 'get'>;
  readonly #inside = new Map<string, TargetUse>();

  constructor(workloads: Pick<WorkloadCaches, 'get'>) {
    this.#workloads = workloads;
  }

  /** Who has to end before `use` may begin; undefined where nobody has. */
  obstacleTo(use: TargetUse): TargetUse | undefined {
    return [...this.#inside.values()].find((other) => this.#excludes(other, use));
  }

  /** The same; where nobody is in the way, the session of `use` is inside from then on. */
  enter(use: TargetUse): TargetUse | undefined {
    const obstacle = this.obstacleTo(use);
    if (obstacle === undefined) this.#inside.set(keyOfUse(use), use);
    return obstacle;
  }

  /** The session of `use` runs already, whoever else does. What it began with is what it works on. */
  hold(use: TargetUse): void {
    const key = keyOfUse(use);
    if (!this.#inside.has(key)) this.#inside.set(key, use);
  }

  /** The session is over or gone. @param key - its namespace and name */
  leave(kind: TargetUse['kind'], key: string): void {
    this.#inside.delete(`${kind}/${key}`);
  }

  #excludes(inside: TargetUse, asking: TargetUse): boolean {
    if (inside.namespace !== asking.namespace || keyOfUse(inside) === keyOfUse(asking)) return false;
    if (inside.kind === 'BackupSession' && asking.kind === 'BackupSession') return false;
    if (asking.kind === 'RestoreSession' && isReplacedFor(asking, inside)) return false;
    return shareData(this.#workloads, asking.namespace, inside.target, asking.target);
  }
}

export function useOfBackup(
  { metadata: { namespace = '', name } }: BackupSession,
  configuration: BackupConfiguration | undefined,
): TargetUse | undefined {
  const target = configuration?.spec.target;
  return target && { kind: 'BackupSession', namespace, name, target };
}

export function useOfRestore({ metadata, spec }: RestoreSession): TargetUse {
  const { namespace = '', name } = metadata;
  return { kind: 'RestoreSession', namespace, name, target: spec.target };
}

/** Whether `backup` is that of a sidecar in the very workload that is restored: it ends with the pods that are replaced. */
function isReplacedFor({ target: { ref } }: TargetUse, backup: TargetUse): boolean {
  const isOne = workloadKey('', ref) === workloadKey('', backup.target.ref);
  return backup.kind === 'BackupSession' && ref.apiVersion === 'apps/v1' && isOne;
}

function keyOfUse({ kind, namespace, name }: TargetUse): string {
  return `${kind}/${namespace}/${name}`;
}
