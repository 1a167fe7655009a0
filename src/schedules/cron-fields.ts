import { InvalidScheduleError } from './invalid-schedule.ts';

/** One of the five fields of a cron expression. */
export interface CronField {
  /** The values that match, ascending. */
  readonly values: readonly number[];
  /** Whether the field restricts nothing by being written `*` or `?`; see dayMatches in robfig/cron. */
  readonly star: boolean;
  /** Whether it is written with `*` or `?`, steps included: "every" so many, rather than "at". */
  readonly wildcard: boolean;
}

export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly dayOfMonth: CronField;
  readonly month: CronField;
  readonly dayOfWeek: CronField;
}

interface Bounds {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of values, the first of which means `min`. */
  readonly names: readonly string[];
}

const MINUTE: Bounds = { name: 'minute', min: 0, max: 59, names: [] };
const HOUR: Bounds = { name: 'hour', min: 0, max: 23, names: [] };
const DAY_OF_MONTH: Bounds = { name: 'day of month', min: 1, max: 31, names: [] };
const MONTH: Bounds = {
  name: 'month',
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const DAY_OF_WEEK: Bounds = {
  name: 'day of week',
  min: 0,
  max: 6,
  names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * The five fields of `expression`, in the grammar of a Kubernetes CronJob, which is that of robfig/cron's
 * standard parser. What that parser reads by accident (`*-5`, `+5`, `1,,2`) is refused here, and so is a date that no
 * calendar has (`0 0 31 2 *`), since a backup that never runs is none.
 *
 * @throws {InvalidScheduleError} naming the field, what was found in it, and what it takes
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
 */
export function parseCronFields(expression: string): CronFields {
  const texts = expression.split(/\s+/);
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = texts;
  if (texts.length !== 5) {
    const hint = texts.length > 5 ? ' (seconds and years are not taken)' : '';
    throw new InvalidScheduleError(
      'schedule',
      `schedule "${expression}" has ${texts.length} ${texts.length === 1 ? 'field' : 'fields'}; write five${hint}: minute, hour, day of month, month, day of week, as in "30 2 * * *" for every day at 02:30`,
    );
  }
  const fields = {
    minute: parseField(minute, MINUTE, expression),
    hour: parseField(hour, HOUR, expression),
    dayOfMonth: parseField(dayOfMonth, DAY_OF_MONTH, expression),
    month: parseField(month, MONTH, expression),
    dayOfWeek: parseField(dayOfWeek, DAY_OF_WEEK, expression),
  };
  refuseImpossibleDate(fields, expression);
  return fields;
}

function parseField(text: string, bounds: Bounds, expression: string): CronField {
  const values = new Set<number>();
  let star = false;
  let wildcard = false;
  for (const item of text.split(',')) {
    const range = parseRange(item, bounds, (problem) => refuseField(text, bounds, expression, problem));
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
    // robfig/cron: a step of two or more makes a star a restriction like any other, also for the rule of the two day fields.
    star ||= range.wildcard && range.step === 1;
    wildcard ||= range.wildcard;
  }
  return { values: [...values].sort((a, b) => a - b), star, wildcard };
}

interface Range {
  from: number;
  to: number;
  step: number;
  wildcard: boolean;
}

function parseRange(item: string, bounds: Bounds, refuse: (problem: string) => never): Range {
  const [range = '', stepText, ...tooManySteps] = item.split('/');
  if (tooManySteps.length > 0) refuse(`"${item}" has more than one step`);
  const step = stepText === undefined ? 1 : parseStep(stepText, item, refuse);
  if (range === '*' || range === '?') return { from: bounds.min, to: bounds.max, step, wildcard: true };

  const [fromText = '', toText, ...tooManyEnds] = range.split('-');
  if (tooManyEnds.length > 0) refuse(`"${item}" has more than one hyphen`);
  const from = parseValue(fromText, item, bounds, refuse);
  if (toText !== undefined) {
    const to = parseValue(toText, item, bounds, refuse);
    if (from > to) refuse(`the range "${range}" ends before it begins; write it as two, with a comma`);
    return { from, to, step, wildcard: false };
  }
  return { from, to: stepText === undefined ? from : bounds.max, step, wildcard: false };
}

function parseStep(text: string, item: string, refuse: (problem: string) => never): number {
  const step = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return step >= 1 ? step : refuse(`the step of "${item}" is no number from 1 on`);
}

function parseValue(text: string, item: string, bounds: Bounds, refuse: (problem: string) => never): number {
  const named = bounds.names.indexOf(text.toLowerCase());
  if (named >= 0) return bounds.min + named;
  if (text === '') return refuse(item === '' ? 'an item of its list is empty' : `"${item}" lacks a number`);
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    if (value >= bounds.min && value <= bounds.max) return value;
    const hint = bounds === DAY_OF_WEEK && value === 7 ? '; Sunday is 0' : '';
    return refuse(`${text} is out of range${hint}`);
  }
  if (/[LW#]/i.test(text) && /^[\dLW#]+$/i.test(text)) {
    return refuse(`"${text}" uses L, W or #, which a CronJob does not have`);
  }
  return refuse(`"${text}" is no value`);
}

function refuseField(text: string, bounds: Bounds, expression: string, problem: string): never {
  const { name, min, max, names } = bounds;
  const named = names.length > 0 ? ` or ${names[0]?.toUpperCase()} to ${names.at(-1)?.toUpperCase()}` : '';
  throw new InvalidScheduleError(
    'schedule',
    `schedule "${expression}": the ${name} field is "${text}", where ${problem}; write ${min} to ${max}${named}, *, ranges (a-b), lists (a,b) and steps (*/n)`,
  );
}

function refuseImpossibleDate({ dayOfMonth, month, dayOfWeek }: CronFields, expression: string): void {
  const eitherDayWillDo = !dayOfMonth.star && !dayOfWeek.star;
  if (eitherDayWillDo) return;
  const earliest = dayOfMonth.values[0] ?? 1;
  if (month.values.some((value) => earliest <= (LONGEST_MONTHS[value - 1] ?? 31))) return;
  throw new InvalidScheduleError(
    'schedule',
    `schedule "${expression}" is never due, since none of its months has a day ${earliest}; write a day that they have`,
  );
}
