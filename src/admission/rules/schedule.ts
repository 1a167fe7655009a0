import type { Problem } from '../../api/problem.ts';
import { nextDue } from '../../schedules/due.ts';
import { InvalidScheduleError } from '../../schedules/invalid-schedule.ts';
import { parseSchedule } from '../../schedules/schedule.ts';

/** The schedule and the time zone can be read, and are due some day. */
export function scheduleParses({ schedule, timeZone }: { schedule: string; timeZone?: string }): Problem[] {
  const wrong = problemOf(schedule, timeZone);
  if (wrong === undefined) return [];
  const other = wrong.path === 'spec.timeZone' ? problemOf(schedule, undefined) : undefined;
  return other === undefined ? [wrong] : [other, wrong];
}

function problemOf(text: string, timeZone: string | undefined): Problem | undefined {
  try {
    const schedule = parseSchedule(text, timeZone);
    if (nextDue(schedule, 0, 0) !== undefined) return undefined;
    return {
      path: 'spec.schedule',
      message: `schedule "${text}" is never due; no such day is in the calendar, so write another day of the month or another month`,
    };
  } catch (error) {
    if (!(error instanceof InvalidScheduleError)) throw error;
    return { path: `spec.${error.field}`, message: error.message };
  }
}
