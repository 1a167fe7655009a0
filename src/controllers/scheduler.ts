import { CONFIGURATION_LABEL, DUE_LABEL } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { labelValue, sessionName } from '../api/names.ts';
import { apiVersionOf, BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { timestamp } from '../kube/clock.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import { keyOf } from '../kube/object.ts';
import { WorkQueue } from '../kube/queue.ts';
import { DueHeap } from '../schedules/due-heap.ts';
import { InvalidScheduleError } from '../schedules/invalid-schedule.ts';
import { ownerReferenceTo } from './backup-sessions.ts';
import { type Context, FIELD_MANAGER } from './context.ts';
import { observedSchedule, planSchedule, type ScheduleKnowledge } from './schedule-plan.ts';
import { retryOf } from './session-retry.ts';

/** Sessions that are created at once: at midnight all are due in the same second. */
const WORKERS = 32;

/**
 * Creates a BackupSession whenever one is due. The wall clock decides at each beat, not a timer, so that a machine that was suspended
 * loses nothing; and a name tells its instant, so that creating a session twice is harmless.
 */
export class Scheduler {
  readonly #context: Context;
  readonly #due = new DueHeap();
  /** What this process has written of each configuration: its cache may not show it yet. */
  readonly #known = new Map<string, ScheduleKnowledge & { observed: string }>();
  /** The last session that was made of each configuration because the one before had failed. */
  readonly #retried = new Map<string, string>();
  readonly #queue: WorkQueue;

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
    for (const { key } of this.#due.popDue(this.#context.clock.now())) this.#queue.add(key);
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
    const plan = this.#planOf(configuration);
    const retryAt = plan.catchUp === undefined ? await this.#retry(key, configuration) : undefined;
    const lookAt = Math.min(plan.next ?? Number.POSITIVE_INFINITY, retryAt ?? Number.POSITIVE_INFINITY);
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

  #planOf(configuration: BackupConfiguration) {
    try {
      return planSchedule(configuration, this.#knowledgeOf(configuration), this.#context.clock.now());
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
    const { name, namespace } = configuration.metadata;
    const body: BackupSession = {
      apiVersion: apiVersionOf(BACKUP_SESSIONS),
      kind: BACKUP_SESSIONS.kind,
      metadata: {
        name: session,
        ...(namespace !== undefined && { namespace }),
        labels: {
          [CONFIGURATION_LABEL]: labelValue(name),
          [DUE_LABEL]: String(Math.floor(due / 1000)),
        },
        ownerReferences: [ownerReferenceTo(configuration)],
      },
      spec: { backupConfiguration: { name }, cancel: false },
    };
    try {
      await this.#context.client.create(BACKUP_SESSIONS, body, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** Only what has changed: at rest nothing is written. */
  async #writeStatus(
    configuration: BackupConfiguration,
    handled: number | undefined,
    next: number | undefined,
  ): Promise<void> {
    const { name, namespace } = configuration.metadata;
    const { client } = this.#context;
    const before = configuration.status;
    const observed = observedSchedule(configuration);
    const status = {
      ...(observed !== before?.observedSchedule && {
        observedSchedule: observed,
        scheduledSince: timestamp(this.#knowledgeOf(configuration).since),
      }),
      ...(handled !== undefined && { lastScheduleTime: timestamp(handled) }),
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
