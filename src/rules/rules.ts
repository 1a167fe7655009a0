import type { AppBindingSpec } from '../api/app-binding.ts';
import type { BackupConfigurationSpec } from '../api/backup-configuration.ts';
import type { BackupSessionSpec } from '../api/backup-session.ts';
import type { FunctionSpec } from '../api/function.ts';
import {
  APP_BINDING,
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  FUNCTION,
  type Kind,
  REPOSITORY,
  RESTORE_SESSION,
  TASK,
} from '../api/kinds.ts';
import type { RepositorySpec } from '../api/repository.ts';
import type { RestoreSessionSpec } from '../api/restore-session.ts';
import type { TaskSpec } from '../api/task.ts';
import { problemsOfFunction } from '../tasks/check.ts';
import {
  claimMountIsFree,
  directoriesAreApart,
  directoriesAreData,
  directoriesAreInClaim,
  directoriesDoNotRepeat,
} from './directories.ts';
import {
  retryDelayWithinBounds,
  startingDeadlineIsShort,
  startingDeadlineWithinBounds,
  timeoutWithinBounds,
} from './durations.ts';
import { excludesParse, partsParse } from './excludes.ts';
import { hookContainersAreTheirs, hookTimeoutsWithinBounds } from './hooks.ts';
import { checkScheduleParses, checkTimeoutWithinBounds } from './integrity-check.ts';
import { claimIsWritable, mountIsFree } from './local-volume.ts';
import { nameIsSubdomain } from './names.ts';
import type { RuleBook } from './rule.ts';
import { accountIsNamed, resourcesFit, userIsOne } from './runtime-settings.ts';
import { scheduleParses } from './schedule.ts';
import { inputsAreOfTheirForm, stepInputsAreOfTheirForm } from './task-inputs.ts';

const repositoryRules: RuleBook<RepositorySpec> = {
  rules: [
    nameIsSubdomain('spec.backend.storageSecretName', ({ backend }) => backend.storageSecretName),
    nameIsSubdomain(
      'spec.backend.local.persistentVolumeClaim.claimName',
      ({ backend }) => backend.local?.persistentVolumeClaim?.claimName,
    ),
    mountIsFree,
    checkScheduleParses,
    checkTimeoutWithinBounds,
    nameIsSubdomain(
      'spec.integrityCheck.serviceAccountName',
      ({ integrityCheck }) => integrityCheck?.serviceAccountName ?? 'default',
    ),
  ],
  advice: [claimIsWritable],
};

const configurationRules: RuleBook<BackupConfigurationSpec> = {
  rules: [
    scheduleParses,
    nameIsSubdomain('spec.repository.name', ({ repository }) => repository.name),
    nameIsSubdomain('spec.target.ref.name', ({ target }) => target?.ref.name),
    directoriesDoNotRepeat,
    directoriesAreData,
    claimMountIsFree,
    directoriesAreInClaim,
    accountIsNamed,
    excludesParse,
    timeoutWithinBounds,
    startingDeadlineWithinBounds,
    retryDelayWithinBounds,
    hookTimeoutsWithinBounds,
    hookContainersAreTheirs,
    resourcesFit,
    userIsOne,
    inputsAreOfTheirForm,
  ],
  advice: [directoriesAreApart, startingDeadlineIsShort],
};

const backupSessionRules: RuleBook<BackupSessionSpec> = {
  rules: [
    nameIsSubdomain('spec.backupConfiguration.name', ({ backupConfiguration }) => backupConfiguration.name),
  ],
  advice: [],
};

const restoreSessionRules: RuleBook<RestoreSessionSpec> = {
  rules: [
    nameIsSubdomain('spec.repository.name', ({ repository }) => repository.name),
    nameIsSubdomain('spec.target.ref.name', ({ target }) => target.ref.name),
    directoriesDoNotRepeat,
    directoriesAreData,
    claimMountIsFree,
    directoriesAreInClaim,
    accountIsNamed,
    partsParse,
    timeoutWithinBounds,
    resourcesFit,
    userIsOne,
    hookTimeoutsWithinBounds,
    hookContainersAreTheirs,
    inputsAreOfTheirForm,
  ],
  advice: [directoriesAreApart],
};

const functionRules: RuleBook<FunctionSpec> = { rules: [problemsOfFunction], advice: [] };

/** What a Task asks of its Functions is held against them where they are at hand: `problemsOfTaskWith`. */
const taskRules: RuleBook<TaskSpec> = { rules: [stepInputsAreOfTheirForm], advice: [] };

const appBindingRules: RuleBook<AppBindingSpec> = {
  rules: [
    ({ clientConfig: { service } }) =>
      service === undefined
        ? []
        : nameIsSubdomain('spec.clientConfig.service.name', () => service.name)(service),
    ({ secret }) =>
      secret === undefined ? [] : nameIsSubdomain('spec.secret.name', () => secret.name)(secret),
  ],
  advice: [],
};

const books = new Map<Kind, RuleBook<never>>([
  [REPOSITORY, repositoryRules],
  [BACKUP_CONFIGURATION, configurationRules],
  [BACKUP_SESSION, backupSessionRules],
  [RESTORE_SESSION, restoreSessionRules],
  [FUNCTION, functionRules],
  [TASK, taskRules],
  [APP_BINDING, appBindingRules],
]);

/** The rules of `kind`, for specs that its schema is content with: they are trusted to have the kind's type. */
export function rulesOf(kind: Kind): RuleBook<unknown> {
  const book = books.get(kind);
  if (book === undefined) throw new Error(`${kind.kind} has no rules`);
  return book as RuleBook<unknown>;
}
