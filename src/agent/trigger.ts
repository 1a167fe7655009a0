import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { parseDuration } from '../api/duration.ts';
import { cronJobName, sessionName } from '../api/names.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { newSession, observedSchedule } from '../api/scheduled-session.ts';
import { backoffMs } from '../kube/backoff.ts';
import { instantOf, sleep, timestamp } from '../kube/clock.ts';
import { isAlreadyExists, isInvalid } from '../kube/errors.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { readObject } from './read-object.ts';

export interface TriggerAgent
  extends Pick<Agent, 'client' | 'clock' | 'random' | 'identity' | 'logger' | 'signal'> {
  /** The BackupConfiguration, by name. */
  configuration: string;
  /** The Job of this pod, by name. */
  jobName: string;
}

/** Longer than the right to create a session takes to be known everywhere, in milliseconds; then the Job has another pod try. */
const tryWithin = 60_000;
const attemptMs = 10_000;
const backoff = { baseMs: 500, maxMs: 5_000 };
const minute = 60_000;

/**
 * Creates the BackupSession of the instant that the CronJob was due at, with the name that the operator's own schedule would give it.
 * Resolves with the exit status: 0 where the session is there, or is not to be.
 */
export async function runTrigger(agent: TriggerAgent): Promise<number> {
  const { clock, logger } = agent;
  const over = new AbortController();
  const timer = clock.setTimeout(() => over.abort(), tryWithin);
  try {
    return await trigger(agent, AbortSignal.any([agent.signal, over.signal]));
  } catch (error) {
    logger.warn({ backupConfiguration: agent.configuration, err: error }, 'no session is made');
    // A configuration that is gone has no sessions.
    return error instanceof HostFailure ? 0 : 1;
  } finally {
    timer.cancel();
  }
}

async function trigger(agent: TriggerAgent, signal: AbortSignal): Promise<number> {
  const { client, clock, random, logger, jobName } = agent;
  const configuration = await readObject<BackupConfiguration>(
    agent,
    BACKUP_CONFIGURATIONS,
    agent.configuration,
    signal,
  );
  const due = dueOf(jobName, agent.configuration);
  const refusal = due === undefined ? undefined : reasonAgainst(configuration, due, clock.now());
  if (refusal !== undefined) {
    logger.info({ backupConfiguration: agent.configuration, job: jobName }, `no session is made: ${refusal}`);
    return 0;
  }
  const name = sessionName(agent.configuration, due ?? instantBetween(clock.now()));
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await client.create(BACKUP_SESSIONS, newSession(configuration, name, due), {
        fieldManager: 'stash-trigger',
        signal,
        timeoutMs: attemptMs,
      });
      logger.info({ backupSession: name }, 'the session is made');
      return 0;
    } catch (error) {
      if (isAlreadyExists(error)) {
        logger.info({ backupSession: name }, 'the session is there already');
        return 0;
      }
      logger.warn({ backupSession: name, attempt, err: error }, 'the session could not be made');
      if (isInvalid(error)) return 1;
      await sleep(clock, backoffMs(attempt, { ...backoff, random }), signal);
    }
  }
  return 1;
}

/**
 * The instant that a Job was made for, in milliseconds since the epoch: its name is the CronJob's with the instant in whole minutes behind
 * it (`getJobName` of Kubernetes' CronJob controller). Undefined where a person made it (`kubectl create job --from`).
 */
export function dueOf(jobName: string, configuration: string): number | undefined {
  const prefix = `${cronJobName(configuration)}-`;
  const minutes = jobName.startsWith(prefix) ? jobName.slice(prefix.length) : '';
  return /^[1-9]\d{6,8}$/.test(minutes) ? Number(minutes) * minute : undefined;
}

/**
 * Why no session is made for the instant `due`; undefined where one is. A CronJob makes up for what another schedule would have been
 * due for, and for the time in which it was suspended; we do neither.
 */
export function reasonAgainst(
  configuration: BackupConfiguration,
  due: number,
  now: number,
): string | undefined {
  const { spec, status, metadata } = configuration;
  if (metadata.deletionTimestamp !== undefined) return 'the configuration is being deleted';
  if (spec.scheduler !== 'CronJob') return 'the operator keeps time itself';
  if (spec.paused) return 'the configuration is paused';
  if (due > now) return `the Job names an instant to come, ${timestamp(due)}`;
  if (now - due > parseDuration(spec.startingDeadline)) {
    return `${timestamp(due)} is longer ago than spec.startingDeadline`;
  }
  const isObserved = status?.observedSchedule === observedSchedule(configuration);
  const since = Math.max(
    instantOf(metadata.creationTimestamp),
    isObserved ? instantOf(status.scheduledSince) : 0,
  );
  if (due <= since) return `the schedule holds since ${timestamp(since)} only`;
  const handled = instantOf(status?.lastScheduleTime);
  if (due <= handled) return `what was due up to ${timestamp(handled)} is handled`;
  return undefined;
}

/** `now`, or a second later where it is a whole minute: the names of those are the schedule's. */
function instantBetween(now: number): number {
  return now % minute < 1_000 ? now + 1_000 : now;
}
