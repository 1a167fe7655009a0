import type { TargetReference } from '../api/object.ts';
import type { TaskTarget } from './run.ts';

/** Where a claim is mounted whose target names no mountPath. */
export const CLAIM_MOUNT_PATH = '/stash/data';

/** The target of a run, from that of a BackupConfiguration or RestoreSession: with what is meant where a claim's says nothing. */
export function taskTarget({
  ref,
  directories,
  mountPath,
}: {
  ref: TargetReference;
  directories?: string[];
  mountPath?: string;
}): TaskTarget {
  if (ref.kind !== 'PersistentVolumeClaim') return { ref };
  const place = mountPath ?? CLAIM_MOUNT_PATH;
  return { ref, mountPath: place, directories: directories ?? [place] };
}
