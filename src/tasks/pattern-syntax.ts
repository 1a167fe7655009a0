/** The pattern cannot be read. The message says why, as a clause. */
export class InvalidPatternError extends Error {
  override readonly name = 'InvalidPatternError';
  readonly code = 'InvalidPattern';
}

/** A regular expression, as a tree. */
export type PatternNode =
  | { type: 'character'; matches(character: string): boolean }
  | { type: 'begin' }
  | { type: 'end' }
  | { type: 'sequence'; parts: PatternNode[] }
  | { type: 'choice'; choices: PatternNode[] }
  | { type: 'repeat'; part: PatternNode; least: number; most: number };

type Matches = (character: string) => boolean;

/** As in RE2. */
const MOST_REPEATS = 1000;
const DEEPEST = 32;

const isDigit: Matches = (character) => character >= '0' && character <= '9';
const isWord: Matches = (character) => /^[0-9A-Za-z_]$/.test(character);
const isSpace: Matches = (character) => /^[\t\n\f\r ]$/.test(character);
const not =
  (matches: Matches): Matches =>
  (character) =>
    !matches(character);
const CLASSES: Record<string, Matches> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const CONTROLS: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' };

interface Reader {
  characters: string[];
  at: number;
  depth: number;
}

/**
 * `source` as a tree: characters, `.`, classes, `\d \w \s` and their opposites, groups, `|`, `* + ? {n,m}` and `^ $`. What RE2 has not
 * (references back, looking ahead) is refused, and so are its flags, names and Unicode classes.
 *
 * @see https://github.com/google/re2/wiki/Syntax
 * @throws {InvalidPatternError}
 */
export function parsePattern(source: string): PatternNode {
  const reader = { characters: [...source], at: 0, depth: 0 };
  const node = readChoice(reader);
  if (reader.at < reader.characters.length) throw new InvalidPatternError('a ")" closes nothing');
  return node;
}

function readChoice(reader: Reader): PatternNode {
  const choices = [readSequence(reader)];
  while (take(reader, '|')) choices.push(readSequence(reader));
  return choices.length === 1 && choices[0] !== undefined ? choices[0] : { type: 'choice', choices };
}

function readSequence(reader: Reader): PatternNode {
  const parts: PatternNode[] = [];
  for (let next = peek(reader); next !== undefined && next !== '|' && next !== ')'; next = peek(reader)) {
    parts.push(readRepeat(reader));
  }
  return { type: 'sequence', parts };
}

function readRepeat(reader: Reader): PatternNode {
  const part = readAtom(reader);
  const bounds = readBounds(reader);
  if (bounds === undefined) return part;
  // Lazy or greedy: whether it matches is the same.
  take(reader, '?');
  if (readBounds(reader) !== undefined)
    throw new InvalidPatternError('what repeats is repeated; write a group');
  return { type: 'repeat', part, ...bounds };
}

function readBounds(reader: Reader): { least: number; most: number } | undefined {
  if (take(reader, '*')) return { least: 0, most: Number.POSITIVE_INFINITY };
  if (take(reader, '+')) return { least: 1, most: Number.POSITIVE_INFINITY };
  if (take(reader, '?')) return { least: 0, most: 1 };
  const written = /^\{(\d{1,5})(,(\d{1,5})?)?\}/.exec(
    reader.characters.slice(reader.at, reader.at + 14).join(''),
  );
  if (written === null) {
    if (peek(reader) === '{')
      throw new InvalidPatternError('a "{" is no {n}, {n,} or {n,m}; write "\\{" for the character');
    return undefined;
  }
  reader.at += written[0].length;
  const least = Number(written[1]);
  const most =
    written[2] === undefined
      ? least
      : written[3] === undefined
        ? Number.POSITIVE_INFINITY
        : Number(written[3]);
  if (least > MOST_REPEATS || (most > MOST_REPEATS && most !== Number.POSITIVE_INFINITY) || most < least) {
    throw new InvalidPatternError(`"${written[0]}" is no range from 0 to ${MOST_REPEATS}`);
  }
  return { least, most };
}

function readAtom(reader: Reader): PatternNode {
  const character = next(reader);
  switch (character) {
    case '^':
      return { type: 'begin' };
    case '$':
      return { type: 'end' };
    case '.':
      return { type: 'character', matches: (other) => other !== '\n' };
    case '(':
      return readGroup(reader);
    case '[':
      return { type: 'character', matches: readClass(reader) };
    case '\\':
      return { type: 'character', matches: readEscape(reader) };
    case '*':
    case '+':
    case '?':
    case '{':
      throw new InvalidPatternError(
        `a "${character}" repeats nothing; write "\\${character}" for the character`,
      );
    default:
      return { type: 'character', matches: (other) => other === character };
  }
}

function readGroup(reader: Reader): PatternNode {
  if (take(reader, '?') && !take(reader, ':')) {
    throw new InvalidPatternError(
      'a "(?" is not possible but in "(?:": neither flags, names nor looking around',
    );
  }
  reader.depth++;
  if (reader.depth > DEEPEST) throw new InvalidPatternError(`groups are more than ${DEEPEST} deep`);
  const node = readChoice(reader);
  reader.depth--;
  if (!take(reader, ')')) throw new InvalidPatternError('a "(" is not closed');
  return node;
}

function readEscape(reader: Reader): Matches {
  const character = next(reader);
  const known = CLASSES[character];
  if (known !== undefined) return known;
  const literal = literalOf(character);
  return (other) => other === literal;
}

/** What a character after a `\` stands for. */
function literalOf(character: string): string {
  const control = CONTROLS[character];
  if (control !== undefined) return control;
  if (/^[0-9A-Za-z]$/.test(character)) throw new InvalidPatternError(`"\\${character}" is not known`);
  return character;
}

function readClass(reader: Reader): Matches {
  const isNegated = take(reader, '^');
  const members: Matches[] = [];
  while (members.length === 0 || peek(reader) !== ']') {
    const from = readMember(reader);
    if (typeof from !== 'string') {
      members.push(from);
    } else if (peek(reader) === '-' && reader.characters[reader.at + 1] !== ']') {
      reader.at++;
      members.push(range(from, readMember(reader)));
    } else {
      members.push((other) => other === from);
    }
  }
  reader.at++;
  const matches: Matches = (character) => members.some((member) => member(character));
  return isNegated ? not(matches) : matches;
}

function readMember(reader: Reader): string | Matches {
  if (reader.at >= reader.characters.length) throw new InvalidPatternError('a "[" is not closed');
  const character = next(reader);
  if (character === '[' && peek(reader) === ':')
    throw new InvalidPatternError('"[[:" names a class, which is not known');
  if (character !== '\\') return character;
  const escaped = next(reader);
  return CLASSES[escaped] ?? literalOf(escaped);
}

function range(from: string, to: string | Matches): Matches {
  const first = from.codePointAt(0) ?? 0;
  const last = typeof to === 'string' ? (to.codePointAt(0) ?? 0) : -1;
  if (last < first)
    throw new InvalidPatternError(`a range of a class that begins with "${from}" ends before it`);
  return (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point >= first && point <= last;
  };
}

const peek = ({ characters, at }: Reader) => characters[at];

function next(reader: Reader): string {
  const character = reader.characters[reader.at++];
  if (character === undefined) throw new InvalidPatternError('it ends with a "\\" that escapes nothing');
  return character;
}

function take(reader: Reader, character: string): boolean {
  if (peek(reader) !== character) return false;
  reader.at++;
  return true;
}
