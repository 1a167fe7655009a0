import type { BackupConfiguration } from '../api/backup-configuration.ts';
import { observedSchedule } from '../api/scheduled-session.ts';
import { isForbidden, isInvalid, isNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import { keyOf } from '../kube/object.ts';
import type { Reconciler } from '../kube/queue.ts';
import { cronJobs as resource } from '../kube/resource.ts';
import type { Caches } from './caches.ts';
import type { Context } from './context.ts';
import { type CronJob, cronJobKey, timekeeper } from './trigger-job.ts';

/** How soon a CronJob that could not be made is tried again, in milliseconds. */
const RETRY = 60_000;

/** The CronJob that keeps the time of `configuration`, where one does. */
export function cronJobOf(
  caches: Pick<Caches, 'cronJobs'>,
  configuration: BackupConfiguration,
): CronJob | undefined {
  const cronJob = caches.cronJobs.get(cronJobKey(configuration));
  if (cronJob === undefined || cronJob.metadata.deletionTimestamp !== undefined) return undefined;
  return isOf(cronJob, configuration) ? cronJob : undefined;
}

/**
 * Is this CronJob there, and as its configuration says? Keyed by the CronJob, so that one whose configuration is gone, or has the operator
 * keep time again, goes too.
 */
export function cronJobs(context: Context): Reconciler {
  const { client, caches, events, log } = context;
  return async (key) => {
    const found = caches.cronJobs.get(key);
    if (found?.metadata.deletionTimestamp !== undefined) return undefined;
    const [configuration] = caches.configurations
      .byIndex('cronJob', key)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (configuration === undefined) {
      if (found !== undefined) await remove(found);
      return undefined;
    }
    // Another of that name had the last CronJob: its Jobs would make up for what was due before this one was written.
    if (found !== undefined && !isOf(found, configuration)) return remove(found);
    // A Job asks the status since when the schedule holds: it has to stand there first.
    if (configuration.status?.observedSchedule !== observedSchedule(configuration)) return undefined;
    const wanted = timekeeper(configuration, context.injection);
    if (found !== undefined && holds(found, wanted)) return undefined;
    if (found === undefined && (await isTaken(wanted, configuration))) {
      tell(
        configuration,
        `there is a CronJob "${wanted.metadata.name}" already that is not of this configuration; rename one of the two. Until then the operator keeps time itself`,
      );
      return { requeueAfter: RETRY };
    }
    try {
      await client.apply(resource, wanted, { fieldManager: FIELD_MANAGER, force: true });
      log.info(
        { backupConfiguration: keyOf(configuration) },
        'a CronJob keeps time as the configuration says',
      );
      return undefined;
    } catch (error) {
      // A time zone of Node that the API server does not know, a quota, another webhook.
      if (!isInvalid(error) && !isForbidden(error)) throw error;
      tell(
        configuration,
        `the CronJob was refused: ${(error as Error).message}. Until that is mended the operator keeps time itself`,
      );
      if (found !== undefined) await remove(found);
      return { requeueAfter: RETRY };
    }
  };

  /** The cache holds those that carry our label; somebody else's must not be taken over. */
  async function isTaken(wanted: CronJob, configuration: BackupConfiguration): Promise<boolean> {
    try {
      const there = await client.get<CronJob>(resource, wanted.metadata.name, wanted.metadata.namespace);
      return !isOf(there, configuration);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** With its Jobs: what they have not made yet, the operator catches up on. */
  async function remove({ metadata }: CronJob): Promise<undefined> {
    const { name, namespace, uid } = metadata;
    try {
      await client.delete(resource, name, namespace, {
        propagationPolicy: 'Background',
        ...(uid !== undefined && { preconditions: { uid } }),
      });
      log.info({ namespace, cronJob: name }, 'a CronJob keeps time no more');
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  function tell(configuration: BackupConfiguration, note: string): void {
    log.warn({ backupConfiguration: keyOf(configuration) }, note);
    events.record({
      type: 'Warning',
      reason: 'CronJobNotMade',
      action: 'Schedule',
      note,
      regarding: configuration,
    });
  }
}

function isOf({ metadata }: CronJob, configuration: BackupConfiguration): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === configuration.metadata.uid) ?? false;
}

/** Whether `found` has all that is wanted, beside what the API server puts in. */
function holds(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((entry, index) => holds(found[index], entry))
    );
  }
  if (wanted === null || typeof wanted !== 'object') return found === wanted;
  if (found === null || typeof found !== 'object') return false;
  return Object.entries(wanted).every(([field, value]) =>
    holds((found as Record<string, unknown>)[field], value),
  );
}
