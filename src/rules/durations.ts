import type { BackupConfigurationSpec } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
import { type Problem, quoted } from '../api/problem.ts';

const SECOND = 1000;
const YEAR = 366 * 24 * 3600 * SECOND;

/** Another replica needs 15 s to take over the lead, and what was due meanwhile would be lost. */
const SHORT = 30 * SECOND;

/** A pod of a CronJob has to be scheduled, to pull its image, and to start. */
const SHORT_FOR_CRON_JOB = 120 * SECOND;

export function timeoutWithinBounds({ timeout }: { timeout: string }): Problem[] {
  return withinBounds('spec.timeout', timeout);
}

export function startingDeadlineWithinBounds({ startingDeadline }: { startingDeadline: string }): Problem[] {
  return withinBounds('spec.startingDeadline', startingDeadline);
}

export function retryDelayWithinBounds({ retry }: BackupConfigurationSpec): Problem[] {
  return withinBounds('spec.retry.delay', retry.delay);
}

export function startingDeadlineIsShort({ startingDeadline, scheduler }: BackupConfigurationSpec): Problem[] {
  const path = 'spec.startingDeadline';
  const milliseconds = parseDuration(startingDeadline);
  if (scheduler === 'CronJob' && milliseconds < SHORT_FOR_CRON_JOB) {
    const message = `with ${quoted(startingDeadline)} and scheduler CronJob, a backup is missed wherever the pod that creates its session starts later; write 2m or more`;
    return [{ path, message }];
  }
  if (milliseconds >= SHORT) return [];
  const message = `with ${quoted(startingDeadline)}, a backup that is due while the operator restarts is not made up for; write 30s or more`;
  return [{ path, message }];
}

export function withinBounds(path: string, duration: string): Problem[] {
  const milliseconds = parseDuration(duration);
  if (milliseconds < SECOND) return [{ path, message: `${quoted(duration)} is too short; write 1s or more` }];
  if (milliseconds > YEAR)
    return [{ path, message: `${quoted(duration)} is too long; write 8784h (a year) or less` }];
  return [];
}
