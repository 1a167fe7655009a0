import { DURATION_PATTERN } from './duration.ts';
import { conditionsOf, repositoryReference, timeout } from './fields.ts';
import { backupHooks, hooksInPods } from './hooks.ts';
import type { KubernetesObject } from './object.ts';
import { runtimeSettings } from './runtime-settings.ts';
import { bool, count, instant, list, object, oneOf, optional, type Static, text } from './schema.ts';
import { notOfAppBinding, targetOf, targetOrTask, taskReference, taskRules } from './target.ts';

const keep = (unit: string) =>
  optional(
    count({
      description: `How many ${unit} snapshots to keep, for each host and directory.`,
      maximum: 1_000_000,
      minimum: 1,
    }),
  );

/** The fields of a retention policy of which at least one has to be set. */
const KEEPS = ['keepLast', 'keepHourly', 'keepDaily', 'keepWeekly', 'keepMonthly', 'keepYearly'];

const retentionPolicy = object(
  {
    name: optional(
      text({
        description:
          'What the policy is called, for people: it stands in what a session says of its retention.',
        minLength: 1,
        maxLength: 63,
      }),
    ),
    keepLast: keep('of the latest'),
    keepHourly: keep('hourly'),
    keepDaily: keep('daily'),
    keepWeekly: keep('weekly'),
    keepMonthly: keep('monthly'),
    keepYearly: keep('yearly'),
    keepTags: optional(
      list(
        text({
          description: 'A tag of restic, without commas and white space.',
          hint: 'write one tag without commas and white space, such as release-1',
          minLength: 1,
          maxLength: 255,
          pattern: '^[^,\\s]+$',
        }),
        {
          description:
            'Beside what the numbers keep, every snapshot with one of these tags, however old. Tags are added with `restic tag --add`.',
          minItems: 1,
          maxItems: 32,
          'x-kubernetes-list-type': 'set',
        },
      ),
    ),
    prune: bool({
      description:
        'Also frees the space of what was removed. Without it, snapshots go and the space stays taken.',
      default: false,
    }),
    dryRun: bool({ description: 'Removes nothing, and reports what would be removed.', default: false }),
  },
  {
    description:
      'Which snapshots of this configuration to keep; all of them where it is left out. Applied once in each session, after its last host is done.',
    rules: [
      {
        rule: KEEPS.map((name) => `has(self.${name})`).join(' || '),
        message:
          'a retention policy that keeps nothing would remove every snapshot; set keepLast or another keep…',
        holds: (self: Record<string, unknown>) => KEEPS.some((name) => name in self),
      },
    ],
  },
);

const noIntervalOfCronJob = {
  rule: "self.scheduler != 'CronJob' || !self.schedule.startsWith('@every')",
  message:
    'scheduler CronJob has no @every, since a CronJob counts intervals from another instant; write cron fields or a macro into schedule, or scheduler Stash',
  holds: ({ scheduler, schedule }: { scheduler: string; schedule: string }) =>
    scheduler !== 'CronJob' || !schedule.startsWith('@every'),
};

