import { InvalidDurationError, parseDuration } from '../api/duration.ts';
import { parseCronFields } from './cron-fields.ts';
import { InvalidScheduleError } from './invalid-schedule.ts';
import { isTimeZone } from './wall-clock.ts';

/** When a backup is due: at wall-clock times of a time zone, or whenever an interval has passed. */
export type Schedule = CronSchedule | IntervalSchedule;

/** Due at times of day, on days. Plain data of about half a KB. */
export interface CronSchedule {
  readonly kind: 'Cron';
  /** IANA name of the time zone in which the fields are read. */
  readonly timeZone: string;
  /** Times of day in minutes since midnight are every `hours[i] * 60 + minutes[j]`; both ascending, neither empty. */
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  /** The days, as a cron expression that is due at midnight of each, with explicit lists in its fields. */
  readonly days: string;
  /** Whether a day must match day of month and day of week, one of which restricts nothing, or either of them. */
  readonly bothDaysMatch: boolean;
  /** Whether the hour is "every" rather than "at", so that a repeated hour counts twice. */
  readonly everyHour: boolean;
}

/** Due at anchor + n × interval, n from 1 on. */
export interface IntervalSchedule {
  readonly kind: 'Interval';
  /** Milliseconds, whole seconds. */
  readonly interval: number;
}

const MACROS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** The shortest interval of `@every`, in milliseconds: a session takes seconds, so a shorter one would only be skipped, and fill the API server. */
export const SHORTEST_INTERVAL = 10_000;

/**
 * The schedule that a user wrote: five cron fields in the grammar of a Kubernetes CronJob, a macro, or `@every` with a Go
 * duration of whole seconds, ten at least.
 *
 * @param timeZone - IANA name in which cron fields and macros are read; UTC where it is left out
 * @throws {InvalidScheduleError} saying which field is wrong, what was found, and what to write
 */
export function parseSchedule(expression: string, timeZone = 'UTC'): Schedule {
  if (!isTimeZone(timeZone)) {
    throw new InvalidScheduleError(
      'timeZone',
      `timeZone "${timeZone}" is not known; write an IANA name such as Europe/Berlin, or leave it out for UTC`,
    );
  }
  const text = expression.trim();
  if (text.includes('TZ=')) {
    throw new InvalidScheduleError(
      'schedule',
      `schedule "${text}" holds a time zone; take TZ= out of it and write the zone's name into timeZone`,
    );
  }
  if (/^@every(\s|$)/.test(text)) return { kind: 'Interval', interval: parseInterval(text) };
  return parseCron(text.startsWith('@') ? expandMacro(text) : text, timeZone);
}

function parseCron(expression: string, timeZone: string): CronSchedule {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = parseCronFields(expression);
  return {
    kind: 'Cron',
    timeZone,
    hours: hour.values,
    minutes: minute.values,
    days: `0 0 ${dayOfMonth.values.join()} ${month.values.join()} ${dayOfWeek.values.join()}`,
    bothDaysMatch: dayOfMonth.star || dayOfWeek.star,
    everyHour: hour.wildcard || hour.values.length === 24,
  };
}

function expandMacro(text: string): string {
  const expanded = Object.hasOwn(MACROS, text) ? MACROS[text] : undefined;
  if (expanded !== undefined) return expanded;
  const lower = text.toLowerCase();
  const meant = Object.hasOwn(MACROS, lower) ? `; write "${lower}"` : '';
  throw new InvalidScheduleError(
    'schedule',
    `schedule "${text}" is no macro${meant || `; the macros are ${Object.keys(MACROS).join(', ')}, and "@every 6h" with a duration`}`,
  );
}

function parseInterval(text: string): number {
  const duration = text.slice('@every'.length).trim();
  const milliseconds = readDuration(duration, text);
  if (milliseconds < SHORTEST_INTERVAL || milliseconds % 1000 !== 0) {
    throw new InvalidScheduleError(
      'schedule',
      `schedule "${text}": the interval "${duration}" must be whole seconds, and at least ${SHORTEST_INTERVAL / 1000}s`,
    );
  }
  return milliseconds;
}

function readDuration(duration: string, text: string): number {
  try {
    return parseDuration(duration);
  } catch (error) {
    if (!(error instanceof InvalidDurationError)) throw error;
    throw new InvalidScheduleError(
      'schedule',
      `schedule "${text}": "${duration}" after @every is no duration; write numbers with h, m and s, as in "@every 1h30m"`,
    );
  }
}
