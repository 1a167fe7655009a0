import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { ClusterFailure } from './failure.ts';

export interface Outcome {
  status: number;
  stdout: string;
  /** The last part of stdout and stderr, as they came. */
  tail: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Milliseconds after which the program is killed. */
  timeout?: number;
}

/** What runs now. A build that nobody waits for any more must not go on. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill();
});

/** How much of what a program prints stands in an error's message. */
const shownLines = 30;

/** Runs a program and waits for its end; what it prints is kept, not shown. */
export function attempt(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const spawnOptions: SpawnOptions = { stdio: ['pipe', 'pipe', 'pipe'] };
  if (options.cwd !== undefined) spawnOptions.cwd = options.cwd;
  if (options.env !== undefined) spawnOptions.env = options.env;
  if (options.timeout !== undefined) {
    spawnOptions.timeout = options.timeout;
    spawnOptions.killSignal = 'SIGKILL';
  }
  return new Promise((resolve) => {
    const child = spawn(command, args, spawnOptions);
    children.add(child);
    const stdout: string[] = [];
    const all: string[] = [];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout.push(text);
      all.push(text);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => all.push(text));
    // A program that ends without reading its input is no error of ours.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const outcome = (status: number, more = ''): Outcome => ({
      status,
      stdout: stdout.join(''),
      tail: lastLines(all.join('') + more),
    });
    child.on('error', (error) => resolve(outcome(127, `${command}: ${error.message}`)));
    child.on('close', () => children.delete(child));
    child.on('close', (code, signal) =>
      resolve(outcome(code ?? 1, signal === null ? '' : `\nended by ${signal}`)),
    );
  });
}

/** Like `attempt`, but anything other than success is an error that shows what the program said. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const outcome = await attempt(command, args, options);
  if (outcome.status === 0) return outcome.stdout;
  throw new ClusterFailure(
    `${command} ${args.slice(0, 3).join(' ')} failed with status ${outcome.status}; it said:\n${outcome.tail}`,
  );
}

export function lastLines(text: string, count = shownLines): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
