import { InvalidPatternError, type PatternNode, parsePattern } from './pattern-syntax.ts';

/** A pattern that is asked in time proportional to the text, whatever it is: none can stall the server. */
export interface Pattern {
  /** Whether it matches somewhere in `text`. */
  test(text: string): boolean;
}

type Instruction =
  | { op: 'character'; matches(character: string): boolean }
  | { op: 'split'; to: number; or: number }
  | { op: 'jump'; to: number }
  | { op: 'begin' }
  | { op: 'end' }
  | { op: 'done' };

interface Compiler {
  program: Instruction[];
  /** How many parts of the pattern were looked at, repetitions among them. */
  nodes: number;
}

/** A pattern that repeats what repeats grows as the product of both, and takes as long where it repeats nothing at all. */
const MOST_NODES = 1_000;

/**
 * Compiles `source` to a machine that is in many states at once and never goes back (Thompson's construction), as RE2 does, so that its
 * time is bounded by the length of the text times that of the pattern; JavaScript's own takes exponential time over `(a+)+$`.
 *
 * @see https://swtch.com/~rsc/regexp/regexp1.html
 * @throws {InvalidPatternError}
 */
export function compilePattern(source: string): Pattern {
  const compiler: Compiler = { program: [], nodes: 0 };
  emit(compiler, parsePattern(source));
  const program: Instruction[] = [...compiler.program, { op: 'done' }];
  return { test: (text) => runs(program, text) };
}

function emit(compiler: Compiler, node: PatternNode): void {
  const { program } = compiler;
  if (++compiler.nodes > MOST_NODES) {
    throw new InvalidPatternError('it repeats too much; write smaller numbers in its {…}');
  }
  switch (node.type) {
    case 'character':
      program.push({ op: 'character', matches: node.matches });
      return;
    case 'begin':
    case 'end':
      program.push({ op: node.type });
      return;
    case 'sequence':
      for (const part of node.parts) emit(compiler, part);
      return;
    case 'choice':
      emitChoice(compiler, node.choices);
      return;
    case 'repeat':
      emitRepeat(compiler, node.part, node.least, node.most);
  }
}

function emitChoice(compiler: Compiler, choices: PatternNode[]): void {
  const { program } = compiler;
  const jumps: { op: 'jump'; to: number }[] = [];
  choices.forEach((choice, index) => {
    if (index === choices.length - 1) {
      emit(compiler, choice);
      return;
    }
    const split = { op: 'split' as const, to: program.length + 1, or: 0 };
    program.push(split);
    emit(compiler, choice);
    const jump = { op: 'jump' as const, to: 0 };
    program.push(jump);
    jumps.push(jump);
    split.or = program.length;
  });
  for (const jump of jumps) jump.to = program.length;
}

function emitRepeat(compiler: Compiler, part: PatternNode, least: number, most: number): void {
  const { program } = compiler;
  for (let i = 0; i < least; i++) emit(compiler, part);
  if (most === Number.POSITIVE_INFINITY) {
    const start = program.length;
    const split = { op: 'split' as const, to: start + 1, or: 0 };
    program.push(split);
    emit(compiler, part);
    program.push({ op: 'jump', to: start });
    split.or = program.length;
    return;
  }
  const splits: { or: number }[] = [];
  for (let i = least; i < most; i++) {
    const split = { op: 'split' as const, to: program.length + 1, or: 0 };
    program.push(split);
    splits.push(split);
    emit(compiler, part);
  }
  for (const split of splits) split.or = program.length;
}

/** The places of a program that are reached before one character of the text. */
interface States {
  list: number[];
  /** By place, the last character before which it was reached. */
  reachedAt: Int32Array;
}

function runs(program: Instruction[], text: string): boolean {
  const characters = [...text];
  const reachedAt = new Int32Array(program.length).fill(-1);
  let list: number[] = [];
  for (let index = 0; index <= characters.length; index++) {
    // It may begin anywhere.
    if (follow(program, { list, reachedAt }, 0, index, characters.length)) return true;
    const character = characters[index];
    if (character === undefined) return false;
    const next: number[] = [];
    for (const at of list) {
      const instruction = program[at];
      if (instruction?.op !== 'character' || !instruction.matches(character)) continue;
      if (follow(program, { list: next, reachedAt }, at + 1, index + 1, characters.length)) return true;
    }
    list = next;
  }
  return false;
}

/** Adds to `states` all that is reached from `from` without a character; true where that is the end of the program. */
function follow(
  program: Instruction[],
  { list, reachedAt }: States,
  from: number,
  index: number,
  length: number,
): boolean {
  if (reachedAt[from] === index) return false;
  const waiting = [from];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (reachedAt[at] === index) continue;
    reachedAt[at] = index;
    const instruction = program[at];
    if (instruction === undefined || instruction.op === 'done') return true;
    if (instruction.op === 'character') list.push(at);
    if (instruction.op === 'jump') waiting.push(instruction.to);
    if (instruction.op === 'split') waiting.push(instruction.or, instruction.to);
    if (instruction.op === 'begin' && index === 0) waiting.push(at + 1);
    if (instruction.op === 'end' && index === length) waiting.push(at + 1);
  }
  return false;
}
