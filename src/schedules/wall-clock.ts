/**
 * Wall-clock times of a time zone, and the instants at which its clocks show them.
 *
 * A wall-clock time is held as the instant at which a clock in UTC shows it: milliseconds since the epoch, too.
 */

const DAY = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** There are some 600 zones. But Intl ignores case, so that users could give one endless names, of which each takes 28 KB. */
const MOST_FORMATS = 1_024;

/** Whether `name` is a time zone by its IANA name. An offset such as +01:00 is none, though Intl takes it. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    formatOf(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** How far the clocks of `timeZone` are ahead of UTC at `instant`, in milliseconds. */
export function offsetAt(timeZone: string, instant: number): number {
  const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(formatOf(timeZone).format(instant));
  if (match === null) throw new Error(`Intl gives no offset for ${timeZone}`);
  const [, sign, hours = 0, minutes = 0, seconds = 0] = match;
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -offset : offset;
}

/** When clocks show a wall-clock time. */
export interface Showing {
  /** The first time; where the time is skipped, the end of the gap. */
  readonly first: number;
  /** The second time, where clocks are set back over it. */
  readonly second: number | undefined;
}

/** The instants at which the clocks of `timeZone` show the wall-clock time `wall`. */
export function showings(timeZone: string, wall: number): Showing {
  // No zone is more than 14 hours from UTC, and none changes its offset twice in two days: a day to either side sees both
  // offsets that the time can have. (A whole skipped day, as in Apia in 2011, still lies between the two.)
  const earlier = wall - DAY;
  const later = wall + DAY;
  const offsetBefore = offsetAt(timeZone, earlier);
  const offsetAfter = offsetAt(timeZone, later);
  const before = wall - offsetBefore;
  const after = wall - offsetAfter;
  if (before === after) return { first: before, second: undefined };

  const shownBefore = offsetAt(timeZone, before) === offsetBefore;
  const shownAfter = offsetAt(timeZone, after) === offsetAfter;
  if (shownBefore) return { first: before, second: shownAfter ? after : undefined };
  if (shownAfter) return { first: after, second: undefined };
  return { first: changeBetween(timeZone, earlier, later), second: undefined };
}

/** The instant in (from, to] from which the offset of `to` is in force, where it changes once between the two. */
function changeBetween(timeZone: string, from: number, to: number): number {
  const offset = offsetAt(timeZone, to);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle) === offset) high = middle;
    else low = middle;
  }
  return high;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  if (formats.size >= MOST_FORMATS) formats.clear();
  formats.set(timeZone, format);
  return format;
}
