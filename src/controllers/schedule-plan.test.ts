import { describe, expect, it } from 'vitest';
import { observedSchedule } from '../api/scheduled-session.ts';
import { aConfiguration } from './objects.fixture.ts';
import { planSchedule } from './schedule-plan.ts';

const at = (time: string) => Date.parse(`2026-11-22T${time}Z`);
const nothing = { handled: 0, since: at('18:30:00') };

/** Made at 17:00:00, due at each full hour since then. */
const hourly = (status = {}) => aConfiguration({ spec: { schedule: '0 * * * *' }, status });
const seen = { observedSchedule: '0 * * * *', scheduledSince: '2026-11-22T17:00:00Z' };

describe('planSchedule', () => {
  it('says when a new configuration is due next, and makes up for nothing from before it was made', () => {
    expect(planSchedule(hourly(), nothing, at('17:30:00'))).toEqual({ next: at('18:00:00') });
  });

  it('catches up once after an outage, with the newest instant', () => {
    const configuration = hourly({ ...seen, lastScheduleTime: '2026-11-22T17:00:00Z' });
    expect(planSchedule(configuration, nothing, at('20:10:00'))).toEqual({
      catchUp: at('20:00:00'),
      next: at('21:00:00'),
    });
  });

  it('gives up what is later than startingDeadline', () => {
    const configuration = aConfiguration({
      spec: { schedule: '0 * * * *', startingDeadline: '5m' },
      status: { ...seen, lastScheduleTime: '2026-11-22T17:00:00Z' },
    });
    expect(planSchedule(configuration, nothing, at('20:10:00'))).toEqual({
      missed: at('20:00:00'),
      next: at('21:00:00'),
    });
  });

  it('handles no instant twice, though the cache does not show yet that it was handled', () => {
    const known = { ...nothing, handled: at('18:00:00') };
    expect(planSchedule(hourly(seen), known, at('18:00:01'))).toEqual({ next: at('19:00:00') });
  });

  it('is not silenced by what a clock that was ahead has written', () => {
    const ahead = '2027-11-22T18:00:00Z';
    const known = { ...nothing, handled: Date.parse(ahead) };
    const configuration = hourly({ ...seen, scheduledSince: ahead, lastScheduleTime: ahead });
    expect(planSchedule(configuration, known, at('18:10:00'))).toEqual({
      catchUp: at('18:00:00'),
      next: at('19:00:00'),
    });
  });

  it('takes the word of a leader whose clock is a little ahead', () => {
    const configuration = hourly({ ...seen, lastScheduleTime: '2026-11-22T18:00:00Z' });
    expect(planSchedule(configuration, nothing, at('17:59:50'))).toEqual({ next: at('19:00:00') });
  });

  it('does not make up for what another schedule would have been due for', () => {
    const changed = hourly({ observedSchedule: '@daily', scheduledSince: '2026-11-22T17:00:00Z' });
    expect(planSchedule(changed, nothing, at('18:30:00'))).toEqual({ next: at('19:00:00') });
  });

  it('plans nothing while paused, and makes up for nothing of that time', () => {
    const paused = aConfiguration({ spec: { paused: true } });
    expect(planSchedule(paused, nothing, at('20:10:00'))).toEqual({});
    const resumed = hourly({ observedSchedule: 'paused', scheduledSince: '2026-11-22T17:00:00Z' });
    expect(planSchedule(resumed, nothing, at('18:30:00'))).toEqual({ next: at('19:00:00') });
  });

  it('knows a change of the time zone from none', () => {
    const berlin = aConfiguration({ spec: { schedule: '@daily', timeZone: 'Europe/Berlin' } });
    expect(observedSchedule(berlin)).not.toBe(
      observedSchedule(aConfiguration({ spec: { schedule: '@daily' } })),
    );
  });
});

describe('planSchedule where a CronJob keeps time', () => {
  const native = (status = {}) =>
    aConfiguration({
      spec: { schedule: '0 * * * *', scheduler: 'CronJob', startingDeadline: '5m' },
      status: { ...seen, ...status },
    });
  const since = (time: string) => ({ ...nothing, cronJobSince: at(time) });

  it('waits for the session of what is due after the CronJob was made', () => {
    expect(planSchedule(native(), since('17:30:00'), at('18:00:01'))).toEqual({
      awaitedUntil: at('18:05:30'),
      next: at('19:00:00'),
    });
  });

  it.each([
    ['before the CronJob was made', '18:00:02'],
    // A CronJob begins after its own creation, which is told in whole seconds.
    ['in the second of its creation', '18:00:00'],
  ])('makes the session itself of what was due %s', (_, created) => {
    expect(planSchedule(native(), since(created), at('18:00:03'))).toEqual({
      catchUp: at('18:00:00'),
      next: at('19:00:00'),
    });
  });

  it('gives up what no session was seen of within startingDeadline, and a moment for it to be seen', () => {
    expect(planSchedule(native(), since('17:30:00'), at('18:05:30'))).toMatchObject({
      awaitedUntil: at('18:05:30'),
    });
    expect(planSchedule(native(), since('17:30:00'), at('18:05:31'))).toEqual({
      missed: at('18:00:00'),
      next: at('19:00:00'),
    });
  });

  it('awaits nothing that was handled', () => {
    const handled = native({ lastScheduleTime: '2026-11-22T18:00:00Z' });
    expect(planSchedule(handled, since('17:30:00'), at('18:00:10'))).toEqual({ next: at('19:00:00') });
  });
});
