import type { AppBinding } from '../api/app-binding.ts';
import type { FunctionObject } from '../api/function.ts';
import type { TargetReference } from '../api/object.ts';
import type { Repository } from '../api/repository.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import type { Task } from '../api/task.ts';

/** All that the pod of a session is made from. Resolution reads nothing else. */
export interface TaskRun {
  session: { kind: 'BackupSession' | 'RestoreSession'; name: string; namespace: string };
  task: Task;
  /** The Function of exactly this name. */
  functionNamed(name: string): FunctionObject | undefined;
  /** `task.inputs` of the BackupConfiguration or RestoreSession. */
  inputs?: Record<string, string>;
  /** What is backed up or restored; nothing where that is the cluster. */
  target?: TaskTarget;
  /** The AppBinding that is the target. */
  appBinding?: AppBinding;
  repository: Repository;
  storage: Storage;
  /** As restic records it in its snapshots. */
  hostname: string;
  retentionPolicy?: Record<string, unknown> & { name?: string };
  /** What the installation says of metrics, where `inputs` say nothing. */
  metrics?: { enableMetric?: boolean; pushgatewayURL?: string };
  /** `runtimeSettings` of the BackupConfiguration or RestoreSession; they go before those of a Function. */
  runtimeSettings?: RuntimeSettings;
}

export interface TaskTarget {
  ref: TargetReference;
  directories?: string[];
  mountPath?: string;
}

/** How restic reaches a repository: never a secret itself, but the name under which it stands in the storage Secret. */
export interface Storage {
  /** Environment variables with their values: RESTIC_REPOSITORY, a region. */
  variables: Record<string, string>;
  /** Environment variables, and the key of the storage Secret that each has its value from where the Secret has it. */
  secretVariables: Record<string, string>;
  /** Environment variables, and the key of the storage Secret whose file each names. */
  secretFiles: Record<string, string>;
}
