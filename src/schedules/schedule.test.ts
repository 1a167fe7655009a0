import { describe, expect, test } from 'vitest';
import { dueBetween } from './due.ts';
import { InvalidScheduleError } from './invalid-schedule.ts';
import { parseSchedule } from './schedule.ts';

function first(expression: string, count: number, after: string): string[] {
  const schedule = parseSchedule(expression);
  return dueBetween(schedule, Date.parse(after), Number.POSITIVE_INFINITY, count, Date.parse(after)).map(
    (instant) => new Date(instant).toISOString().replace(/:00\.000Z$/, 'Z'),
  );
}

describe('a schedule that a CronJob takes', () => {
  // 2026-11-22 is a Sunday.
  test.each<[string, string[]]>([
    ['* * * * *', ['2026-11-22T00:01Z', '2026-11-22T00:02Z']],
    ['? ? ? ? ?', ['2026-11-22T00:01Z', '2026-11-22T00:02Z']],
    ['*/20 * * * *', ['2026-11-22T00:20Z', '2026-11-22T00:40Z', '2026-11-22T01:00Z']],
    ['50/5 23 * * *', ['2026-11-22T23:50Z', '2026-11-22T23:55Z', '2026-11-23T23:50Z']],
    ['5-10/3,7 4 * * *', ['2026-11-22T04:05Z', '2026-11-22T04:07Z', '2026-11-22T04:08Z']],
    ['0 0 1 1 *', ['2027-01-01T00:00Z', '2028-01-01T00:00Z']],
    ['0 12 * * MON-Fri/2', ['2026-11-23T12:00Z', '2026-11-25T12:00Z', '2026-11-27T12:00Z']],
    ['0 0 1 jan,DEC ?', ['2026-12-01T00:00Z', '2027-01-01T00:00Z']],
    ['00 05 * * 0', ['2026-11-22T05:00Z', '2026-11-29T05:00Z']],
    ['  0\t5 * *   0  ', ['2026-11-22T05:00Z', '2026-11-29T05:00Z']],
    ['0 0 29 2 *', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    // Either day will do where both are restricted …
    ['0 0 1 * 1', ['2026-11-23T00:00Z', '2026-11-30T00:00Z', '2026-12-01T00:00Z']],
    ['0 0 31 2 3', ['2027-02-03T00:00Z', '2027-02-10T00:00Z']],
    ['0 0 1-31 * 1', ['2026-11-23T00:00Z', '2026-11-24T00:00Z']],
    // … and a star with a step is a restriction: odd days, or Mondays (robfig/cron; other crons differ).
    [
      '0 0 */2 * 1',
      [
        '2026-11-23T00:00Z',
        '2026-11-25T00:00Z',
        '2026-11-27T00:00Z',
        '2026-11-29T00:00Z',
        '2026-11-30T00:00Z',
      ],
    ],
    ['0 0 13 * */2', ['2026-11-24T00:00Z', '2026-11-26T00:00Z', '2026-11-28T00:00Z']],
    ['0 0 */1 * 1', ['2026-11-23T00:00Z', '2026-11-30T00:00Z']],
    ['0 0 13 * *', ['2026-12-13T00:00Z', '2027-01-13T00:00Z']],
    ['@hourly', ['2026-11-22T01:00Z', '2026-11-22T02:00Z']],
    ['@daily', ['2026-11-23T00:00Z', '2026-11-24T00:00Z']],
    ['@midnight', ['2026-11-23T00:00Z', '2026-11-24T00:00Z']],
    ['@weekly', ['2026-11-29T00:00Z', '2026-12-06T00:00Z']],
    ['@monthly', ['2026-12-01T00:00Z', '2027-01-01T00:00Z']],
    ['@yearly', ['2027-01-01T00:00Z', '2028-01-01T00:00Z']],
    ['@annually', ['2027-01-01T00:00Z', '2028-01-01T00:00Z']],
    ['@every 1h30m', ['2026-11-22T01:30Z', '2026-11-22T03:00Z']],
    ['@every 48h', ['2026-11-24T00:00Z', '2026-11-26T00:00Z']],
  ])('%s', (expression, expected) => {
    expect(first(expression, expected.length, '2026-11-22T00:00Z')).toEqual(expected);
  });
});

describe('a schedule that is none is refused with what to do', () => {
  test.each<[string, string | RegExp]>([
    ['', /1 field|write five/],
    ['* * * *', /has 4 fields; write five/],
    ['0 30 2 * * *', /has 6 fields; write five \(seconds and years are not taken\)/],
    ['60 * * * *', 'the minute field is "60", where 60 is out of range; write 0 to 59'],
    ['* 24 * * *', 'the hour field is "24", where 24 is out of range; write 0 to 23'],
    ['* * 0 * *', 'the day of month field is "0", where 0 is out of range; write 1 to 31'],
    ['* * * 13 *', 'the month field is "13", where 13 is out of range; write 1 to 12 or JAN to DEC'],
    [
      '* * * * 7',
      'the day of week field is "7", where 7 is out of range; Sunday is 0; write 0 to 6 or SUN to SAT',
    ],
    ['* * * * FRI-MON', 'the range "FRI-MON" ends before it begins'],
    ['* * L * *', 'the day of month field is "L", where "L" uses L, W or #'],
    ['* * 15W * *', 'uses L, W or #'],
    ['* * * * 5#2', 'uses L, W or #'],
    ['* * * * 5L', 'uses L, W or #'],
    ['*/0 * * * *', 'the step of "*/0" is no number from 1 on'],
    ['*/ * * * *', 'the step of "*/" is no number from 1 on'],
    ['*/5/5 * * * *', 'has more than one step'],
    ['1-2-3 * * * *', 'has more than one hyphen'],
    ['1- * * * *', '"1-" lacks a number'],
    ['1,,2 * * * *', 'an item of its list is empty'],
    ['-5 * * * *', '"-5" lacks a number'],
    ['+5 * * * *', '"+5" is no value'],
    ['*-5 * * * *', '"*" is no value'],
    ['1.5 * * * *', '"1.5" is no value'],
    ['* * * monday *', 'the month field is "monday", where "monday" is no value'],
    ['JAN * * * *', 'the minute field is "JAN"'],
    ['0 0 31 2 *', 'is never due, since none of its months has a day 31'],
    ['0 0 31 4,6,9,11 ?', 'is never due'],
    ['TZ=Europe/Berlin 0 2 * * *', "take TZ= out of it and write the zone's name into timeZone"],
    ['CRON_TZ=Europe/Berlin 0 2 * * *', 'timeZone'],
    ['@Daily', 'is no macro; write "@daily"'],
    ['@reboot', 'is no macro; the macros are @yearly'],
    ['@every', 'is no duration'],
    ['@every 1d', '"1d" after @every is no duration; write numbers with h, m and s'],
    ['@every -1h', 'is no duration'],
    ['@every 9s', 'must be whole seconds, and at least 10s'],
    ['@every 0', 'at least 10s'],
    ['@every 10500ms', 'must be whole seconds'],
    ['@constructor', 'is no macro'],
  ])('"%s"', (expression, message) => {
    expect(() => parseSchedule(expression)).toThrow(InvalidScheduleError);
    expect(() => parseSchedule(expression)).toThrow(message);
  });

  test.each(['Europe/Atlantis', '+01:00', '', 'Local', 'UTC '])('time zone "%s"', (timeZone) => {
    expect(() => parseSchedule('@daily', timeZone)).toThrow(InvalidScheduleError);
    expect(() => parseSchedule('@daily', timeZone)).toThrow(
      `timeZone "${timeZone}" is not known; write an IANA name such as Europe/Berlin`,
    );
  });

  test('the error says which field of the spec it is about', () => {
    expect(() => parseSchedule('@daily', 'nowhere')).toThrow(expect.objectContaining({ field: 'timeZone' }));
    expect(() => parseSchedule('daily')).toThrow(
      expect.objectContaining({ field: 'schedule', code: 'InvalidSchedule' }),
    );
  });
});
