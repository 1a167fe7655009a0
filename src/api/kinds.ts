import { appBinding } from './app-binding.ts';
import { backupConfiguration } from './backup-configuration.ts';
import { backupSession } from './backup-session.ts';
import { functionSchema } from './function.ts';
import { repository } from './repository.ts';
import {
  APP_BINDINGS,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  FUNCTIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
  TASKS,
} from './resources.ts';
import { restoreSession } from './restore-session.ts';
import type { TSchema } from './schema.ts';
import { task } from './task.ts';

/** A column of `kubectl get`. Source: CustomResourceDefinition, `additionalPrinterColumns`. */
export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean';
  jsonPath: string;
  description: string;
  priority?: number;
}

/** One kind of ours: all that its CRD, its validator and its calls to the API server are made from. */
export interface Kind extends Resource {
  shortNames: string[];
  description: string;
  spec: TSchema;
  /** Of which something becomes: what is only read has none. */
  status?: TSchema;
  columns: Column[];
}

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'When the object was made.',
};
const phaseColumn: Column = {
  name: 'Phase',
  type: 'string',
  jsonPath: '.status.phase',
  description: 'Pending, Running, Succeeded, Failed or Skipped.',
};
const reason = (condition: string, priority = 0): Column => ({
  name: 'Reason',
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${condition}")].reason`,
  description: 'Why it is as it is.',
  priority,
});
const ready: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether all is as it should be.',
};

export const REPOSITORY: Kind = {
  ...REPOSITORIES,
  shortNames: ['repo'],
  description: 'Where snapshots live, and the Secret with the credentials and the password.',
  ...repository,
  columns: [
    ready,
    {
      name: 'Last backup',
      type: 'date',
      jsonPath: '.status.lastBackupTime',
      description: 'The last good backup.',
    },
    {
      name: 'Snapshots',
      type: 'integer',
      jsonPath: '.status.snapshotCount',
      description: 'How many there were at the last check.',
    },
    {
      name: 'Size',
      type: 'string',
      jsonPath: '.status.size',
      description: 'What it took of its storage at the last check.',
    },
    {
      name: 'Integrity',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Integrity")].status',
      description: 'Whether the last check found nothing wrong.',
    },
    {
      name: 'Last check',
      type: 'date',
      jsonPath: '.status.lastCheckTime',
      description: 'When it was last checked.',
      priority: 1,
    },
    {
      name: 'ID',
      type: 'string',
      jsonPath: '.status.repositoryID',
      description: "restic's id of it.",
      priority: 1,
    },
    reason('Ready', 1),
    age,
  ],
};

export const BACKUP_CONFIGURATION: Kind = {
  ...BACKUP_CONFIGURATIONS,
  shortNames: ['bc'],
  description: 'What is backed up, when, and where to.',
  ...backupConfiguration,
  columns: [
    { name: 'Target', type: 'string', jsonPath: '.spec.target.ref.name', description: 'What it is about.' },
    { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule', description: 'When it is backed up.' },
    {
      name: 'Paused',
      type: 'boolean',
      jsonPath: '.spec.paused',
      description: 'Whether the schedule is at rest.',
    },
    ready,
    {
      name: 'Last good',
      type: 'date',
      jsonPath: '.status.lastSuccessfulTime',
      description: 'The last good backup.',
    },
    {
      name: 'Last phase',
      type: 'string',
      jsonPath: '.status.lastPhase',
      description: 'How the last session ended.',
    },
    {
      name: 'Next',
      type: 'string',
      jsonPath: '.status.nextScheduleTime',
      description: 'When the next one is due.',
      priority: 1,
    },
    reason('Ready', 1),
    age,
  ],
};

export const BACKUP_SESSION: Kind = {
  ...BACKUP_SESSIONS,
  shortNames: ['bs'],
  description: 'One run of a BackupConfiguration. Create one for an instant backup.',
  ...backupSession,
  columns: [
    {
      name: 'Configuration',
      type: 'string',
      jsonPath: '.spec.backupConfiguration.name',
      description: 'The BackupConfiguration that it runs.',
    },
    phaseColumn,
    reason('Succeeded'),
    {
      name: 'Snapshot',
      type: 'string',
      jsonPath: '.status.stats[*].snapshot',
      description: 'What it made.',
      priority: 1,
    },
    { name: 'Completed', type: 'date', jsonPath: '.status.completionTime', description: 'When it ended.' },
    age,
  ],
};

export const RESTORE_SESSION: Kind = {
  ...RESTORE_SESSIONS,
  shortNames: ['restore'],
  description: 'One restore into a workload, by an init container of its pods.',
  ...restoreSession,
  columns: [
    { name: 'Target', type: 'string', jsonPath: '.spec.target.ref.name', description: 'What it is about.' },
    {
      name: 'Repository',
      type: 'string',
      jsonPath: '.spec.repository.name',
      description: 'Where it is restored from.',
    },
    {
      name: 'Mode',
      type: 'string',
      jsonPath: '.spec.mode',
      description: 'Whether what the snapshot lacks is deleted.',
      priority: 1,
    },
    phaseColumn,
    reason('Succeeded'),
    { name: 'Completed', type: 'date', jsonPath: '.status.completionTime', description: 'When it ended.' },
    age,
  ],
};

export const FUNCTION: Kind = {
  ...FUNCTIONS,
  shortNames: ['fn'],
  description: 'One container that does one thing, as a template with variables.',
  ...functionSchema,
  columns: [
    { name: 'Image', type: 'string', jsonPath: '.spec.image', description: 'The image of the container.' },
    age,
  ],
};

export const TASK: Kind = {
  ...TASKS,
  shortNames: [],
  description: 'Functions that run one after another, as the init containers and the container of one pod.',
  ...task,
  columns: [
    {
      name: 'Functions',
      type: 'string',
      jsonPath: '.spec.functions[*].name',
      description: 'The Functions, in order.',
    },
    age,
  ],
};

export const APP_BINDING: Kind = {
  ...APP_BINDINGS,
  shortNames: [],
  description: 'How to reach an application such as a database, and with which credentials.',
  ...appBinding,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'What the application is.' },
    { name: 'Version', type: 'string', jsonPath: '.spec.version', description: 'Its version.' },
    age,
  ],
};

/** Our kinds, in the order in which a user meets them. */
export const KINDS: Kind[] = [
  REPOSITORY,
  BACKUP_CONFIGURATION,
  BACKUP_SESSION,
  RESTORE_SESSION,
  FUNCTION,
  TASK,
  APP_BINDING,
];
