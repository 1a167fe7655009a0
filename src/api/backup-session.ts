import { conditionsOf, hostFields, phase } from './fields.ts';
import { hookRuns } from './hooks.ts';
import type { KubernetesObject } from './object.ts';
import {
  bool,
  count,
  instant,
  isUnchanged,
  mapList,
  object,
  objectName,
  oneOf,
  optional,
  type Static,
  text,
} from './schema.ts';

const spec = object(
  {
    backupConfiguration: object(
      {
        name: objectName({
          description: 'Name of the BackupConfiguration, in the namespace of the session.',
        }),
      },
      {
        description: 'The BackupConfiguration that this session runs.',
        rules: [
          {
            rule: 'self == oldSelf',
            message: 'a session runs the configuration that it was made for; make another session',
            holds: isUnchanged,
          },
        ],
      },
    ),
    cancel: bool({
      description:
        'Stops the session: restic is stopped and the session is Failed with the reason Cancelled.',
      default: false,
      rules: [
        {
          rule: 'self || !oldSelf',
          message: 'a session that was cancelled stays so; make another session',
          holds: (self: boolean, oldSelf: boolean) => self || !oldSelf,
        },
      ],
    }),
  },
  { description: 'One run of a BackupConfiguration.' },
);

const retention = object(
  {
    phase: oneOf(['Running', 'Succeeded', 'Failed'], { description: 'Running, then Succeeded or Failed.' }),
    reason: optional(text({ description: 'Why it failed, as one word in CamelCase.', maxLength: 128 })),
    message: optional(text({ description: 'Why it failed, as a sentence.', maxLength: 4096 })),
    kept: optional(count({ description: 'Snapshots that were kept.' })),
    removed: optional(
      count({ description: 'Snapshots that were removed; with dryRun, those that would be.' }),
    ),
  },
  { description: 'How the retention policy fared, where this host applies it.' },
);

const host = object(
  {
    ...hostFields,
    repositoryID: optional(
      text({
        description: 'The id of the repository, where this host looked it up or made it.',
        maxLength: 128,
      }),
    ),
    retention: optional(retention),
  },
  { description: 'One host of the session.' },
);

const stat = object(
  {
    hostname: text({ description: 'The host, as restic records it.', maxLength: 253 }),
    directory: text({ description: 'The directory that was backed up.', maxLength: 1024 }),
    snapshot: text({ description: 'The id of the snapshot, shortened as restic does.', maxLength: 64 }),
    totalSize: text({ description: 'How much data the directory has (1.720 GiB).', maxLength: 32 }),
    uploaded: text({
      description: 'How much of it was new to the repository; less than the total where files are known.',
      maxLength: 32,
    }),
    totalBytes: count({ description: 'How much data the directory has, in bytes.' }),
    uploadedBytes: count({ description: 'How much was added to the repository, in bytes.' }),
    fileStats: object(
      {
        new: count({ description: 'Files that the snapshot before did not have.' }),
        changed: count({ description: 'Files that have changed since.' }),
        unmodified: count({ description: 'Files that have not.' }),
      },
      { description: 'How many files there were.' },
    ),
  },
  { description: 'What was backed up of one directory on one host.' },
);

const status = object(
  {
    observedGeneration: optional(
      text({
        description: 'Which spec this status is about, as "hash of the spec#generation".',
        maxLength: 64,
      }),
    ),
    phase: optional(phase),
    startTime: optional(instant({ description: 'When the session was started.' })),
    deadline: optional(instant({ description: 'When it is stopped and Failed if it still runs.' })),
    completionTime: optional(instant({ description: 'When it ended.' })),
    repository: optional(
      object(
        {
          name: text({ description: 'Name of the Repository.', maxLength: 253 }),
          uid: text({
            description: 'Its uid: another Repository of the same name is another.',
            maxLength: 64,
          }),
        },
        { description: 'The Repository that the session backs up into, frozen as it starts.' },
      ),
    ),
    configurationHash: optional(
      text({
        description:
          'A hash of the target and the task of the BackupConfiguration as the session started. Where they are others by now, agents and steps end with the reason ConfigurationChanged.',
        maxLength: 64,
      }),
    ),
    job: optional(
      text({
        description:
          'The Job that runs the task, where there is one: `kubectl logs job/NAME --all-containers`.',
        maxLength: 63,
      }),
    ),
    initializer: optional(
      text({
        description: 'The one host that may create the repository; absent where the repository is known.',
        maxLength: 253,
      }),
    ),
    retention: optional(
      object(
        { host: text({ description: 'The host.', maxLength: 253 }) },
        { description: 'The one host that applies the retention policy; set once the last host is done.' },
      ),
    ),
    hosts: optional(
      mapList(host, ['host'], {
        description:
          'The hosts of the session, frozen as it starts: one for a Deployment, one for each pod of a StatefulSet, one for each node of a DaemonSet. Only the agents in these pods act; a host that had none at the start is Failed, with the reason NoAgent.',
        maxItems: 1024,
      }),
    ),
    stats: optional(
      mapList(stat, ['hostname', 'directory'], { description: 'What was backed up.', maxItems: 4096 }),
    ),
    hooks: optional(hookRuns),
    conditions: optional(
      conditionsOf(
        'Succeeded: Unknown while the session waits or runs, then True, or False with why. RetentionApplied: whether the retention policy was applied, where there is one. HooksSucceeded: whether the hooks went well, where there are any.',
      ),
    ),
  },
  { description: 'How the session goes; written by the operator and the agents.' },
);

export const backupSession = { spec, status };

export type BackupSessionSpec = Static<typeof spec>;
export type BackupSessionStatus = Static<typeof status>;
export type BackupSession = KubernetesObject<BackupSessionSpec, BackupSessionStatus>;
export type BackupHost = Static<typeof host>;
export type BackupStat = Static<typeof stat>;
export type RetentionReport = Static<typeof retention>;
