import { conditionsOf, hostFields, phase, repositoryReference, timeout } from './fields.ts';
import { hookRuns, hooksInPods, restoreHooks } from './hooks.ts';
import type { KubernetesObject } from './object.ts';
import { runtimeSettings } from './runtime-settings.ts';
import {
  bool,
  count,
  instant,
  isUnchanged,
  list,
  mapList,
  object,
  objectName,
  oneOf,
  optional,
  type Static,
  text,
} from './schema.ts';
import { settingsOfTask, targetOf, taskReference, taskRules } from './target.ts';

const host253 = (description: string) => text({ description, minLength: 1, maxLength: 253 });

const source = object(
  {
    namespace: optional(
      objectName({
        description:
          'The namespace that the snapshots were made in, where the Repository holds those of another. It is read from the snapshots; no object there is asked.',
        maxLength: 63,
      }),
    ),
    kind: optional(
      text({
        description: 'Kind of the target that was backed up: Deployment, StatefulSet, …',
        hint: 'write a kind such as Deployment',
        pattern: '^[A-Z][A-Za-z0-9]*$',
        maxLength: 63,
      }),
    ),
    name: optional(objectName({ description: 'Name of the target that was backed up.' })),
    backupConfiguration: optional(
      objectName({
        description:
          'Only what this BackupConfiguration made, where several back up one target. It need not exist any more.',
      }),
    ),
  },
  {
    description:
      'Whose snapshots are restored; by default those of the same target. Name another target to restore its data into this one.',
    minProperties: 1,
    rules: [
      {
        rule: 'has(self.kind) == has(self.name)',
        message: 'a source is named by its kind and its name; write both or neither',
        holds: (self: { kind?: string; name?: string }) =>
          (self.kind === undefined) === (self.name === undefined),
      },
    ],
  },
);

const rule = object(
  {
    targetHosts: optional(
      list(host253('A host of the target: host-0, or the name of a node for a DaemonSet.'), {
        description:
          'The hosts that this rule is about. One rule may leave it out, and is about all that no other rule names.',
        minItems: 1,
        maxItems: 32,
        'x-kubernetes-list-type': 'set',
      }),
    ),
    sourceHost: optional(
      host253(
        'The host whose snapshots they take; by default each takes its own. Where snapshots are named it is theirs.',
      ),
    ),
    snapshots: optional(
      list(
        text({
          description: 'The id of a snapshot, whole or its first 8 digits or more.',
          hint: 'write the id as restic or a session shows it: 8 to 64 of the digits 0-9 and a-f',
          pattern: '^[0-9a-f]{8,64}$',
          maxLength: 64,
        }),
        {
          description:
            'The snapshots to take, of which each directory gets the newest that is of it. A directory that is in none of them fails the restore.',
          minItems: 1,
          maxItems: 32,
          'x-kubernetes-list-type': 'set',
        },
      ),
    ),
    before: optional(
      instant({
        description:
          'Takes the newest snapshot that was begun before this instant (RFC 3339, such as 2026-11-22T18:00:00Z): the state before a mistake.',
      }),
    ),
  },
  {
    description: 'Which snapshots some hosts of the target get.',
    rules: [
      {
        rule: '!(has(self.snapshots) && has(self.before))',
        message: 'snapshots are chosen by id or by time; write snapshots or before, not both',
        holds: (self: { snapshots?: unknown; before?: unknown }) =>
          self.snapshots === undefined || self.before === undefined,
      },
      {
        rule: 'has(self.sourceHost) || has(self.snapshots) || has(self.before)',
        message: 'a rule says which snapshots are taken; write sourceHost, snapshots or before',
        holds: (self: { sourceHost?: unknown; snapshots?: unknown; before?: unknown }) =>
          self.sourceHost !== undefined || self.snapshots !== undefined || self.before !== undefined,
      },
    ],
  },
);

const patterns = (description: string) =>
  list(
    text({
      description: 'A pattern as restic reads it: "*.sql", "/etc", "/logs/**/old".',
      minLength: 1,
      maxLength: 1024,
    }),
    { description, minItems: 1, maxItems: 64 },
  );

/** What of a restore cannot be changed once it is made, and may be absent. */
const OPTIONAL_AND_FIXED = [
  'source',
  'rules',
  'include',
  'exclude',
  'hooks',
  'task',
  'runtimeSettings',
] as const;
/** The same of what is always there. */
const FIXED = ['repository', 'target', 'timeout', 'mode'] as const;

interface Parted {
  target: { ref: { kind: string } };
  include?: unknown;
  exclude?: unknown;
  mode: string;
}

type Fixed = Record<(typeof FIXED)[number] | (typeof OPTIONAL_AND_FIXED)[number], unknown>;

