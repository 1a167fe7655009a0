import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueBetween, lastDue, nextDue } from './due.ts';
import { parseSchedule } from './schedule.ts';

function due(expression: string, timeZone: string, after: string, until: string): string[] {
  const schedule = parseSchedule(expression, timeZone);
  return dueBetween(schedule, Date.parse(after), Date.parse(until), 100, 0).map((instant) =>
    new Date(instant).toISOString().replace(/:00\.000Z$/, 'Z'),
  );
}

// In spring of 2026 Berlin goes from 02:00 (+1) to 03:00 (+2) at 2026-03-29T01:00Z, New York from 02:00 (-5) to 03:00 (-4) at
// 2026-03-08T07:00Z, Lord Howe from 02:00 (+10:30) to 02:30 (+11) at 2026-10-03T15:30Z, Beirut from 00:00 (+2) to
// 01:00 (+3) at 2026-03-28T22:00Z. Apia left out 2011-12-30, at 10:00Z of that day.
describe('a time that is skipped in spring is due at the end of the gap', () => {
  test.each<[string, string, string, string, string[]]>([
    [
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T02:00Z',
      '2026-03-31T00:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    ],
    [
      '0 2 * * *',
      'Europe/Berlin',
      '2026-03-28T02:00Z',
      '2026-03-30T00:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T00:00Z'],
    ],
    [
      '0 3 * * *',
      'Europe/Berlin',
      '2026-03-28T03:00Z',
      '2026-03-30T01:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T01:00Z'],
    ],
    [
      '0,15,45 2-3 * * *',
      'Europe/Berlin',
      '2026-03-29T00:00Z',
      '2026-03-29T03:00Z',
      ['2026-03-29T01:00Z', '2026-03-29T01:15Z', '2026-03-29T01:45Z'],
    ],
    [
      '0 */2 * * *',
      'Europe/Berlin',
      '2026-03-28T22:00Z',
      '2026-03-29T04:00Z',
      ['2026-03-28T23:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z', '2026-03-29T04:00Z'],
    ],
    [
      '@hourly',
      'Europe/Berlin',
      '2026-03-28T23:30Z',
      '2026-03-29T02:00Z',
      ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z'],
    ],
    [
      '*/30 * * * *',
      'Europe/Berlin',
      '2026-03-29T00:00Z',
      '2026-03-29T02:00Z',
      ['2026-03-29T00:30Z', '2026-03-29T01:00Z', '2026-03-29T01:30Z', '2026-03-29T02:00Z'],
    ],
    [
      '30 2 * * *',
      'America/New_York',
      '2026-03-07T08:00Z',
      '2026-03-09T07:00Z',
      ['2026-03-08T07:00Z', '2026-03-09T06:30Z'],
    ],
    [
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-02T16:00Z',
      '2026-10-04T16:00Z',
      ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
    ],
    [
      '30 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-02T16:00Z',
      '2026-10-04T16:00Z',
      ['2026-10-03T15:30Z', '2026-10-04T15:30Z'],
    ],
    [
      '@daily',
      'Asia/Beirut',
      '2026-03-27T23:00Z',
      '2026-03-30T00:00Z',
      ['2026-03-28T22:00Z', '2026-03-29T21:00Z'],
    ],
    [
      '0 6 * * *',
      'Pacific/Apia',
      '2011-12-29T12:00Z',
      '2012-01-01T00:00Z',
      ['2011-12-29T16:00Z', '2011-12-30T10:00Z', '2011-12-30T16:00Z', '2011-12-31T16:00Z'],
    ],
    [
      '30 2 29 3 *',
      'Europe/Berlin',
      '2026-01-01T00:00Z',
      '2027-12-31T00:00Z',
      ['2026-03-29T01:00Z', '2027-03-29T00:30Z'],
    ],
  ])('%s in %s', (expression, timeZone, after, until, expected) => {
    expect(due(expression, timeZone, after, until)).toEqual(expected);
  });
});

