import {
  conditions,
  containerName,
  directories,
  hostFields,
  phase,
  repositoryReference,
  timeout,
  workloadReference,
} from './fields.ts';
import type { KubernetesObject } from './object.ts';
import { bool, count, instant, mapList, object, optional, type Static, text } from './schema.ts';

const spec = object(
  {
    repository: repositoryReference,
    target: object(
      { ref: workloadReference, container: optional(containerName), directories },
      { description: 'What to restore into: the same directories that were backed up.' },
    ),
    timeout,
    cancel: bool({
      description:
        'Stops the session: restic is stopped, and the session is Failed with the reason Cancelled.',
      default: false,
    }),
  },
  {
    description: 'One restore, of the latest snapshot of each directory of the target.',
    rules: [
      {
        rule: 'self.repository == oldSelf.repository && self.target == oldSelf.target && self.timeout == oldSelf.timeout',
        message: 'a RestoreSession is one run and cannot be changed, but for cancel; make another session',
      },
      {
        rule: 'self.cancel || !oldSelf.cancel',
        message: 'a session that was cancelled stays so; make another session',
      },
    ],
  },
);

const stat = object(
  {
    hostname: text({ description: 'The host that was restored.', maxLength: 253 }),
    directory: text({ description: 'The directory that was restored.', maxLength: 1024 }),
    snapshot: text({ description: 'The id of the snapshot, shortened as restic does.', maxLength: 64 }),
    snapshotTime: instant({ description: 'When the snapshot was made.' }),
    restoredSize: text({ description: 'How much data was restored (1.720 GiB).', maxLength: 32 }),
    restoredBytes: count({ description: 'How much data was restored, in bytes.' }),
    restoredFiles: count({ description: 'How many files and directories were restored.' }),
  },
  { description: 'What was restored of one directory on one host.' },
);

const host = object(hostFields, { description: 'One host of the session.' });

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
    hosts: optional(
      mapList(host, ['host'], {
        description: 'The hosts of the session, frozen as it starts: only the agents in these pods act.',
        maxItems: 1024,
      }),
    ),
    stats: optional(
      mapList(stat, ['hostname', 'directory'], { description: 'What was restored.', maxItems: 4096 }),
    ),
    conditions: optional(conditions),
  },
  { description: 'How the session goes; written by the operator and the agents.' },
);

export const restoreSession = { spec, status };

export type RestoreSessionSpec = Static<typeof spec>;
export type RestoreSessionStatus = Static<typeof status>;
export type RestoreSession = KubernetesObject<RestoreSessionSpec, RestoreSessionStatus>;
export type RestoreHost = Static<typeof host>;
export type RestoreStat = Static<typeof stat>;
