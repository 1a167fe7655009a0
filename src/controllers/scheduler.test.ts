import { describe, expect, it } from 'vitest';
import type { BackupConfigurationStatus } from '../api/backup-configuration.ts';
import { ConnectionError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { aConfiguration } from './objects.fixture.ts';
import { Scheduler } from './scheduler.ts';

const at = (time: string) => Date.parse(`2026-11-22T${time}Z`);

/** A leader at `time` that finds `status` on a configuration which was made at 17:00:00 and is due at each full hour. */
async function leader(time: string, status: BackupConfigurationStatus = {}, failingWrites = 0) {
  const clock = manualClock(at(time));
  const caches = createCaches();
  let version = 1;
  const see = (now: BackupConfigurationStatus) =>
    caches.configurations.set(
      aConfiguration({
        metadata: { resourceVersion: `${++version}` },
        spec: { schedule: '0 * * * *', startingDeadline: '5m' },
        status: now,
      }),
    );
  const created: string[] = [];
  const told: string[] = [];
  const written: BackupConfigurationStatus[] = [];
  let left = failingWrites;
  const client = {
    create: async (_: unknown, { metadata }: { metadata: { name: string } }) => {
      created.push(metadata.name);
    },
    mergePatch: async (_resource: unknown, _name: string, _namespace: string, patch: object) => {
      if (left-- > 0) throw new ConnectionError('server', 'it is away');
      const change = (patch as { status: BackupConfigurationStatus }).status;
      written.push(change);
      see({ ...caches.configurations.get('demo/shop')?.status, ...change });
    },
  };
  const scheduler = new Scheduler({
    ...{ client, caches, clock },
    log: { info: () => {}, warn: () => {} },
    events: { record: ({ reason }: { reason: string }) => told.push(reason) },
  } as unknown as Context);
  see(status);
  scheduler.start();
  const look = async () => {
    scheduler.observe('demo/shop');
    await clock.advance(5_000);
  };
  await look();
  const found = () => caches.configurations.get('demo/shop')?.status ?? {};
  return { created, told, written, look, status: found };
}

describe('a backup whose instant could not be written down', () => {
  it('is written down with the next try, so that the leader that comes next knows of it', async () => {
    const { created, status } = await leader('18:00:01', {}, 1);
    expect(created).toEqual([`shop-${at('18:00:00') / 1000}`]);
    expect(status().lastScheduleTime).toBe('2026-11-22T18:00:00Z');

    for (const time of ['18:02:00', '18:10:00']) {
      const next = await leader(time, status());
      expect({ created: next.created, told: next.told }).toEqual({ created: [], told: [] });
    }
  });
});

describe('the status of a schedule', () => {
  it('is written once, and not again while nothing is due', async () => {
    const { written, look } = await leader('18:00:01');
    expect(written).toEqual([
      {
        observedSchedule: '0 * * * *',
        scheduledSince: '2026-11-22T18:00:01Z',
        lastScheduleTime: '2026-11-22T18:00:00Z',
        nextScheduleTime: '2026-11-22T19:00:00Z',
      },
    ]);
    await look();
    expect(written).toHaveLength(1);
  });

  it('goes back where a clock that was ahead has written what is yet to come', async () => {
    const ahead = {
      observedSchedule: '0 * * * *',
      scheduledSince: '2026-11-22T17:00:00Z',
      lastScheduleTime: '2026-11-23T09:00:00Z',
    };
    const { created, status } = await leader('18:00:01', ahead);
    expect(created).toHaveLength(1);
    expect(status().lastScheduleTime).toBe('2026-11-22T18:00:00Z');
  });
});
