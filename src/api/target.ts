import Type from 'typebox';
import { containerName, directories } from './fields.ts';
import { LONGEST_INPUT } from './function.ts';
import type { TargetReference } from './object.ts';
import { object, objectName, oneOf, optional, type Rule, type TProperties, text } from './schema.ts';

/* What a BackupConfiguration and a RestoreSession are about, and the Task that does it. */

/** Each kind of target, and the API version that it is of. */
const KINDS = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  PersistentVolumeClaim: 'v1',
  AppBinding: 'appcatalog.appscode.com/v1alpha1',
} as const;

type TargetKind = keyof typeof KINDS;

const kinds = Object.keys(KINDS) as TargetKind[];
const apiVersions = [...new Set(Object.values(KINDS))];

const reference = object(
  {
    apiVersion: oneOf(apiVersions, {
      description:
        'API version of the target: apps/v1, v1 for a PersistentVolumeClaim, appcatalog.appscode.com/v1alpha1 for an AppBinding.',
    }),
    kind: oneOf(kinds, {
      description:
        'Kind of the target: Deployment, StatefulSet or DaemonSet, whose own pods do the work; PersistentVolumeClaim or AppBinding, for which the Job of a task does it.',
    }),
    name: objectName({ description: 'Name of the target, in the namespace of this object.' }),
  },
  {
    description: 'The object whose data this is about.',
    rules: [
      {
        rule: `(self.apiVersion == 'apps/v1') == (self.kind in ['Deployment', 'StatefulSet', 'DaemonSet']) && (self.apiVersion == 'v1') == (self.kind == 'PersistentVolumeClaim')`,
        message:
          'the kind is not of this apiVersion; write apps/v1 for a workload, v1 for a PersistentVolumeClaim, appcatalog.appscode.com/v1alpha1 for an AppBinding',
        holds: ({ kind, apiVersion }: TargetReference) => KINDS[kind as TargetKind] === apiVersion,
      },
    ],
  },
);

const mountPath = text({
  description:
    'Where a claim is mounted in the pod of its task, as an absolute path: /stash/data where it is left out. The directories lie in it, and the snapshots have their paths.',
  hint: 'write the path from the root, such as /source/data',
  maxLength: 1024,
  pattern: '^(/[^/]+)+/?$',
  rules: [
    {
      rule: "!self.matches('(^|/)[.][.]?(/|$)')",
      message: 'a path is written without "." and ".."; write it from the root, such as /source/data',
      holds: (self: string) => !/(^|\/)[.][.]?(\/|$)/.test(self),
    },
  ],
});

interface AnyTarget {
  ref: TargetReference;
  [field: string]: unknown;
}

const WORKLOAD = `self.ref.apiVersion == 'apps/v1'`;
const CLAIM = `self.ref.kind == 'PersistentVolumeClaim'`;
const isWorkload = ({ ref }: AnyTarget) => ref.apiVersion === 'apps/v1';
const isClaim = ({ ref }: AnyTarget) => ref.kind === 'PersistentVolumeClaim';

/** Each field that not every kind of target has, and who has it. */
const rules: Rule[] = [
  {
    rule: `!(${WORKLOAD}) || has(self.directories)`,
    message: 'what is backed up of a workload, and restored, is named by directory; write directories',
    holds: (self: AnyTarget) => !isWorkload(self) || self.directories !== undefined,
  },
  {
    rule: `${WORKLOAD} || !has(self.container)`,
    message: 'container is for workloads alone, whose containers may differ in their mounts; take it out',
    holds: (self: AnyTarget) => isWorkload(self) || self.container === undefined,
  },
  {
    rule: `${CLAIM} || !has(self.mountPath)`,
    message: 'mountPath is for a PersistentVolumeClaim alone, since nothing else is mounted; take it out',
    holds: (self: AnyTarget) => isClaim(self) || self.mountPath === undefined,
  },
  {
    rule: `${WORKLOAD} || ${CLAIM} || !has(self.directories)`,
    message: 'an AppBinding has no directories: its task knows what it is made of; take directories out',
    holds: (self: AnyTarget) => isWorkload(self) || isClaim(self) || self.directories === undefined,
  },
];

