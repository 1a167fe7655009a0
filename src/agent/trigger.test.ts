import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { CONFIGURATION_LABEL, DUE_LABEL } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { cronJobName, sessionName } from '../api/names.ts';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { dueOf, reasonAgainst, runTrigger } from './trigger.ts';

const due = Date.parse('2026-11-24T12:00:00Z');
const minutes = due / 60_000;

function aConfiguration(spec: object = {}, status: object = {}): BackupConfiguration {
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: {
      name: 'shop',
      namespace: 'demo',
      uid: 'shop-uid',
      creationTimestamp: '2026-11-24T09:00:00Z',
    },
    spec: { schedule: '@hourly', scheduler: 'CronJob', paused: false, startingDeadline: '1h', ...spec },
    status: { observedSchedule: '@hourly', scheduledSince: '2026-11-24T09:00:00Z', ...status },
  } as BackupConfiguration;
}

describe('the instant of a Job', () => {
  const long = `${'nightly-backup-of-the-shop'.repeat(4)}`;
  it.each([
    ['shop', `shop-${minutes}`, due],
    [long, `${cronJobName(long)}-${minutes}`, due],
    ['shop', 'by-hand', undefined],
    ['shop', 'shop-again', undefined],
    ['shop', 'shop-1', undefined],
    ['shop', `other-${minutes}`, undefined],
    ['shop', `shop-x-${minutes}`, undefined],
    ['shop', '', undefined],
  ])('of %s is read from its name %s', (configuration, job, instant) => {
    expect(dueOf(job, configuration)).toBe(instant);
  });
});

describe('a session of the schedule', () => {
  const soon = due + 5_000;
  it('is made for what is due', () => {
    expect(reasonAgainst(aConfiguration(), due, soon)).toBeUndefined();
  });

  it.each([
    ['by the operator instead', { scheduler: 'Stash' }, {}, soon, 'the operator keeps time'],
    ['while paused', { paused: true }, {}, soon, 'is paused'],
    ['later than it may be', { startingDeadline: '5m' }, {}, due + 301_000, 'longer ago than'],
    ['for an instant to come', {}, {}, due - 1_000, 'to come'],
    [
      'for what was due before the schedule was written, or while it was paused',
      {},
      { scheduledSince: '2026-11-24T12:00:01Z' },
      soon,
      'holds since',
    ],
    ['for what was handled', {}, { lastScheduleTime: '2026-11-24T12:00:00Z' }, soon, 'is handled'],
  ])('is not made %s', (_, spec, status, now, reason) => {
    expect(reasonAgainst(aConfiguration(spec, status), due, now)).toContain(reason);
  });

  it('is not made for what was due before the configuration was', () => {
    const fresh = aConfiguration({}, { scheduledSince: undefined });
    fresh.metadata.creationTimestamp = '2026-11-24T12:00:00Z';
    expect(reasonAgainst(fresh, due, soon)).toContain('holds since');
  });
});

/** What the Job `jobName` ends with at `now`, and the sessions that it asked for. */
async function run(
  options: { jobName?: string; now?: number; configuration?: BackupConfiguration | ApiError },
  ...answers: (ApiError | 'made')[]
): Promise<{ status: number | undefined; asked: BackupSession[] }> {
  const clock = manualClock();
  await clock.advance((options.now ?? due + 3_000) - clock.now());
  const asked: BackupSession[] = [];
  const configuration = options.configuration ?? aConfiguration();
  let status: number | undefined;
  const ended = runTrigger({
    identity: { podName: 'shop-1', podUID: 'uid', namespace: 'demo', nodeName: 'node' },
    client: {
      get: async () => {
        if (configuration instanceof ApiError) throw configuration;
        return configuration;
      },
      create: async (_: unknown, session: BackupSession) => {
        asked.push(session);
        const answer = answers[asked.length - 1] ?? 'made';
        if (answer !== 'made') throw answer;
      },
    } as never,
    clock,
    random: () => 0,
    signal: new AbortController().signal,
    logger: pino({ level: 'silent' }),
    configuration: 'shop',
    jobName: options.jobName ?? `shop-${minutes}`,
  }).then((code) => {
    status = code;
  });
  for (let second = 0; second < 120 && status === undefined; second++) await clock.advance(1_000);
  await ended;
  return { status, asked };
}

const alreadyExists = new ApiError(409, { reason: 'AlreadyExists' });
const forbidden = new ApiError(403, { reason: 'Forbidden' });
const notFound = new ApiError(404, { reason: 'NotFound' });

describe('a Job of the CronJob', () => {
  it('makes the session that the operator would make', async () => {
    const { status, asked } = await run({});
    expect(status).toBe(0);
    expect(asked).toEqual([
      {
        apiVersion: 'stash.appscode.com/v1beta1',
        kind: 'BackupSession',
        metadata: {
          name: sessionName('shop', due),
          namespace: 'demo',
          labels: { [CONFIGURATION_LABEL]: 'shop', [DUE_LABEL]: String(due / 1000) },
          ownerReferences: [
            {
              apiVersion: 'stash.appscode.com/v1beta1',
              kind: 'BackupConfiguration',
              name: 'shop',
              uid: 'shop-uid',
              controller: true,
            },
          ],
        },
        spec: { backupConfiguration: { name: 'shop' }, cancel: false },
      },
    ]);
  });

  it('is content with a session that is there', async () => {
    expect((await run({}, alreadyExists)).status).toBe(0);
  });

  it('tries again while its right is not known yet, and gives the Job back after a minute', async () => {
    const once = await run({}, forbidden, forbidden);
    expect(once.status).toBe(0);
    expect(new Set(once.asked.map(({ metadata }) => metadata.name)).size).toBe(1);
    const never = await run({}, ...Array.from({ length: 200 }, () => forbidden));
    expect(never.status).toBe(1);
    expect(never.asked.length).toBeLessThan(100);
  });

  it('has nothing to do for a configuration that is gone, or paused', async () => {
    expect(await run({ configuration: notFound })).toEqual({ status: 0, asked: [] });
    expect(await run({ configuration: aConfiguration({ paused: true }) })).toEqual({ status: 0, asked: [] });
  });

  it('that a person made makes a session of now, which is none of the schedule, paused or not', async () => {
    const configuration = aConfiguration({ paused: true });
    const { asked } = await run({ jobName: 'by-hand', now: due + 3_000, configuration });
    expect(asked.map(({ metadata }) => metadata.name)).toEqual([sessionName('shop', due + 3_000)]);
    expect(asked[0]?.metadata.labels).toEqual({ [CONFIGURATION_LABEL]: 'shop' });
    const onTheMinute = await run({ jobName: 'by-hand', now: due, configuration });
    expect(onTheMinute.asked[0]?.metadata.name).toBe(sessionName('shop', due + 1_000));
  });
});
