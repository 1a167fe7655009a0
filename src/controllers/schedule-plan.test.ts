import { describe, expect, it } from 'vitest';
import { aConfiguration } from './objects.fixture.ts';
import { observedSchedule, planSchedule } from './schedule-plan.ts';

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
