import Type from 'typebox';
import { DURATION_PATTERN } from './duration.ts';
import {
  count,
  instant,
  list,
  mapList,
  object,
  oneOf,
  optional,
  type Rule,
  type Static,
  text,
} from './schema.ts';

/* What is done in the pods of a workload, or in whichever has a claim mounted, before and after the backup or restore, and how that fared. */

const port = Type.Unsafe<number | string>({
  description: 'A port of the pod: its number, or the name that a container gives it.',
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  'x-kubernetes-int-or-string': true,
  hint: 'write a number from 1 to 65535, or the name of a port of the container',
  maxLength: 15,
  'x-kubernetes-validations': [
    {
      rule: "type(self) == int ? int(self) >= 1 && int(self) <= 65535 : string(self).matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
      message: 'no such port; write a number from 1 to 65535, or the name of a port of the container',
      holds: (self: number | string) =>
        typeof self === 'number' ? self >= 1 && self <= 65_535 : /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(self),
    },
  ],
});

const httpHeaders = list(
  object(
    {
      name: text({
        description: 'The name of the header.',
        hint: 'write a name such as Content-Type',
        pattern: "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$",
        maxLength: 255,
      }),
      value: text({
        description: 'Its value.',
        hint: 'write it in one line of visible ASCII characters',
        pattern: '^[\\t -~]*$',
        maxLength: 4096,
      }),
    },
    { description: 'One header.' },
  ),
  {
    description: 'Headers of the request. Name no password here: whoever reads this object reads it.',
    maxItems: 32,
  },
);

const httpFields = {
  path: text({
    description: 'The path of the request.',
    hint: 'write a path from the root, such as /backup/begin',
    default: '/',
    pattern: '^/[!-~]*$',
    maxLength: 2048,
  }),
  port,
  scheme: oneOf(['HTTP', 'HTTPS'], {
    description: 'HTTP or HTTPS. As with the probes of Kubernetes, the certificate is not verified.',
    default: 'HTTP',
  }),
  httpHeaders: optional(httpHeaders),
};

const actions = {
  exec: optional(
    object(
      {
        command: list(text({ description: 'The program, or an argument of it.', maxLength: 8192 }), {
          description:
            'The program and its arguments. It runs in the container as `kubectl exec` runs it: without a shell where none is named, and well where its exit code is 0.',
          minItems: 1,
          maxItems: 64,
        }),
      },
      { description: 'Runs a command in the container.' },
    ),
  ),
  httpGet: optional(
    object(httpFields, {
      description:
        'Sends GET to a port of the pod. It went well where the answer has a status from 200 to 399.',
    }),
  ),
  httpPost: optional(
    object(
      {
        ...httpFields,
        body: optional(text({ description: 'The body of the request, none by default.', maxLength: 32_768 })),
      },
      {
        description:
          'Sends POST to a port of the pod. It went well where the answer has a status from 200 to 399.',
      },
    ),
  ),
  tcpSocket: optional(
    object(
      { port },
      { description: 'Connects to a port of the pod. It went well where the port takes the connection.' },
    ),
  ),
};

const ACTIONS = ['exec', 'httpGet', 'httpPost', 'tcpSocket'] as const;

const hookFields = {
  ...actions,
  containerName: optional(
    text({
      description:
        'The container that the command runs in, and whose names of ports count: by default the one that target.container names, or else the first; of a claim the first that has it mounted.',
      minLength: 1,
      maxLength: 63,
    }),
  ),
  timeout: text({
    description: 'How long the hook may take before it is given up and Failed, as a Go duration, at most 1h.',
    hint: 'write a duration such as 30s or 5m',
    default: '30s',
    pattern: DURATION_PATTERN,
    maxLength: 32,
  }),
};

const hookRules = [
  {
    rule: `[${ACTIONS.map((name) => `has(self.${name})`).join(', ')}].exists_one(each, each)`,
    message: 'a hook does one thing; write one of exec, httpGet, httpPost and tcpSocket',
    holds: (self: Record<string, unknown>) => ACTIONS.filter((name) => self[name] !== undefined).length === 1,
  },
];

const preHook = (description: string) => optional(object(hookFields, { description, rules: hookRules }));

