import { DURATION_PATTERN } from './duration.ts';
import { count, instant, object, objectName, oneOf, optional, type Static, text } from './schema.ts';

/* How a Repository is checked: what its author asks for, and what became of the last check. */

export const integrityCheck = object(
  {
    schedule: text({
      description:
        'When it is checked: cron with five fields, @daily and the like, or @every 168h. Backups into the repository wait while it is checked, and a restore ends the check. A check waits for backups that run, and none begins before it once it is late by an hour, or by half of its interval.',
      minLength: 1,
      maxLength: 256,
    }),
    timeZone: optional(
      text({
        description: 'The time zone of the schedule, such as Europe/Berlin; UTC where nothing is said.',
        minLength: 1,
        maxLength: 64,
      }),
    ),
    readDataSubset: optional(
      text({
        description:
          'How much of the data itself is read and verified, as restic takes it: 5%, 1/10 or 2G. Only the structure is checked where nothing is said, and all data with 100%.',
        hint: 'write a share such as 5%, a part such as 1/10, or a size such as 2G',
        pattern: '^([1-9][0-9]{0,5}/[1-9][0-9]{0,5}|[0-9]{1,3}([.][0-9]{1,6})?%|[1-9][0-9]{0,9}[KMGT])$',
        maxLength: 32,
      }),
    ),
    timeout: text({
      description:
        'How long a check may take before it is stopped, as a Go duration (30m, 6h); 1h where nothing is said.',
      hint: 'write a duration such as 30m or 6h',
      default: '1h',
      pattern: DURATION_PATTERN,
      maxLength: 32,
    }),
    serviceAccountName: optional(
      objectName({
        description:
          'The ServiceAccount that the Job runs as, in the namespace of the Repository; default where nothing is said. It is given the right to report the result, and no other.',
      }),
    ),
  },
  { description: 'Has a Job check the repository with restic check, and count its snapshots and its size.' },
);

export const integrity = object(
  {
    jobName: text({ description: 'The Job that checks.', maxLength: 253 }),
    scheduledTime: instant({ description: 'When the check was due.' }),
    startTime: instant({ description: 'When the Job was made.' }),
    deadline: instant({ description: 'When it is stopped.' }),
    podName: optional(text({ description: 'The pod of the Job.', maxLength: 253 })),
    podUID: optional(text({ description: 'The uid of that pod: no other one reports.', maxLength: 64 })),
    phase: optional(
      oneOf(['Running', 'Succeeded', 'Failed'], { description: 'Running, then Succeeded or Failed.' }),
    ),
    reason: optional(
      text({
        description:
          'Why it Failed, as one word in CamelCase: Damaged where the repository is, and anything else where it could not be checked.',
        maxLength: 128,
      }),
    ),
    message: optional(text({ description: 'The same as a sentence.', maxLength: 4096 })),
    completionTime: optional(instant({ description: 'When it ended.' })),
    snapshotCount: optional(count({ description: 'Snapshots that were found.' })),
    sizeBytes: optional(count({ description: 'Bytes that the repository takes of its storage.' })),
  },
  {
    description:
      'The last check of the integrity: who checks (written by the operator) and what was found (written by its Job).',
  },
);

export type IntegrityCheck = Static<typeof integrityCheck>;
export type Integrity = Static<typeof integrity>;
