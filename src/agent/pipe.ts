import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Transform, Writable } from 'node:stream';
import type { Clock } from '../kube/clock.ts';
import type { Spawn } from './agent.ts';
import { LineBuffer } from './lines.ts';
import type { ProcessEnd } from './process.ts';
import { stopOf } from './stop.ts';

/** Starts a program as {@link Spawn} does, and with a standard input. */
export type SpawnFed = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => ChildProcessByStdio<Writable, null, Readable>;

export interface Command {
  command: string;
  args: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  onStderr: (line: string) => void;
}

export interface PipeOptions {
  from: Command;
  to: Command;
  /** What the bytes go through on their way. */
  through: Transform;
  spawn: Spawn;
  spawnFed: SpawnFed;
  clock: Clock;
  /** Ends both: SIGINT, and SIGKILL to what has not ended after the grace of the {@link Stopped} that is the reason. */
  signal: AbortSignal;
}

export interface PipeResult {
  from: ProcessEnd;
  to: ProcessEnd;
  /** How many bytes the first wrote. */
  bytes: number;
  /** Whether the second ended by itself while the first still had something to say. */
  endedEarly: boolean;
}

/**
 * Runs two programs, the output of the first being the input of the second. Never throws: whoever runs them judges by their ends.
 *
 * The second sees the end of its input only where the first has succeeded; otherwise it is killed. What just stops looks whole: a pipe of
 * a shell would let psql commit the half of a dump that restic could still read.
 */
export async function runPipe(options: PipeOptions): Promise<PipeResult> {
  const { through, clock, signal } = options;
  if (signal.aborted) {
    const failure = { failure: stopOf(signal).message };
    return { from: failure, to: failure, bytes: 0, endedEarly: false };
  }
  const to = options.spawnFed(options.to.command, options.to.args, options.to.env);
  const from = options.spawn(options.from.command, options.from.args, options.from.env);
  let bytes = 0;
  let endedEarly = false;
  from.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  // What cannot be written any more is told by the end of the program that should have read it.
  to.stdin.on('error', () => {});
  from.stdout.pipe(through).pipe(to.stdin, { end: false });
  const flushed = new Promise<void>((resolve) => through.once('end', resolve));

  const timers = new Set<{ cancel(): void }>();
  const stop = (): void => {
    for (const child of [from, to]) child.kill('SIGINT');
    timers.add(
      clock.setTimeout(() => {
        for (const child of [from, to]) child.kill('SIGKILL');
      }, stopOf(signal).graceMs),
    );
  };
  signal.addEventListener('abort', stop, { once: true });
  const fromEnd = endOf(from, options.from.onStderr);
  const toEnd = endOf(to, options.to.onStderr);
  let fromIsOver = false;
  try {
    const feeding = fromEnd.then(async (end) => {
      fromIsOver = true;
      if (end.code !== 0) return void to.kill('SIGKILL');
      await Promise.race([flushed, toEnd]);
      to.stdin.end();
    });
    const draining = toEnd.then(() => {
      if (fromIsOver) return;
      endedEarly = !signal.aborted;
      from.stdout.unpipe(through);
      from.stdout.resume();
      from.kill('SIGINT');
    });
    await Promise.all([feeding, draining]);
    return { from: await fromEnd, to: await toEnd, bytes, endedEarly };
  } finally {
    signal.removeEventListener('abort', stop);
    for (const timer of timers) timer.cancel();
  }
}

function endOf(
  child: ChildProcessByStdio<Writable | null, Readable | null, Readable>,
  onStderr: (line: string) => void,
): Promise<ProcessEnd> {
  const lines = new LineBuffer(onStderr);
  child.stderr.on('data', (chunk: Buffer) => lines.add(chunk));
  return new Promise((resolve) => {
    // Without a pid there will be no `close`.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ failure: error.message });
    });
    child.on('close', (code, killedBy) => {
      lines.end();
      resolve({ ...(code !== null && { code }), ...(killedBy !== null && { killedBy }) });
    });
  });
}