const spec = object(
  {
    schedule: text({
      description:
        'When to back up: five fields of cron as in a Kubernetes CronJob ("30 2 * * *"), a macro (@hourly, @daily, @weekly, @monthly, @yearly), or "@every 1h30m".',
      hint: 'write five cron fields such as "30 2 * * *", a macro such as @daily, or "@every 6h"',
      minLength: 1,
      maxLength: 255,
      pattern: '^(@[a-z]+( +[0-9a-z.]+)?|\\S+( +\\S+){4})$',
    }),
    timeZone: optional(
      text({
        description:
          'The time zone in which cron fields and macros are read, as an IANA name (Europe/Berlin). UTC by default.',
        minLength: 1,
        maxLength: 64,
      }),
    ),
    paused: bool({
      description: 'Creates no session on schedule while true. Sessions that a user creates still run.',
      default: false,
    }),
    repository: repositoryReference,
    task: optional(taskReference),
    target: optional(
      targetOf(
        {
          exclude: optional(
            list(text({ description: "A pattern of restic's --exclude.", minLength: 1, maxLength: 1024 }), {
              description:
                'Patterns of files to leave out, as in restic\'s --exclude ("*.tmp", "/source/data/cache"). They are matched against absolute paths.',
              maxItems: 64,
            }),
          ),
        },
        {
          description: 'What to back up; the cluster itself where it is left out, which takes a task.',
          rules: [notOfAppBinding('exclude', 'an AppBinding has no files that could be left out')],
        },
      ),
    ),
    hooks: optional(backupHooks),
    retentionPolicy: optional(retentionPolicy),
    timeout,
    startingDeadline: text({
      description:
        'How late a session may still start, as a Go duration: after an outage, a session that was due longer ago than this is not made up for.',
      hint: 'write a duration such as 10m or 1h',
      default: '1h',
      pattern: DURATION_PATTERN,
      maxLength: 32,
    }),
    backupHistoryLimit: count({
      description: 'How many finished sessions to keep, beside the last good and the last bad one.',
      default: 3,
      maximum: 1000,
    }),
    retry: object(
      {
        limit: count({
          description:
            'How many more sessions follow a scheduled one that failed, each after another; 0 for none. They are called after the first, with -r1, -r2, … at the end, and count in the history.',
          default: 0,
          maximum: 10,
        }),
        delay: text({
          description: 'How long after a failure the next session follows, as a Go duration.',
          hint: 'write a duration such as 1m or 30m',
          default: '1m',
          pattern: DURATION_PATTERN,
          maxLength: 32,
        }),
      },
      {
        description:
          'What follows a session of the schedule that Failed, until the next is due. Sessions that a user made or cancelled are not tried again.',
        default: { limit: 0, delay: '1m' },
      },
    ),
    scheduler: oneOf(['Stash', 'CronJob'], {
      description:
        'Who keeps time. Stash: the operator. CronJob: a Kubernetes CronJob of the same name, which only creates the BackupSessions, and which the operator keeps as the configuration says. It takes cron fields and macros, and no @every.',
      default: 'Stash',
    }),
    rollout: oneOf(['Automatic', 'OnNextUpdate'], {
      description:
        'Automatic: the workload is rolled out once to get its sidecar, and once to lose it. OnNextUpdate: the sidecar comes, changes and goes with the next change of the pod template that its owner makes.',
      default: 'Automatic',
    }),
    runtimeSettings: optional(runtimeSettings),
  },
  {
    description: 'What to back up, when, and where to.',
    rules: [targetOrTask, ...taskRules, hooksInPods, noIntervalOfCronJob],
  },
);

const status = object(
  {
    observedGeneration: optional(count({ description: 'The generation that this status is about.' })),
    observedSchedule: optional(
      text({
        description: 'The time zone and schedule that scheduledSince is about, or "paused".',
        maxLength: 512,
      }),
    ),
    scheduledSince: optional(
      instant({
        description:
          'Since when this schedule holds: what it would have been due for before is not made up for.',
      }),
    ),
    lastScheduleTime: optional(
      instant({ description: 'The last instant at which a backup was due and was handled.' }),
    ),
    nextScheduleTime: optional(instant({ description: 'The next instant at which a backup is due.' })),
    lastSuccessfulTime: optional(instant({ description: 'When the last good backup was complete.' })),
    lastSession: optional(
      text({ description: 'Name of the last BackupSession that ended.', maxLength: 253 }),
    ),
    lastPhase: optional(text({ description: 'How that session ended.', maxLength: 32 })),
    conditions: optional(
      conditionsOf(
        'SidecarInjected: whether the workload has the sidecar, or why not. Ready: whether sessions can run.',
      ),
    ),
  },
  { description: 'What became of it; written by the operator.' },
);

export const backupConfiguration = { spec, status };

export type RetentionPolicy = Static<typeof retentionPolicy>;
export type BackupConfigurationSpec = Static<typeof spec>;
export type BackupConfigurationStatus = Static<typeof status>;
export type BackupConfiguration = KubernetesObject<BackupConfigurationSpec, BackupConfigurationStatus>;

/** Conditions of a BackupConfiguration: Ready sums up; SidecarInjected tells of the workload. */
export const CONFIGURATION_READY = 'Ready';
export const SIDECAR_INJECTED = 'SidecarInjected';
