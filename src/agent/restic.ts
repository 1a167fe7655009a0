import type { Locking } from '../restic/arguments.ts';
import { explainExit } from '../restic/exit-codes.ts';
import { parseErrorLine } from '../restic/messages.ts';
import { redact } from '../restic/redact.ts';
import type { Agent } from './agent.ts';
import { Contact } from './contact.ts';
import { HostFailure } from './failure.ts';
import { lockWaitMs } from './lock-wait.ts';
import { runProcess } from './process.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { removeStaleLocks } from './stale-locks.ts';
import { Stopped, stopOf } from './stop.ts';

export interface ResticCommand {
  /** Its arguments, given how long it waits for a lock. */
  args: (locking: Required<Locking>) => readonly string[];
  signal: AbortSignal;
  /** Is given each line of stdout, and of stderr. Without it stdout is returned. */
  onLine?: (line: string, isError: boolean) => void;
  /** Whether it says nothing before its end, however long it works. */
  isSilent?: boolean;
  /** Exit codes that are no failure. */
  accept?: readonly number[];
}

export interface ResticResult {
  code: number;
  stdout: string;
}

/** Characters of stdout that are kept, and lines of stderr. */
const mostOutput = 16 * 1024 * 1024;
const mostErrors = 20;

/** How long a command waits for a lock until it is looked into who holds it, in milliseconds. */
const lookAtLocksEvery = 300_000;

/**
 * Runs one restic command in a repository, and again where another holds it, for as long as its session has. A lock whose holder is gone is
 * removed.
 *
 * @throws {HostFailure} for every exit code but 0 and those of `accept`, by code alone; `OutputTooLong` where stdout cannot be returned whole
 * @throws {Stopped} where `signal` was aborted
 */
export async function runRestic(
  agent: Agent,
  access: RepositoryAccess,
  command: ResticCommand,
): Promise<ResticResult> {
  const began = agent.clock.now();
  const until = began + lockWaitMs(began, access.deadline);
  for (let isLast = false; ; ) {
    const start = agent.clock.now();
    const waitMs = Math.min(Math.max(0, until - start), lookAtLocksEvery);
    try {
      return await runOnce(agent, access, command, waitMs);
    } catch (error) {
      if (isLast || !(error instanceof HostFailure) || error.reason !== 'RepositoryLocked') throw error;
      const now = agent.clock.now();
      const hasRemoved = await hasRemovedLocks(agent, access, command.signal);
      isLast = now >= until;
      // One that does not wait as it is told would not another time.
      const hasWaited = now - start >= Math.floor(waitMs / 1000) * 1000;
      if (!hasRemoved && (isLast || !hasWaited)) throw error;
    }
  }
}

/** Who cannot look into the locks, of a repository that cannot be written to perhaps, waits as if they were held. */
async function hasRemovedLocks(
  agent: Agent,
  access: RepositoryAccess,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const run = async (args: ResticCommand['args']) =>
      (await runOnce(agent, access, { args, signal }, 0)).stdout;
    return (await removeStaleLocks(agent, run)) > 0;
  } catch (error) {
    if (error instanceof Stopped) throw error;
    agent.logger.warn({ err: error }, 'it cannot be told whether the locks of the repository are held');
    return false;
  }
}

async function runOnce(
  agent: Agent,
  access: RepositoryAccess,
  command: ResticCommand,
  waitMs: number,
): Promise<ResticResult> {
  const { args, signal, onLine, isSilent = false, accept = [] } = command;
  const [verb = '', ...rest] = args({ retryLock: `${Math.floor(waitMs / 1000)}s` });
  const stdout: string[] = [];
  const stderr: string[] = [];
  let length = 0;
  const keep = (line: string): void => {
    length += line.length;
    if (length <= mostOutput) stdout.push(line);
  };
  const began = agent.clock.now();
  const contact = new Contact(agent.clock, waitMs);
  if (isSilent) contact.made();
  const end = await runProcess({
    command: agent.restic,
    args: [verb, ...access.options, ...rest],
    ...(access.niceness !== undefined && { niceness: access.niceness }),
    env: access.env,
    spawn: agent.spawn,
    clock: agent.clock,
    signal: AbortSignal.any([signal, contact.lost]),
    onStdout: (line) => {
      contact.made();
      (onLine ?? keep)(line, false);
    },
    onStderr: (line) => {
      onLine?.(line, true);
      if (contact.lost.aborted) return;
      contact.complained();
      // Before it is cut, or half of a secret could stay.
      stderr.push(textOf(redact(line, access.secrets)));
      if (stderr.length > mostErrors) stderr.shift();
    },
  });
  contact.made();
  const tookMs = Math.round(agent.clock.now() - began);
  agent.logger.info({ restic: verb, code: end.code, killedBy: end.killedBy, tookMs }, 'restic ended');
  if (end.code !== undefined && (end.code === 0 || accept.includes(end.code))) {
    // What is left could be read as less than there is: no snapshots, nothing removed.
    if (onLine === undefined && (end.isCut === true || length > mostOutput)) throw tooLong(verb);
    return { code: end.code, stdout: stdout.join('\n') };
  }
  if (signal.aborted) throw stopOf(signal);
  if (contact.lost.aborted) {
    const said = stderr.at(-1) ?? 'nothing';
    throw new HostFailure(
      'RepositoryUnreachable',
      `restic ${verb} could not reach the repository for ${contact.seconds} s and was stopped. Check the backend of the Repository, and the credentials and CA_CERT_DATA of its Secret. restic said: ${said}`,
    );
  }
  if (end.failure !== undefined) {
    throw new HostFailure('ResticFailed', `restic could not be started: ${end.failure}`);
  }
  const failure = explainExit({
    command: verb,
    code: end.code ?? null,
    signal: end.killedBy ?? null,
    stderr: stderr.join('\n'),
    ...(access.hostPath !== undefined && { hostPath: access.hostPath }),
    secrets: access.secrets,
  });
  throw new HostFailure(failure?.reason ?? 'ResticFailed', failure?.message ?? 'restic failed');
}

function tooLong(verb: string): HostFailure {
  return new HostFailure(
    'OutputTooLong',
    `restic ${verb} ended well, but what it did cannot be told: it said more than the agent has memory for. Keep fewer snapshots: a retentionPolicy bounds them, and "restic forget" elsewhere does it once`,
  );
}

/** What restic said, without what is secret. */
export function redacted(access: RepositoryAccess, text: string): string {
  return redact(text, access.secrets);
}

function textOf(line: string): string {
  const message = parseErrorLine(line);
  if (message.type === 'text') return message.text;
  if (message.type === 'exit') return message.message;
  return message.type === 'error' ? `${message.item}: ${message.message}` : '';
}