// In autumn of 2026 Berlin goes from 03:00 (+2) to 02:00 (+1) at 2026-10-25T01:00Z, New York from 02:00 (-4) to 01:00 (-5) at
// 2026-11-01T06:00Z, Lord Howe from 02:00 (+11) to 01:30 (+10:30) at 2026-04-04T15:00Z, Beirut from 00:00 (+3) to
// 23:00 (+2) at 2026-10-24T21:00Z.
describe('a time that is repeated in autumn is due once, the first time, unless its hour is "every"', () => {
  test.each<[string, string, string, string, string[]]>([
    [
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T01:00Z',
      '2026-10-26T02:00Z',
      ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ],
    [
      '0 2,3 * * *',
      'Europe/Berlin',
      '2026-10-24T23:00Z',
      '2026-10-25T04:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T02:00Z'],
    ],
    [
      '*/30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T23:00Z',
      '2026-10-25T04:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T00:30Z'],
    ],
    ['0 3 * * *', 'Europe/Berlin', '2026-10-24T23:00Z', '2026-10-25T04:00Z', ['2026-10-25T02:00Z']],
    [
      '@hourly',
      'Europe/Berlin',
      '2026-10-24T23:00Z',
      '2026-10-25T02:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      '0 0-23 * * *',
      'Europe/Berlin',
      '2026-10-24T23:00Z',
      '2026-10-25T02:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      '0 */2 * * *',
      'Europe/Berlin',
      '2026-10-24T22:00Z',
      '2026-10-25T03:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T03:00Z'],
    ],
    [
      '*/30 * * * *',
      'Europe/Berlin',
      '2026-10-25T00:10Z',
      '2026-10-25T02:00Z',
      ['2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z'],
    ],
    [
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T06:00Z',
      '2026-11-02T07:00Z',
      ['2026-11-01T05:30Z', '2026-11-02T06:30Z'],
    ],
    [
      '@hourly',
      'America/New_York',
      '2026-11-01T04:30Z',
      '2026-11-01T07:00Z',
      ['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z'],
    ],
    [
      '45 1 * * *',
      'Australia/Lord_Howe',
      '2026-04-03T15:00Z',
      '2026-04-05T16:00Z',
      ['2026-04-04T14:45Z', '2026-04-05T15:15Z'],
    ],
    [
      '45 * * * *',
      'Australia/Lord_Howe',
      '2026-04-04T14:00Z',
      '2026-04-04T17:00Z',
      ['2026-04-04T14:45Z', '2026-04-04T15:15Z', '2026-04-04T16:15Z'],
    ],
    [
      '0 23 * * *',
      'Asia/Beirut',
      '2026-10-23T21:00Z',
      '2026-10-26T00:00Z',
      ['2026-10-24T20:00Z', '2026-10-25T21:00Z'],
    ],
    [
      '0 */23 24 10 *',
      'Asia/Beirut',
      '2026-01-01T00:00Z',
      '2026-12-31T00:00Z',
      ['2026-10-23T21:00Z', '2026-10-24T20:00Z', '2026-10-24T21:00Z'],
    ],
  ])('%s in %s', (expression, timeZone, after, until, expected) => {
    expect(due(expression, timeZone, after, until)).toEqual(expected);
  });
});