const spec = object(
  {
    repository: repositoryReference,
    source: optional(source),
    task: optional(taskReference),
    target: targetOf(
      {},
      {
        description:
          'What to restore into: the same directories that were backed up. Each pod of a StatefulSet and of a DaemonSet restores what its own host backed up, as the pod is replaced. A Deployment whose directories lie in a volume that outlives its pods (a claim, for example) is scaled to zero first, and back once its old pods are gone; one whose directories lie in a volume that each pod has for itself (an emptyDir, for example) has to have one replica, since there is one backup and each pod would need it. Into a claim or an AppBinding, a task restores.',
      },
    ),
    rules: optional(
      list(rule, {
        description:
          'Which snapshots which hosts take, where it is not the newest of each its own. A host that no rule is about is restored as if there were no rules.',
        minItems: 1,
        maxItems: 32,
        rules: [
          {
            rule: 'self.filter(r, !has(r.targetHosts)).size() <= 1',
            message:
              'one rule at most may leave targetHosts out and be about all other hosts; name the hosts of the others',
            holds: (self: { targetHosts?: string[] }[]) =>
              self.filter(({ targetHosts }) => targetHosts === undefined).length <= 1,
          },
          {
            rule: 'self.all(r, !has(r.targetHosts) || r.targetHosts.all(h, self.exists_one(o, has(o.targetHosts) && h in o.targetHosts)))',
            message: 'a host is named by one rule at most; take it out of the others',
            holds: (self: { targetHosts?: string[] }[]) => {
              const named = self.flatMap(({ targetHosts = [] }) => [...new Set(targetHosts)]);
              return new Set(named).size === named.length;
            },
          },
        ],
      }),
    ),
    include: optional(
      patterns(
        'Restores only what matches one of these patterns of restic. They are relative to each directory: "/etc" is DIRECTORY/etc, and "*.sql" any such file below it. The owner and mode of the directory itself are left as they are.',
      ),
    ),
    exclude: optional(
      patterns(
        'Leaves out what matches one of these patterns of restic, relative to each directory as in include. What is left out is not deleted by mode Exact either.',
      ),
    ),
    mode: oneOf(['Overlay', 'Exact'], {
      description:
        'Overlay: what the snapshot has replaces what is there, and all else stays. Exact: what the snapshot lacks is deleted from each directory, which afterwards is as it was backed up. What the patterns of target.exclude match that the backup was made with is spared, as it was never to be in the snapshot; but a directory that the snapshot lacks is deleted with all that is in it. Exact cannot be undone.',
      default: 'Overlay',
    }),
    hooks: optional(restoreHooks),
    timeout,
    runtimeSettings: optional(runtimeSettings),
    cancel: bool({
      description:
        'Stops the session: restic is stopped, and the session is Failed with the reason Cancelled. The one field that may be changed.',
      default: false,
    }),
  },
  {
    description:
      'One restore of the directories of a target, by default from the newest snapshot of each. It runs once.',
    rules: [
      {
        rule: [
          ...FIXED.map((name) => `self.${name} == oldSelf.${name}`),
          ...OPTIONAL_AND_FIXED.map(
            (name) =>
              `has(self.${name}) == has(oldSelf.${name}) && (!has(self.${name}) || self.${name} == oldSelf.${name})`,
          ),
        ].join(' && '),
        message: 'a RestoreSession is one run and cannot be changed, but for cancel; make another session',
        holds: (self: Fixed, oldSelf: Fixed) =>
          [...FIXED, ...OPTIONAL_AND_FIXED].every((name) => isUnchanged(self[name], oldSelf[name])),
      },
      {
        rule: 'self.cancel || !oldSelf.cancel',
        message: 'a session that was cancelled stays so; make another session',
        holds: (self: { cancel: boolean }, oldSelf: { cancel: boolean }) => self.cancel || !oldSelf.cancel,
      },
      {
        rule: '!(has(self.include) && has(self.exclude))',
        message: 'restic restores by include or by exclude; write one of them',
        holds: (self: { include?: unknown; exclude?: unknown }) =>
          self.include === undefined || self.exclude === undefined,
      },
      {
        rule: "self.target.ref.kind != 'AppBinding' || !(has(self.include) || has(self.exclude) || self.mode == 'Exact')",
        message: 'include, exclude and mode Exact are about files, and an AppBinding has none; take them out',
        holds: ({ target, include, exclude, mode }: Parted) =>
          target.ref.kind !== 'AppBinding' ||
          (include === undefined && exclude === undefined && mode !== 'Exact'),
      },
      ...taskRules,
      hooksInPods,
      settingsOfTask,
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
    job: optional(
      text({
        description:
          'The Job that runs the task, where there is one: `kubectl logs job/NAME --all-containers`.',
        maxLength: 63,
      }),
    ),
    replicas: optional(
      count({
        description:
          'How many replicas the Deployment had when the restore scaled it to zero, so that no old pod writes into the volume meanwhile. It gets them back as soon as its old pods are gone, and however the session ends.',
        maximum: 2_147_483_647,
      }),
    ),
    hosts: optional(
      mapList(host, ['host'], {
        description:
          'The hosts of the session, frozen as it starts: one for a Deployment, one for each pod of a StatefulSet, one for each node of a DaemonSet. A host that has no pod yet gets it as the pod comes; only the agents in these pods act.',
        maxItems: 1024,
      }),
    ),
    stats: optional(
      mapList(stat, ['hostname', 'directory'], { description: 'What was restored.', maxItems: 4096 }),
    ),
    hooks: optional(hookRuns),
    conditions: optional(
      conditionsOf(
        'Succeeded: Unknown while the session waits or runs, then True, or False with why. HooksSucceeded: whether the hooks went well, where there are any.',
      ),
    ),
  },
  { description: 'How the session goes; written by the operator and the agents.' },
);

export const restoreSession = { spec, status };

export type RestoreSource = Static<typeof source>;
export type RestoreRule = Static<typeof rule>;
export type RestoreSessionSpec = Static<typeof spec>;
export type RestoreSessionStatus = Static<typeof status>;
export type RestoreSession = KubernetesObject<RestoreSessionSpec, RestoreSessionStatus>;
export type RestoreHost = Static<typeof host>;
export type RestoreStat = Static<typeof stat>;
