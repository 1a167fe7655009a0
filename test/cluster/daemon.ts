import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterFailure } from './failure.ts';
import { lastLines } from './run.ts';

/** One of the cluster's processes. */
export interface Daemon {
  name: string;
  log: string;
  /** How it ended, where it has. */
  ended(): string | undefined;
}

export interface DaemonOptions {
  args: readonly string[];
  env?: Record<string, string>;
}

/**
 * Starts `name` in a session of its own, so that a Ctrl-C meant for COMMAND does not end the cluster first.
 *
 * It runs from `daemons/NAME.sh`, with which a test that has killed it starts it again.
 */
export function startDaemon(state: string, name: string, options: DaemonOptions): Daemon {
  const log = join(state, 'logs', `${name}.log`);
  const script = join(state, 'daemons', `${name}.sh`);
  const env = Object.entries(options.env ?? {}).map(([key, value]) => `export ${key}=${quote(value)}\n`);
  writeFileSync(
    script,
    `#!/bin/sh
cd ${quote(state)} || exit 1
echo $$ > pids/${name}.pid
${env.join('')}exec ${[name, ...options.args].map(quote).join(' ')} >> ${quote(log)} 2>&1 < /dev/null
`,
    { mode: 0o755 },
  );
  const sink = openSync(log, 'a');
  const child: ChildProcess = spawn('/bin/sh', [script], { detached: true, stdio: ['ignore', sink, sink] });
  let end: string | undefined;
  child.on('error', (error) => {
    end = error.message;
  });
  child.on('exit', (code, signal) => {
    end = signal === null ? `status ${code}` : String(signal);
  });
  return { name, log, ended: () => end };
}

/**
 * Waits until `ready` holds.
 *
 * @param daemons - what it depends on: where one of them ends, waiting longer is of no use
 * @throws {ClusterFailure} with the last lines of their logs
 */
export async function waitFor(
  what: string,
  ready: () => Promise<boolean>,
  daemons: readonly Daemon[],
  limit = 90_000,
  interval = 50,
): Promise<void> {
  const until = Date.now() + limit;
  while (!(await ready())) {
    const dead = daemons.find((daemon) => daemon.ended() !== undefined);
    if (dead !== undefined) {
      throw new ClusterFailure(
        `${dead.name} ended (${dead.ended()}) before ${what}. ${tailOf(dead)}\n${allLogs}`,
      );
    }
    if (Date.now() > until) {
      throw new ClusterFailure(
        `${what}: not within ${limit / 1000} s. ${daemons.map(tailOf).join('\n')}\n${allLogs}`,
      );
    }
    await sleep(interval);
  }
}

const allLogs = 'With --keep-logs DIR all logs are kept.';

function tailOf(daemon: Daemon): string {
  return `The end of its log (${daemon.name}):\n${lastLines(readFileSync(daemon.log, 'utf8'))}`;
}

export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
