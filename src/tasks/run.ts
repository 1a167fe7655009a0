import type { AppBinding } from '../api/app-binding.ts';
import type { FunctionObject } from '../api/function.ts';
import type { TargetReference } from '../api/object.ts';
import type { Repository } from '../api/repository.ts';
import type { RuntimeSettings } from '../api/runtime-settings.ts';
import type { Task } from '../api/task.ts';

/** All that the pod of a session is made from. Resolution reads nothing else. */
export interface TaskRun {
  session: {
    kind: 'BackupSession' | 'RestoreSession';
    name: string;
    namespace: string;
    /** Absent where the pod is made to be looked at alone. */
    uid?: string;
  };
  task: Task;
  /** The Function of exactly this name. */
  functionNamed(name: string): FunctionObject | undefined;
  /** `task.inputs` of the BackupConfiguration or RestoreSession. */
  inputs?: Record<string, string>;
  /** What is backed up or restored; nothing where that is the cluster. */
  target?: TaskTarget;
  /** Whoever has the claim that is the target mounted; nothing where nobody has. */
  claimUser?: ClaimUser;
  /** The AppBinding that is the target. */
  appBinding?: AppBinding;
  repository: Repository;
  storage: Storage;
  /** As restic records it in its snapshots. */
  hostname: string;
  retentionPolicy?: Record<string, unknown> & { name?: string };
  /** What the installation says of metrics, where `inputs` say nothing. */
  metrics?: TaskMetrics;
  /** `runtimeSettings` of the BackupConfiguration or RestoreSession: they go before those of a Function, and replace none of its variables. */
  runtimeSettings?: RuntimeSettings;
}

export interface TaskMetrics {
  enableMetric?: boolean;
  pushgatewayURL?: string;
}

export interface TaskTarget {
  ref: TargetReference;
  directories?: string[];
  mountPath?: string;
}

/** As whom, and where, a claim in use is read and written. Nobody's user works in one that is in use, or on another node. */
export interface ClaimUser {
  /** Of the pod. */
  podSecurityContext: Record<string, unknown>;
  /** What root needs in other users' files: those of the claim, and of a repository on a volume. */
  capabilities: string[];
  tolerations?: Record<string, unknown>[];
  /** The one node that can mount the claim now. */
  nodeName?: string;
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
