import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
import { observedSchedule } from '../api/scheduled-session.ts';
import { instantOf } from '../kube/clock.ts';
import { lastDue, nextDue } from '../schedules/due.ts';
import { parseSchedule } from '../schedules/schedule.ts';

/** When a configuration is due next. Instants are milliseconds since the epoch. */
export interface SchedulePlan {
  /** The instant in the past that is still to be made up for: the newest, and only where it is within startingDeadline. */
  catchUp?: number;
  /** The newest instant that was missed for good. */
  missed?: number;
  next?: number;
  /** Until when a CronJob is waited for, which is to make a session for an instant in the past. */
  awaitedUntil?: number;
}

/** What the process that plans knows beyond the status, which its cache may show late. */
export interface ScheduleKnowledge {
  /** The last instant that was handled; 0 where none is known. */
  handled: number;
  /** Since when the schedule holds, where the status does not say it of this one. */
  since: number;
  /** Since when a CronJob keeps the time of this configuration; undefined where the operator does. */
  cronJobSince?: number;
}

/**
 * How far the clocks of two leaders may be apart, in milliseconds. What is later than that comes of a clock that was ahead once, and would
 * keep every backup until then from being made: an instant that is handled twice is harmless.
 */
export const LARGEST_SKEW = 60_000;

/** So much longer than a pod may take to make a session, in milliseconds, the cache may take to show it. */
const SEEN_WITHIN = 30_000;

/**
 * What is due of `configuration` at `now`. After an outage each catches up once. What a schedule would have been due for before it was
 * written, or while it was paused, was never missed.
 *
 * A CronJob makes the sessions for what is due after its own creation, as Kubernetes has it; what is due up to then is made here.
 *
 * @throws {InvalidScheduleError}
 */
export function planSchedule(
  configuration: BackupConfiguration,
  known: ScheduleKnowledge,
  now: number,
): SchedulePlan {
  const { spec, status, metadata } = configuration;
  if (spec.paused || metadata.deletionTimestamp !== undefined) return {};
  const schedule = parseSchedule(spec.schedule, spec.timeZone);
  const created = instantOf(metadata.creationTimestamp);
  const handled = [since(configuration, known), instantOf(status?.lastScheduleTime), known.handled];
  const from = Math.max(created, ...handled.filter((instant) => instant <= now + LARGEST_SKEW));
  const next = nextDue(schedule, from, created);
  if (next === undefined || next > now) return next === undefined ? {} : { next };
  const last = lastDue(schedule, from, now, created) ?? next;
  const following = nextDue(schedule, last, created);
  const deadline = last + parseDuration(spec.startingDeadline);
  return {
    ...handling(),
    ...(following !== undefined && { next: following }),
  };

  function handling(): SchedulePlan {
    const isOfCronJob = known.cronJobSince !== undefined && last > known.cronJobSince;
    if (!isOfCronJob) return now > deadline ? { missed: last } : { catchUp: last };
    const awaitedUntil = deadline + SEEN_WITHIN;
    return now > awaitedUntil ? { missed: last } : { awaitedUntil };
  }
}

function since(configuration: BackupConfiguration, known: ScheduleKnowledge): number {
  const { status } = configuration;
  if (status?.observedSchedule === observedSchedule(configuration)) return instantOf(status.scheduledSince);
  // Nobody has looked at it before: it holds since it was made.
  return status?.observedSchedule === undefined ? 0 : known.since;
}
