import { DURATION_PATTERN } from './duration.ts';
import { count, instant, list, mapList, object, objectName, oneOf, optional, text } from './schema.ts';

/* Fields that several kinds have, each said once. */

export const repositoryReference = object(
  { name: objectName({ description: 'Name of the Repository, in the namespace of this object.' }) },
  { description: 'The Repository that holds the snapshots.' },
);

export const directory = text({
  description: 'An absolute path, as the container sees it.',
  hint: 'write the path from the root, as the container sees it, without "." or "..", such as /source/data',
  maxLength: 1024,
  pattern: '^(/[^/]+)+/?$',
  rules: [
    {
      rule: "!self.matches('(^|/)[.][.]?(/|$)')",
      message:
        'a directory is written without "." and ".."; write the path from the root, such as /source/data',
      holds: (self: string) => !/(^|\/)[.][.]?(\/|$)/.test(self),
    },
  ],
});

export const directories = list(directory, {
  description:
    'The directories, as absolute paths in the container. Each must lie in a volume that a container of the workload mounts; those of a claim lie in its mountPath, which is the one directory where they are left out.',
  minItems: 1,
  maxItems: 32,
  'x-kubernetes-list-type': 'set',
});

export const containerName = text({
  description:
    'The container whose mounts decide where a directory is found, where several containers mount different volumes at one path.',
  minLength: 1,
  maxLength: 63,
});

export const timeout = text({
  description: 'How long a run may take before it is stopped and Failed, as a Go duration (90s, 1h30m).',
  hint: 'write a duration such as 90s, 1h30m or 24h',
  default: '24h',
  pattern: DURATION_PATTERN,
  maxLength: 32,
});

const condition = object(
  {
    type: text({ description: 'What the condition is about, in CamelCase.', maxLength: 316 }),
    status: oneOf(['True', 'False', 'Unknown'], { description: 'True, False or Unknown.' }),
    reason: text({
      description: 'Why, as one word in CamelCase that programs may rely on.',
      maxLength: 1024,
    }),
    message: text({ description: 'Why, as a sentence for people.', maxLength: 32768 }),
    lastTransitionTime: instant({ description: 'When the status last changed.' }),
    observedGeneration: optional(count({ description: 'The generation of the object that this is about.' })),
  },
  { description: 'One condition.' },
);

/**
 * The conditions of a kind.
 *
 * @param which - the types that there are, and what each tells
 */
export function conditionsOf(which: string) {
  return mapList(condition, ['type'], {
    description: `What is true of the object now, as \`kubectl wait --for=condition=…\` reads it. ${which}`,
    maxItems: 16,
  });
}

export const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Skipped'] as const;

export const phase = oneOf([...phases], {
  description:
    'Pending, Running, then Succeeded or Failed; or Skipped, with a reason in the condition Succeeded.',
});

/** One host of a session: who acts there (written by the operator) and how far it is (written by the agent there). */
export const hostFields = {
  host: text({
    description:
      'The host, as restic records it in its snapshots: host-0 for a Deployment, host-<ordinal> for a pod of a StatefulSet, the name of the node for a pod of a DaemonSet.',
    maxLength: 253,
  }),
  podName: optional(text({ description: 'The pod whose agent acts for the host.', maxLength: 253 })),
  podUID: optional(
    text({ description: 'The uid of that pod: another pod of the same name is another.', maxLength: 64 }),
  ),
  phase: optional(
    oneOf(['Running', 'Succeeded', 'Failed'], {
      description: 'Running, then Succeeded or Failed; absent before.',
    }),
  ),
  reason: optional(text({ description: 'Why the host failed, as one word in CamelCase.', maxLength: 128 })),
  message: optional(text({ description: 'Why the host failed, as a sentence.', maxLength: 4096 })),
  startTime: optional(instant({ description: 'When the agent began.' })),
  completionTime: optional(instant({ description: 'When the agent was done.' })),
  heartbeatTime: optional(
    instant({
      description:
        'When the agent last reported. An agent that acts and does not report for 90 s is given up.',
    }),
  ),
  progress: optional(
    object(
      {
        directory: text({ description: 'The directory that is being worked on.' }),
        percent: count({ description: 'How much of it is done, in percent.', maximum: 100 }),
        filesDone: count({ description: 'Files done so far.' }),
        bytesDone: count({ description: 'Bytes done so far.' }),
        totalBytes: optional(count({ description: 'Bytes to do, as far as is known.' })),
      },
      { description: 'How far the agent is, reported every 10 s at most.' },
    ),
  ),
};
