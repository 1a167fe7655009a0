import type { Problem } from '../api/problem.ts';
import type { RepositorySpec } from '../api/repository.ts';
import { withinBounds } from './durations.ts';
import { scheduleParses } from './schedule.ts';

/** The schedule of the checks can be read. */
export function checkScheduleParses({ integrityCheck }: RepositorySpec): Problem[] {
  if (integrityCheck === undefined) return [];
  return scheduleParses(integrityCheck).map(({ path, message }) => ({
    path: path.replace(/^spec\./, 'spec.integrityCheck.'),
    message,
  }));
}

export function checkTimeoutWithinBounds({ integrityCheck }: RepositorySpec): Problem[] {
  return integrityCheck === undefined
    ? []
    : withinBounds('spec.integrityCheck.timeout', integrityCheck.timeout);
}
