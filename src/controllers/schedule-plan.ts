import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
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
}

/** What the process that plans knows beyond the status, which its cache may show late. */
export interface ScheduleKnowledge {
  /** The last instant that was handled; 0 where none is known. */
  handled: number;
  /** Since when the schedule holds, where the status does not say it of this one. */
  since: number;
}

/** What `status.observedSchedule` says of `configuration`. */
export function observedSchedule({ spec }: BackupConfiguration): string {
  if (spec.paused) return 'paused';
  return spec.timeZone === undefined ? spec.schedule : `${spec.timeZone} ${spec.schedule}`;
}

/**
 * What is due of `configuration` at `now`. After an outage each catches up once. What a schedule would have been due for before it was
 * written, or while it was paused, was never missed.
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
  const from = Math.max(
    created,
    since(configuration, known),
    instantOf(status?.lastScheduleTime),
    known.handled,
  );
  const next = nextDue(schedule, from, created);
  if (next === undefined || next > now) return next === undefined ? {} : { next };
  const last = lastDue(schedule, from, now, created) ?? next;
  const following = nextDue(schedule, last, created);
  const isLate = now - last > parseDuration(spec.startingDeadline);
  return {
    ...(isLate ? { missed: last } : { catchUp: last }),
    ...(following !== undefined && { next: following }),
  };
}

function since(configuration: BackupConfiguration, known: ScheduleKnowledge): number {
  const { status } = configuration;
  if (status?.observedSchedule === observedSchedule(configuration)) return instantOf(status.scheduledSince);
  // Nobody has looked at it before: it holds since it was made.
  return status?.observedSchedule === undefined ? 0 : known.since;
}