const postHook = (description: string) =>
  optional(
    object(
      {
        ...hookFields,
        executionPolicy: oneOf(['Always', 'OnSuccess', 'OnFailure'], {
          description:
            'Whether the hook runs however its host ended (Always), or only where that succeeded or failed.',
          default: 'Always',
        }),
      },
      { description, rules: hookRules },
    ),
  );

/** `spec.hooks` of a BackupConfiguration. */
export const backupHooks = object(
  {
    preBackup: preHook(
      'Runs in the pod of each host before its backup begins. Where it fails, the host is Failed and nothing of it is backed up.',
    ),
    postBackup: postHook(
      'Runs in the pod of each host once its backup has ended, well or not. Where it fails, the backup stands, and the condition HooksSucceeded is False.',
    ),
  },
  {
    description:
      'What is done in the pods that are backed up, before and after; of a PersistentVolumeClaim, in the oldest running pod that has it mounted. Whoever writes a hook needs the right to create pods/exec (exec) or pods/portforward (the others) in the namespace. A hook may run again where the operator is restarted in the middle of it.',
    minProperties: 1,
  },
);

/** `spec.hooks` of a RestoreSession. */
export const restoreHooks = object(
  {
    preRestore: preHook(
      'Runs in the pod of each host that has a running one, before anything is touched; it is skipped where none runs. Where it fails, the session is Failed and nothing is restored.',
    ),
    postRestore: postHook(
      'Runs in the pod of each host once its restore has ended, well or not, and the container runs. Where it fails, what was restored stands, and the condition HooksSucceeded is False.',
    ),
  },
  {
    description:
      'What is done in the pods of the target, before and after; of a PersistentVolumeClaim, in the oldest running pod that has it mounted. Whoever writes a hook needs the right to create pods/exec (exec) or pods/portforward (the others) in the namespace. A hook may run again where the operator is restarted in the middle of it.',
    minProperties: 1,
  },
);

/** Of a spec that may have hooks. */
export const hooksInPods: Rule = {
  rule: `!has(self.hooks) || !has(self.task) || has(self.target) && self.target.ref.kind == 'PersistentVolumeClaim'`,
  message:
    'hooks run in the pods of a workload, or in the pod that has a claim mounted, and an AppBinding and the cluster have none; take hooks out, and let a Function of the task do it',
  holds: (self: { hooks?: unknown; task?: unknown; target?: { ref: { kind: string } } }) =>
    self.hooks === undefined || self.task === undefined || self.target?.ref.kind === 'PersistentVolumeClaim',
};

const hookNames = ['preBackup', 'postBackup', 'preRestore', 'postRestore'] as const;

/** `status.hooks` of a session. */
export const hookRuns = mapList(
  object(
    {
      hook: oneOf([...hookNames], { description: 'Which hook.' }),
      host: text({ description: 'The host in whose pod it runs.', maxLength: 253 }),
      podName: optional(text({ description: 'The pod.', maxLength: 253 })),
      podUID: optional(text({ description: 'The uid of the pod.', maxLength: 64 })),
      phase: oneOf(['Pending', 'Running', 'Succeeded', 'Failed', 'Skipped'], {
        description:
          'Pending, where it waits for others with why; Running, then Succeeded or Failed; or Skipped, with why.',
      }),
      reason: optional(
        text({
          description: 'Why it waits, failed or was skipped, as one word in CamelCase.',
          maxLength: 128,
        }),
      ),
      message: optional(
        text({
          description:
            'Why it waits, failed or was skipped, as a sentence; of what a command wrote, its last line at most.',
          maxLength: 512,
        }),
      ),
      exitCode: optional(count({ description: 'The exit code of the command.' })),
      startTime: optional(instant({ description: 'When it began.' })),
      completionTime: optional(instant({ description: 'When it ended.' })),
    },
    { description: 'How one hook fares on one host.' },
  ),
  ['hook', 'host'],
  {
    description:
      'The hooks that were due, each on each host; written by the operator. One that has ended is not run again.',
    maxItems: 2048,
  },
);

/** The condition of a session that tells whether its hooks went well, where it has any. */
export const HOOKS_SUCCEEDED = 'HooksSucceeded';

export type HookName = (typeof hookNames)[number];
export type BackupHooks = Static<typeof backupHooks>;
export type RestoreHooks = Static<typeof restoreHooks>;
export type Hook = NonNullable<BackupHooks['preBackup']>;
export type PostHook = NonNullable<BackupHooks['postBackup']>;
export type HookRun = Static<typeof hookRuns>[number];
