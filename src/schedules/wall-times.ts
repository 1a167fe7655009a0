import { Cron } from 'croner';
import type { CronSchedule } from './schedule.ts';

const DAY = 86_400_000;
const MINUTE = 60_000;

/** How many calendars are kept. croner's take 80 KB each; nearly all schedules say "every day" or one day of the week. */
const CALENDARS = 64;

const calendars = new Map<string, Cron>();

/** The first wall-clock time after `wall` at which `schedule` is due (see wall-clock.ts); undefined where the calendar ends. */
export function nextWallTime(schedule: CronSchedule, wall: number): number | undefined {
  const today = startOfDay(wall);
  if (isDay(schedule, today)) {
    const minute = nextMinute(schedule, Math.floor((wall - today) / MINUTE));
    if (minute !== undefined) return today + minute * MINUTE;
  }
  const day = calendarOf(schedule).nextRun(new Date(today))?.getTime();
  return day === undefined ? undefined : day + firstMinute(schedule) * MINUTE;
}

/** The last wall-clock time before `wall` at which `schedule` is due. */
export function previousWallTime(schedule: CronSchedule, wall: number): number | undefined {
  const today = startOfDay(wall);
  if (isDay(schedule, today)) {
    const minute = previousMinute(schedule, Math.ceil((wall - today) / MINUTE));
    if (minute !== undefined) return today + minute * MINUTE;
  }
  const day = calendarOf(schedule).previousRuns(1, new Date(today))[0]?.getTime();
  return day === undefined ? undefined : day + lastMinute(schedule) * MINUTE;
}

function startOfDay(wall: number): number {
  return Math.floor(wall / DAY) * DAY;
}

function isDay(schedule: CronSchedule, day: number): boolean {
  return calendarOf(schedule).match(new Date(day));
}

function firstMinute({ hours, minutes }: CronSchedule): number {
  return (hours[0] ?? 0) * 60 + (minutes[0] ?? 0);
}

function lastMinute({ hours, minutes }: CronSchedule): number {
  return (hours.at(-1) ?? 0) * 60 + (minutes.at(-1) ?? 0);
}

function nextMinute(schedule: CronSchedule, after: number): number | undefined {
  const { hours, minutes } = schedule;
  for (const hour of hours) {
    if (hour * 60 + 59 <= after) continue;
    const minute = minutes.find((candidate) => hour * 60 + candidate > after);
    if (minute !== undefined) return hour * 60 + minute;
  }
  return undefined;
}

function previousMinute(schedule: CronSchedule, before: number): number | undefined {
  const { hours, minutes } = schedule;
  for (const hour of hours.toReversed()) {
    if (hour * 60 >= before) continue;
    const minute = minutes.findLast((candidate) => hour * 60 + candidate < before);
    if (minute !== undefined) return hour * 60 + minute;
  }
  return undefined;
}

/** croner's view of the days of `schedule`. It is asked in UTC only: what clocks do is decided in due.ts, where its rules differ from ours. */
function calendarOf({ days, bothDaysMatch }: CronSchedule): Cron {
  const key = `${bothDaysMatch ? '&' : '|'} ${days}`;
  const known = calendars.get(key);
  if (known !== undefined) {
    // Taken out and put back, so that the one used longest ago is first.
    calendars.delete(key);
    calendars.set(key, known);
    return known;
  }
  // utcOffset rather than timezone: croner asks Intl about each step in a named zone, which takes ten times as long.
  const calendar = new Cron(days, {
    mode: '5-part',
    utcOffset: 0,
    domAndDow: bothDaysMatch,
    paused: true,
  });
  calendars.set(key, calendar);
  const oldest = calendars.keys().next().value;
  if (calendars.size > CALENDARS && oldest !== undefined) calendars.delete(oldest);
  return calendar;
}
