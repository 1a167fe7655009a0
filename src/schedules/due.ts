import type { CronSchedule, IntervalSchedule, Schedule } from './schedule.ts';
import { offsetAt, showings } from './wall-clock.ts';
import { nextWallTime, previousWallTime } from './wall-times.ts';

/** More than any zone sets its clock back by in autumn (Antarctica/Troll: two hours). */
const LONGEST_REPETITION = 3 * 3_600_000;

/**
 * The instants at which `schedule` was due in (after, until], oldest first, at most `limit`.
 *
 * A wall-clock time that is skipped in spring is due at the end of the gap, and one that is repeated in
 * autumn is due once, the first time: a daily backup stays daily. (A Kubernetes CronJob skips the first and repeats the
 * second.) Only where the hour is written as "every" (a star, with a step or without, or 0-23) is a
 * repeated time due both times, so that an hourly backup leaves no hole of two hours.
 *
 * @param after - exclusive, milliseconds since the epoch
 * @param until - inclusive, milliseconds since the epoch
 * @param anchor - the instant from which `@every` counts, cut to its second; cron does not look at it
 */
export function dueBetween(
  schedule: Schedule,
  after: number,
  until: number,
  limit: number,
  anchor: number,
): number[] {
  const instants: number[] = [];
  let instant = nextDue(schedule, after, anchor);
  while (instant !== undefined && instant <= until && instants.length < limit) {
    instants.push(instant);
    instant = nextDue(schedule, instant, anchor);
  }
  return instants;
}

/** The first instant after `after` at which `schedule` is due, by the rules of dueBetween; undefined where the calendar ends. */
export function nextDue(schedule: Schedule, after: number, anchor: number): number | undefined {
  return schedule.kind === 'Interval' ? nextInterval(schedule, after, anchor) : nextCron(schedule, after);
}

/** The newest instant in (after, until] at which `schedule` was due, by the rules of dueBetween, in time that does not grow with the interval. */
export function lastDue(
  schedule: Schedule,
  after: number,
  until: number,
  anchor: number,
): number | undefined {
  const last =
    schedule.kind === 'Interval' ? lastInterval(schedule, until, anchor) : lastCron(schedule, until);
  return last !== undefined && last > after ? last : undefined;
}

function nextInterval({ interval }: IntervalSchedule, after: number, anchor: number): number {
  const start = wholeSecond(anchor);
  return start + Math.max(1, Math.floor((after - start) / interval) + 1) * interval;
}

function lastInterval({ interval }: IntervalSchedule, until: number, anchor: number): number | undefined {
  const start = wholeSecond(anchor);
  const passed = Math.floor((until - start) / interval);
  return passed >= 1 ? start + passed * interval : undefined;
}

// The name of a session holds the seconds of its due instant, so an instant between two seconds could not be told from another.
function wholeSecond(instant: number): number {
  return Math.floor(instant / 1000) * 1000;
}

// Both functions below merge two sequences that ascend with the wall-clock time: the first showings of the times that
// are due, and, where the hour is "every", their second showings.

function nextCron(schedule: CronSchedule, after: number): number | undefined {
  const { timeZone } = schedule;
  const shown = after + offsetAt(timeZone, after);
  let wall = nextWallTime(schedule, shown);
  // While a repeated hour is shown for the second time, the times ahead have had their first.
  while (wall !== undefined && showings(timeZone, wall).first <= after) wall = nextWallTime(schedule, wall);
  const first = wall === undefined ? undefined : showings(timeZone, wall).first;
  return schedule.everyHour ? (secondShowing(schedule, after, first) ?? first) : first;
}

/** The first second showing in (after, before) of a time that is due. */
function secondShowing(
  schedule: CronSchedule,
  after: number,
  before: number | undefined,
): number | undefined {
  const { timeZone } = schedule;
  const offset = offsetAt(timeZone, after + LONGEST_REPETITION);
  if (offset >= offsetAt(timeZone, after - LONGEST_REPETITION)) return undefined;
  let wall = nextWallTime(schedule, after + offset);
  while (wall !== undefined && (before === undefined || wall - offset < before)) {
    const { second } = showings(timeZone, wall);
    if (second !== undefined && second > after) return second;
    wall = nextWallTime(schedule, wall);
  }
  return undefined;
}

function lastCron(schedule: CronSchedule, until: number): number | undefined {
  const { timeZone } = schedule;
  const offset = Math.max(
    offsetAt(timeZone, until),
    offsetAt(timeZone, until - LONGEST_REPETITION),
    offsetAt(timeZone, until + LONGEST_REPETITION),
  );
  // From past any time that can have been shown, back to the newest that was.
  let wall = previousWallTime(schedule, until + offset + 1);
  while (wall !== undefined && showings(timeZone, wall).first > until)
    wall = previousWallTime(schedule, wall);
  if (wall === undefined) return undefined;
  const { first, second } = showings(timeZone, wall);
  if (!schedule.everyHour || second === undefined) return first;
  if (second <= until) return second;
  // In the midst of the second showing: the newest time that has had it comes before the newest first one.
  const repeated = previousWallTime(schedule, until + offsetAt(timeZone, until) + 1);
  const shown = repeated === undefined ? undefined : showings(timeZone, repeated).second;
  return shown !== undefined && shown <= until ? shown : first;
}