describe('@every', () => {
  const schedule = parseSchedule('@every 1h');
  const created = Date.parse('2026-11-22T10:07:30.600Z');

  test('counts from the anchor, in whole seconds, and is first due one interval after it', () => {
    expect(nextDue(schedule, 0, created)).toBe(Date.parse('2026-11-22T11:07:30Z'));
    expect(nextDue(schedule, Date.parse('2026-11-22T11:07:30Z'), created)).toBe(
      Date.parse('2026-11-22T12:07:30Z'),
    );
    expect(lastDue(schedule, 0, Date.parse('2026-11-22T11:07:29Z'), created)).toBeUndefined();
    expect(lastDue(schedule, 0, Date.parse('2026-11-22T11:07:30Z'), created)).toBe(
      Date.parse('2026-11-22T11:07:30Z'),
    );
  });

  test('does not look at clocks', () => {
    expect(due('@every 24h', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual([
      '2026-03-29T00:00Z',
      '2026-03-30T00:00Z',
    ]);
  });
});

test('the last due instant of an outage of years is found at once', () => {
  const schedule = parseSchedule('* * * * *', 'Europe/Berlin');
  const until = Date.parse('2026-11-22T10:07:30Z');
  const start = performance.now();
  expect(lastDue(schedule, Date.parse('1996-01-01T00:00Z'), until, 0)).toBe(
    Date.parse('2026-11-22T10:07:00Z'),
  );
  expect(performance.now() - start).toBeLessThan(5_000);
});

test('no more than the limit is given, the oldest first', () => {
  const schedule = parseSchedule('@hourly');
  expect(dueBetween(schedule, 0, 86_400_000, 2, 0)).toEqual([3_600_000, 7_200_000]);
});

describe('the laws of due instants', () => {
  const value = (min: number, max: number) =>
    fc.oneof(
      fc.constantFrom('*', '?', '*/2', '*/7'),
      fc.integer({ min, max }).map(String),
      fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${a},${b}`),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    );
  const cron = fc
    .tuple(
      value(0, 59),
      fc.oneof(value(0, 23), value(0, 3), fc.constant('*')),
      fc.oneof(fc.constant('*'), value(1, 28)),
      fc.oneof(fc.constant('*'), value(1, 12)),
      fc.oneof(fc.constant('*'), value(0, 6)),
    )
    .map((fields) => fields.join(' '));
  const interval = fc.integer({ min: 10, max: 1_000_000 }).map((seconds) => `@every ${seconds}s`);
  const zone = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Beirut',
    'Antarctica/Troll',
    'Asia/Kathmandu',
    'Africa/Casablanca',
  );
  const schedule = fc
    .tuple(fc.oneof({ weight: 5, arbitrary: cron }, interval), zone)
    .map(([expression, timeZone]) => parseSchedule(expression, timeZone));
  // Half of the instants lie within hours of a change of clocks.
  const change = fc.constantFrom(
    ...[
      '2026-03-29T01:00Z',
      '2026-10-25T01:00Z',
      '2026-03-08T07:00Z',
      '2026-11-01T06:00Z',
      '2026-10-03T15:30Z',
      '2026-04-04T15:00Z',
      '2026-03-28T22:00Z',
      '2026-10-24T21:00Z',
    ].map((text) => Date.parse(text)),
  );
  const instant = fc.oneof(
    fc.integer({ min: Date.parse('2025-01-01T00:00Z'), max: Date.parse('2030-01-01T00:00Z') }),
    fc
      .tuple(change, fc.integer({ min: -30, max: 30 }), fc.integer({ min: -1, max: 1 }))
      .map(([at, steps, off]) => at + steps * 600_000 + off),
  );
  const span = fc.oneof(
    fc.integer({ min: 0, max: 8 * 3_600_000 }),
    fc.integer({ min: 0, max: 40 * 86_400_000 }),
  );
  const anchor = fc.integer({ min: Date.parse('2024-01-01T00:00Z'), max: Date.parse('2027-01-01T00:00Z') });

  test('the next is after the instant, in whole seconds, and nothing is due before it', () => {
    fc.assert(
      fc.property(schedule, instant, anchor, (given, after, from) => {
        const next = nextDue(given, after, from);
        if (next === undefined) throw new Error('a schedule that was accepted is due again');
        expect(next).toBeGreaterThan(after);
        expect(next % 1000).toBe(0);
        expect(lastDue(given, after, next - 1, from)).toBeUndefined();
        expect(lastDue(given, after, next, from)).toBe(next);
      }),
      { numRuns: 1000 },
    );
  });

  test('those of an interval ascend, lie in it, and end with the last', () => {
    fc.assert(
      fc.property(schedule, instant, span, anchor, (given, after, length, from) => {
        const until = after + length;
        const instants = dueBetween(given, after, until, 300, from);
        instants.forEach((at, index) => {
          expect(at).toBeGreaterThan(instants[index - 1] ?? after);
          expect(at).toBeLessThanOrEqual(until);
        });
        if (instants.length < 300) expect(lastDue(given, after, until, from)).toBe(instants.at(-1));
      }),
      { numRuns: 300 },
    );
  });

  test('an interval that is cut in two has the same', () => {
    fc.assert(
      fc.property(
        schedule,
        instant,
        span,
        fc.float({ min: 0, max: 1, noNaN: true }),
        anchor,
        (given, after, length, share, from) => {
          const until = after + length;
          const cut = after + Math.floor(length * share);
          const whole = dueBetween(given, after, until, 200, from);
          const parts = [
            ...dueBetween(given, after, cut, 200, from),
            ...dueBetween(given, cut, until, 200, from),
          ];
          expect(parts.slice(0, 200)).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('away from changes of clocks, croner in the time zone says the same', () => {
    const expression = fc
      .tuple(value(0, 59), value(0, 23), fc.constant('*'), value(1, 12), value(0, 6))
      .map((fields) => fields.join(' ').replaceAll('?', '*'));
    const summer = fc.integer({ min: Date.parse('2026-04-06T00:00Z'), max: Date.parse('2026-09-01T00:00Z') });
    fc.assert(
      fc.property(expression, zone, summer, (text, timeZone, after) => {
        const croner = new Cron(text, { mode: '5-part', timezone: timeZone, paused: true });
        const until = Date.parse('2026-09-20T00:00Z');
        const expected = croner
          .nextRuns(5, new Date(after))
          .map((date) => date.getTime())
          .filter((at) => at <= until);
        expect(dueBetween(parseSchedule(text, timeZone), after, until, 5, 0)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('a daily backup is due once on each day of the calendar', () => {
    const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
    fc.assert(
      fc.property(time, zone, ([hour, minute], timeZone) => {
        const given = parseSchedule(`${minute} ${hour} * * *`, timeZone);
        const format = new Intl.DateTimeFormat('en-CA', { timeZone });
        const days = dueBetween(
          given,
          Date.parse('2026-01-02T00:00Z'),
          Date.parse('2026-12-30T00:00Z'),
          400,
          0,
        ).map((at) => format.format(at));
        expect(new Set(days).size).toBe(days.length);
        expect(days.length).toBeGreaterThanOrEqual(361);
      }),
      { numRuns: 40 },
    );
  });

  test('an hourly backup leaves no hole of more than an hour where clocks change by whole hours', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 59 }),
        fc.constantFrom('Europe/Berlin', 'America/New_York', 'Antarctica/Troll'),
        change,
        (minute, timeZone, near) => {
          const given = parseSchedule(`${minute} * * * *`, timeZone);
          const instants = dueBetween(given, near - 86_400_000, near + 86_400_000, 100, 0);
          instants.slice(1).forEach((at, index) => {
            expect(at - (instants[index] ?? 0)).toBeLessThanOrEqual(3_600_000);
          });
          expect(instants.length).toBeGreaterThanOrEqual(48);
        },
      ),
    );
  });
});
