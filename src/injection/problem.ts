import type { Problem } from '../api/problem.ts';

/** Why something that is wanted was not put in. */
export type ProblemReason =
  | 'UnsupportedWorkload'
  | 'MalformedWorkload'
  | 'WorkloadTooLarge'
  | 'WindowsPod'
  | 'NameTaken'
  | 'PodsRefused'
  | 'DirectoriesMissing'
  | 'DirectoryInvalid'
  | 'DirectoryNotMounted'
  | 'DirectoryOnBlockDevice'
  | 'ContainerNotFound'
  | 'ContainerAmbiguous'
  | 'VolumeNotFound'
  | 'MountCoversAgent'
  | 'MountReadOnly'
  | 'MountConflict'
  | 'EnvironmentConflict'
  | 'RepositoryMountInvalid'
  | 'RepositoryMountConflict'
  | 'RepositoryOnTarget'
  | 'RepositoryVolumeReadOnly'
  | 'SettingsConflict'
  | 'SettingsInvalid';

/** One thing that is wrong, before it is said whose problem it is. `path` is of the BackupConfiguration or RestoreSession. */
export interface Fault extends Problem {
  reason: ProblemReason;
}

/** Why a BackupConfiguration or a RestoreSession has no part in a workload. */
export interface InjectionProblem extends Fault {
  subject: 'BackupConfiguration' | 'RestoreSession';
  name: string;
}

export const CONTAINER_FIELD = 'spec.target.container';
export const DIRECTORIES_FIELD = 'spec.target.directories';
export const REPOSITORY_FIELD = 'spec.repository';
export const SETTINGS_FIELD = 'spec.runtimeSettings.container';
export const TARGET_FIELD = 'spec.target.ref';
