import { posix } from 'node:path';

/**
 * How restic matches its patterns, for what it does not do itself.
 *
 * A pattern is a path of which each part is matched for itself; `**` stands for any number of parts. One that begins with a slash is matched from
 * the root on, any other from anywhere; both match what is below, too. The last pattern that matches decides, and one with a `!` before it
 * takes back what those before it matched.
 *
 * @see https://restic.readthedocs.io/en/v0.18.1/040_backup.html#excluding-files
 */
interface Pattern {
  isNegated: boolean;
  /** The first is empty where the pattern begins with a slash. */
  parts: string[];
}

/** Whether `restic --exclude` of `patterns` leaves out `path`, which begins with a slash; of the directories above it nothing is asked. */
export function isExcluded(patterns: readonly string[], path: string): boolean {
  const names = path.split('/');
  const last = patterns.map(parse).findLast((pattern) => matches(pattern, names));
  return last !== undefined && !last.isNegated;
}

/**
 * `patterns`, which were about whole paths, such that they exclude the same of what is below `directory` where paths begin there: what
 * `restic backup --exclude` was given as `restic restore ID:DIR --exclude` has to have it.
 */
export function excludesBelow(patterns: readonly string[], directory: string): string[] {
  const names = directory.split('/');
  return patterns.flatMap((pattern) => {
    const { isNegated, parts } = parse(pattern);
    const isRelative = parts[0] !== '';
    const offsets = isRelative ? [...names.keys()] : [0];
    const rests = offsets.flatMap((offset) => restsAfter(parts, names.slice(offset)));
    const below = rests.map((rest) => `${isNegated ? '!' : ''}/${rest.join('/')}`);
    return [...new Set([...(isRelative ? [pattern] : []), ...below])];
  });
}

/** What of `parts` is left to match below the directory `names`, in each way in which the parts before match those. */
function restsAfter(parts: readonly string[], names: readonly string[]): string[][] {
  const [part, ...rest] = parts;
  // What matches a directory matches all that is below.
  if (part === undefined) return [['*']];
  const [name, ...below] = names;
  if (name === undefined) return [[...parts]];
  if (part === '**') return [...restsAfter(rest, names), ...restsAfter(parts, below)];
  return matchesName(part, name) ? restsAfter(rest, below) : [];
}

/** Patterns that exclude what one of the two lists does; undefined where there are none: what `!` takes back it takes back from all before it. */
export function eitherOf(one: readonly string[], other: readonly string[]): string[] | undefined {
  if (!other.some(isNegation)) return [...one, ...other];
  return one.some(isNegation) ? undefined : [...other, ...one];
}

/** Patterns to include what `include` does and `exclude` does not, which restic does not take together; undefined where there are none. */
export function includeWithout(include: readonly string[], exclude: readonly string[]): string[] | undefined {
  return exclude.some(isNegation) ? undefined : [...include, ...exclude.map((pattern) => `!${pattern}`)];
}

function isNegation(pattern: string): boolean {
  return pattern.startsWith('!');
}

function parse(pattern: string): Pattern {
  const isNegated = isNegation(pattern);
  // As restic does: what is left of it has no slash at its end.
  const parts = posix.normalize(isNegated ? pattern.slice(1) : pattern).replace(/(?<=.)\/$/, '');
  return { isNegated, parts: parts.split('/') };
}

function matches({ parts }: Pattern, names: readonly string[]): boolean {
  const offsets = parts[0] === '' ? [0] : names.keys();
  return [...offsets].some((offset) => isPrefix(parts, names.slice(offset)));
}

/** Whether `parts` match the first of `names`, as many as they need. */
function isPrefix([part, ...rest]: readonly string[], names: readonly string[]): boolean {
  if (part === undefined) return true;
  const [name, ...below] = names;
  if (part === '**') return isPrefix(rest, names) || (name !== undefined && isPrefix([part, ...rest], below));
  return name !== undefined && matchesName(part, name) && isPrefix(rest, below);
}

/** One character of a name; undefined for any number of any. */
type Token = ((character: string) => boolean) | undefined;

/** As Go's path/filepath.Match has it. */
function matchesName(part: string, name: string): boolean {
  const tokens = tokensOf(part);
  const characters = [...name];
  let at = 0;
  let token = 0;
  // Where to go on with one character more for the last star: no more than that one is ever taken back.
  let star: { token: number; at: number } | undefined;
  while (at < characters.length || token < tokens.length) {
    const test = tokens[token];
    if (token < tokens.length && test === undefined) {
      star = { token, at };
      token++;
    } else if (test?.(characters[at] ?? '') === true) {
      token++;
      at++;
    } else if (star !== undefined && star.at < characters.length) {
      star.at++;
      at = star.at;
      token = star.token + 1;
    } else return false;
  }
  return true;
}

function tokensOf(part: string): Token[] {
  // A class, an escaped character, a star, any other character.
  return [...part.matchAll(/\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|(\*)|(.)/gsu)].map((found): Token => {
    const [, not, members, escaped, star, character] = found;
    if (star !== undefined) return undefined;
    if (members !== undefined) {
      const ranges = rangesOf(members);
      const isIn = (one: string) => ranges.some(([low, high]) => one !== '' && low <= one && one <= high);
      return (one) => one !== '' && isIn(one) !== (not === '^');
    }
    if (character === '?') return (one) => one !== '';
    return (one) => one === (escaped ?? character);
  });
}

function rangesOf(members: string): [low: string, high: string][] {
  return [...members.matchAll(/(?:\\(.)|(.))(?:-(?:\\(.)|(.)))?/gsu)].map((found) => {
    const [, escaped, plain = '', escapedEnd, end] = found;
    const low = escaped ?? plain;
    return [low, escapedEnd ?? end ?? low];
  });
}
