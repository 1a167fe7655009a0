import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface RunningCommand {
  /** Settles with what a shell would give as `$?`. */
  status: Promise<number>;
  stop(signal: NodeJS.Signals): void;
}

/** How long a COMMAND may take to end once it is told to. */
const grace = 10_000;

/** COMMAND has the caller's terminal: what it reads, prints and is told by Ctrl-C is nobody else's. */
export function startCommand(
  command: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): RunningCommand {
  const [program = '/bin/sh', ...args] = command.length > 0 ? command : [env.SHELL ?? '/bin/sh'];
  const child = spawn(program, args, { cwd, env, stdio: 'inherit' });
  const status = new Promise<number>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      process.stderr.write(`${program}: ${error.code === 'ENOENT' ? 'not found' : error.message}\n`);
      resolve(error.code === 'ENOENT' ? 127 : 126);
    });
    child.on('exit', (code, signal) => resolve(code ?? signalStatus(signal)));
  });
  return {
    status,
    stop(signal) {
      child.kill(signal);
      setTimeout(() => child.kill('SIGKILL'), grace).unref();
    },
  };
}

/** What a shell gives for a program that a signal ended. */
export function signalStatus(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}
