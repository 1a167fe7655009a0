import type { Clock } from '../kube/clock.ts';
import type { Spawn } from './agent.ts';
import { LineBuffer } from './lines.ts';
import { giveWay } from './niceness.ts';
import { stopOf } from './stop.ts';

export interface ProcessOptions {
  command: string;
  args: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  spawn: Spawn;
  /** By how much it gives way to the agent and to others, as nice(1) has it. */
  niceness?: number;
  clock: Clock;
  /** Ends the process: SIGINT, and SIGKILL when it has not ended after the grace of the {@link Stopped} that is the reason. */
  signal: AbortSignal;
  onStdout: (line: string) => void;
  onStderr: (line: string) => void;
}

/** Heartbeats have to go out while restic takes all of the container's CPU. */
const usualNiceness = 10;

export interface ProcessEnd {
  /** Undefined where a signal ended it, or it could not be started. */
  code?: number;
  killedBy?: string;
  /** Why it could not be started. */
  failure?: string;
  /** A line of stdout was too long, and was passed over. */
  isCut?: true;
}

/**
 * Runs a program to its end. Never throws: whoever runs it judges by the end.
 *
 * Where the signal is aborted before, nothing is started.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const { command, args, env, spawn, clock, signal, niceness = usualNiceness } = options;
  if (signal.aborted) return { failure: stopOf(signal).message };
  const child = spawn(command, args, env);
  if (child.pid !== undefined) giveWay(child.pid, niceness);
  const stdout = new LineBuffer(options.onStdout);
  const stderr = new LineBuffer(options.onStderr);
  child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));

  let kill = (): void => {};
  const stop = (): void => {
    child.kill('SIGINT');
    const timer = clock.setTimeout(() => child.kill('SIGKILL'), stopOf(signal).graceMs);
    kill = () => timer.cancel();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<ProcessEnd>((resolve) => {
      // Without a pid there will be no `close`.
      child.on('error', (error) => {
        if (child.pid === undefined) resolve({ failure: error.message });
      });
      child.on('close', (code, killedBy) => {
        stdout.end();
        stderr.end();
        resolve({
          ...(code !== null && { code }),
          ...(killedBy !== null && { killedBy }),
          ...(!stdout.isWhole && { isCut: true }),
        });
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    kill();
  }
}
