import type { RetentionPolicy } from '../api/backup-configuration.ts';
import type { TargetReference } from '../api/object.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import type { TaskRun } from './run.ts';
import { taskTarget } from './target.ts';

/** What of the spec of a BackupConfiguration or a RestoreSession its Task is given. */
export interface AskedSpec {
  task?: { inputs?: Record<string, string> };
  target?: { ref: TargetReference; directories?: string[]; mountPath?: string };
  retentionPolicy?: RetentionPolicy;
  runtimeSettings?: RuntimeSettings;
}

/** What a session of `spec` runs its Task with, as far as it is for that alone to say. */
export function askedBy({
  task,
  target,
  retentionPolicy,
  runtimeSettings,
}: AskedSpec): Pick<TaskRun, 'inputs' | 'target' | 'retentionPolicy' | 'runtimeSettings'> {
  return {
    ...(task?.inputs !== undefined && { inputs: task.inputs }),
    ...(target !== undefined && { target: taskTarget(target) }),
    ...(retentionPolicy !== undefined && { retentionPolicy }),
    ...(runtimeSettings !== undefined && { runtimeSettings }),
  };
}