/** The target of a kind, with the fields that it alone has, and what is to be said of those. */
export function targetOf<More extends TProperties>(
  more: More,
  { description, rules: moreRules = [] }: { description: string; rules?: Rule[] },
) {
  return object(
    {
      ref: reference,
      container: optional(containerName),
      mountPath: optional(mountPath),
      directories: optional(directories),
      ...more,
    },
    { description, rules: [...rules, ...moreRules] },
  );
}

/** A rule that refuses `field` of the target of an AppBinding. */
export function notOfAppBinding(field: string, why: string): Rule {
  return {
    rule: `self.ref.kind != 'AppBinding' || !has(self.${field})`,
    message: `${why}; take ${field} out`,
    holds: (self: AnyTarget) => self.ref.kind !== 'AppBinding' || self[field] === undefined,
  };
}

export const taskReference = object(
  {
    name: text({
      description:
        'Name of the Task. One that is not found is looked for in kebab case: pgBackup finds pg-backup.',
      hint: 'write the name of a Task, such as pg-backup',
      minLength: 1,
      maxLength: 253,
      pattern: '^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$',
    }),
    inputs: optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        description:
          "Variables of the Task's Functions, by name, beside what the session provides. A value is put in as it is. Where a Function declares its inputs, they are checked against that.",
        additionalProperties: text({ description: 'The value.', maxLength: LONGEST_INPUT }),
        maxProperties: 64,
      }),
    ),
  },
  {
    description:
      'The Task whose Functions do the work, in the pod of a Job: for a PersistentVolumeClaim, an AppBinding or, without a target, the cluster. A workload has none: its own pods do it.',
  },
);

interface Tasked {
  target?: AnyTarget;
  task?: unknown;
  runtimeSettings?: { container?: Record<string, unknown>; pod?: Record<string, unknown> };
}

/** Fields of `runtimeSettings.pod` that say something of a pod of our own: a workload has its own of each. */
const POD_OF_TASK = ['serviceAccountName', 'nodeSelector'];

/** What a spec is held to that has a task where one is needed, and nowhere else. */
export const taskRules: Rule[] = [
  {
    rule: `!has(self.target) || self.target.ref.apiVersion != 'apps/v1' || !has(self.task)`,
    message: "a workload's own pods do the work, and no task; take task out",
    holds: ({ target, task }: Tasked) => target === undefined || !isWorkload(target) || task === undefined,
  },
  {
    rule: `!has(self.target) || self.target.ref.apiVersion == 'apps/v1' || has(self.task)`,
    message:
      'a PersistentVolumeClaim or an AppBinding takes a task that does the work; write task.name, such as volume-backup or pg-backup',
    holds: ({ target, task }: Tasked) => target === undefined || isWorkload(target) || task !== undefined,
  },
  {
    rule: `has(self.task) || !has(self.runtimeSettings) || !has(self.runtimeSettings.pod) || !(${POD_OF_TASK.map((field) => `has(self.runtimeSettings.pod.${field})`).join(' || ')})`,
    message: `${POD_OF_TASK.join(' and ')} are for the pod of a task; a workload has its own; take them out`,
    holds: ({ task, runtimeSettings }: Tasked) =>
      task !== undefined || !POD_OF_TASK.some((field) => runtimeSettings?.pod?.[field] !== undefined),
  },
  {
    rule: '!has(self.task) || !has(self.runtimeSettings) || !has(self.runtimeSettings.container) || !has(self.runtimeSettings.container.nice)',
    message: 'nice is for the agent of a workload; take it out, and limit the cpu of a task by resources',
    holds: ({ task, runtimeSettings }: Tasked) =>
      task === undefined || runtimeSettings?.container?.nice === undefined,
  },
];

/** The rule that what has no target is the cluster, which takes a task too. */
export const targetOrTask: Rule = {
  rule: 'has(self.target) || has(self.task)',
  message: 'there is neither a target nor a task; write target, or the task that backs up the cluster',
  holds: ({ target, task }: Tasked) => target !== undefined || task !== undefined,
};

/** The rule that a restore into a workload is run as that is. */
export const settingsOfTask: Rule = {
  rule: 'has(self.task) || !has(self.runtimeSettings)',
  message:
    'an init container is run as its workload is; take runtimeSettings out, which are for the pod of a task',
  holds: ({ task, runtimeSettings }: Tasked) => task !== undefined || runtimeSettings === undefined,
};
