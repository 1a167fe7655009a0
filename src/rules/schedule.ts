import type { Problem } from '../api/problem.ts';
import { InvalidScheduleError } from '../schedules/invalid-schedule.ts';
import { parseSchedule } from '../schedules/schedule.ts';

/** The schedule and the time zone can be read. */
export function scheduleParses({ schedule, timeZone }: { schedule: string; timeZone?: string }): Problem[] {
  const wrong = problemOf(schedule, timeZone);
  if (wrong === undefined) return [];
  // A wrong time zone is found first, and must not hide a wrong schedule.
  const other = wrong.path === 'spec.timeZone' ? problemOf(schedule, undefined) : undefined;
  return other === undefined ? [wrong] : [other, wrong];
}

function problemOf(schedule: string, timeZone: string | undefined): Problem | undefined {
  try {
    parseSchedule(schedule, timeZone);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidScheduleError)) throw error;
    return { path: `spec.${error.field}`, message: error.message };
  }
}
