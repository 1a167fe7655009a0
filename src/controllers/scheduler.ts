import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { sessionName } from '../api/names.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { dueSeconds, newSession, observedSchedule } from '../api/scheduled-session.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import { keyOf } from '../kube/object.ts';
import { WorkQueue } from '../kube/queue.ts';
import { DueHeap } from '../schedules/due-heap.ts';
import { InvalidScheduleError } from '../schedules/invalid-schedule.ts';
import type { Context } from './context.ts';
import { cronJobOf } from './cron-jobs.ts';
import { LARGEST_SKEW, planSchedule, type ScheduleKnowledge } from './schedule-plan.ts';
import { retryOf } from './session-retry.ts';

/** Sessions that are created at once: at midnight all are due in the same second. */
const WORKERS = 32;

/**
 * Creates a BackupSession whenever one is due. The wall clock decides at each beat, not a timer, so that a machine that was suspended
 * loses nothing; and a name tells its instant, so that creating a session twice is harmless.
 *
 * Where a CronJob keeps time, it only follows what that has done, from when the CronJob is there until it is gone.
 */
export class Scheduler {
  readonly #context: Context;
  readonly #due = new DueHeap();
  /** What this process has written of each configuration: its cache may not show it yet. */
  readonly #known = new Map<string, ScheduleKnowledge & { observed: string }>();
  /** The last session that was made of each configuration because the one before had failed. */
  readonly #retried = new Map<string, string>();
  readonly #queue: WorkQueue;
  #lastBeat = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      workers: WORKERS,
      clock: context.clock,
      onError: (key, error, retryMs) =>
        context.log.warn(
          { backupConfiguration: key, err: error, retryMs },
          'its schedule could not be kept; trying again',
        ),
    });
  }

  start(): void {
    this.#queue.start();
  }

  drain(): Promise<void> {
    return this.#queue.drain();
  }

  /** The configuration `key` is new, has changed, or is gone, or a session of it has ended. */
  observe(key: string): void {
    this.#queue.add(key);
  }

  /** What is due now is handled. To be called each second. */
  beat(): void {
    const now = this.#context.clock.now();
    // Where the clock was set back, all was planned by a time that is yet to come.
    if (now < this.#lastBeat - LARGEST_SKEW) for (const key of this.#known.keys()) this.#queue.add(key);
    this.#lastBeat = now;
    for (const { key } of this.#due.popDue(now)) this.#queue.add(key);
  }

  async #reconcile(key: string): Promise<void> {
    const { caches, clock, log, events } = this.#context;
    const configuration = caches.configurations.get(key);
    if (configuration === undefined) {
      this.#due.delete(key);
      this.#known.delete(key);
      this.#retried.delete(key);
      return;
    }
    const cronJobSince = this.#cronJobSince(configuration);
    if (cronJobSince !== undefined) this.#follow(configuration);
    const plan = this.#planOf(configuration, cronJobSince);
    const retryAt = plan.catchUp === undefined ? await this.#retry(key, configuration) : undefined;
    const lookAt = Math.min(
      plan.next ?? Number.POSITIVE_INFINITY,
      plan.awaitedUntil === undefined ? Number.POSITIVE_INFINITY : plan.awaitedUntil + 1,
      retryAt ?? Number.POSITIVE_INFINITY,
    );
    if (lookAt === Number.POSITIVE_INFINITY) this.#due.delete(key);
    else this.#due.set(key, lookAt);

    if (plan.missed !== undefined) {
      const note = `the backup that was due at ${timestamp(plan.missed)} was missed by more than spec.startingDeadline`;
      log.warn({ backupConfiguration: key }, note);
      events.record({
        type: 'Warning',
        reason: 'BackupMissed',
        action: 'Schedule',
        note,
        regarding: configuration,
      });
    }
    if (plan.catchUp !== undefined) {
      const { name } = configuration.metadata;
      await this.#createSession(configuration, sessionName(name, plan.catchUp), plan.catchUp);
      log.info(
        { backupConfiguration: key, due: timestamp(plan.catchUp), lateMs: clock.now() - plan.catchUp },
        'a backup was due',
      );
    }
    const handled = plan.catchUp ?? plan.missed;
    if (handled !== undefined) this.#knowledgeOf(configuration).handled = handled;
    await this.#writeStatus(configuration, handled, plan.next);
  }

  /** Since when a CronJob keeps the time of `configuration`. */
  #cronJobSince(configuration: BackupConfiguration): number | undefined {
    if (configuration.spec.scheduler !== 'CronJob') return undefined;
    const cronJob = cronJobOf(this.#context.caches, configuration);
    return cronJob && instantOf(cronJob.metadata.creationTimestamp);
  }

  /** What a CronJob has made a session for is handled. */
  #follow(configuration: BackupConfiguration): void {
    const { caches, clock } = this.#context;
    const now = clock.now();
    const sessions = caches.backupSessions.byIndex('configuration', keyOf(configuration));
    // Whoever may create a session may write any instant on it.
    const dues = sessions.map((session) => dueSeconds(session) * 1000).filter((due) => due <= now);
    const known = this.#knowledgeOf(configuration);
    known.handled = Math.max(known.handled, ...dues);
  }

  /** Has a failed session followed by another, where that is due; answers when it will be, where it is not yet. */
  async #retry(key: string, configuration: BackupConfiguration): Promise<number | undefined> {
    const { caches, clock, log } = this.#context;
    const retry = retryOf(configuration, caches.backupSessions.byIndex('configuration', key), clock.now());
    // One that was deleted after it was made is not made again.
    if (retry === undefined || this.#retried.get(key) === retry.name) return undefined;
    if (retry.at > clock.now()) return retry.at;
    await this.#createSession(configuration, retry.name, retry.due);
    this.#retried.set(key, retry.name);
    log.info({ backupConfiguration: key, backupSession: retry.name }, 'a failed backup is tried again');
    return undefined;
  }

  #planOf(configuration: BackupConfiguration, cronJobSince: number | undefined) {
    try {
      const known = {
        ...this.#knowledgeOf(configuration),
        ...(cronJobSince !== undefined && { cronJobSince }),
      };
      return planSchedule(configuration, known, this.#context.clock.now());
    } catch (error) {
      if (!(error instanceof InvalidScheduleError)) throw error;
      // Admission refuses it; it was written while the webhook was away.
      const note = `spec.${error.message}`;
      this.#context.events.record({
        type: 'Warning',
        reason: 'InvalidSchedule',
        action: 'Schedule',
        note,
        regarding: configuration,
      });
      this.#context.log.warn({ backupConfiguration: keyOf(configuration) }, note);
      return {};
    }
  }

  #knowledgeOf(configuration: BackupConfiguration): ScheduleKnowledge {
    const key = keyOf(configuration);
    const observed = observedSchedule(configuration);
    const known = this.#known.get(key);
    if (known?.observed === observed) return known;
    const fresh = { observed, handled: known?.handled ?? 0, since: this.#context.clock.now() };
    this.#known.set(key, fresh);
    return fresh;
  }

  async #createSession(configuration: BackupConfiguration, session: string, due: number): Promise<void> {
    const body = newSession(configuration, session, due);
    try {
      await this.#context.client.create(BACKUP_SESSIONS, body, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /**
   * Only what has changed: at rest nothing is written. What was handled before is, where the status does not tell it: a write may have
   * failed, and the next leader goes by the status alone.
   *
   * @param handled - just now
   */
  async #writeStatus(
    configuration: BackupConfiguration,
    handled: number | undefined,
    next: number | undefined,
  ): Promise<void> {
    const { name, namespace } = configuration.metadata;
    const { client } = this.#context;
    const before = configuration.status;
    const observed = observedSchedule(configuration);
    const known = this.#knowledgeOf(configuration);
    const untold = timestamp(known.handled) > (before?.lastScheduleTime ?? timestamp(0));
    const last = handled ?? (untold ? known.handled : undefined);
    const status = {
      ...(observed !== before?.observedSchedule && {
        observedSchedule: observed,
        scheduledSince: timestamp(known.since),
      }),
      ...(last !== undefined && { lastScheduleTime: timestamp(last) }),
      ...(nextText(next) !== (before?.nextScheduleTime ?? null) && { nextScheduleTime: nextText(next) }),
    };
    if (Object.keys(status).length === 0) return;
    const options = { subresource: 'status', fieldManager: FIELD_MANAGER } as const;
    try {
      await client.mergePatch(BACKUP_CONFIGURATIONS, name, namespace, { status }, options);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function nextText(next: number | undefined): string | null {
  return next === undefined ? null : timestamp(next);
}
