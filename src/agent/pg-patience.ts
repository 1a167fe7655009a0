import { sleep } from '../kube/clock.ts';
import type { Agent } from './agent.ts';
import type { PostgresAccess } from './pg-connection.ts';
import { runProcess } from './process.ts';

/** How long a server is waited for that does not answer, in milliseconds: it may be starting, or on its way to another node. */
const PATIENCE_MS = 60_000;
const POLL_MS = 2_000;

/**
 * What pg_isready ends with while a later try may fare better: the server is starting, or nothing answers.
 *
 * @see https://www.postgresql.org/docs/15/app-pg-isready.html
 */
const NOT_YET = [1, 2];

/** Waits for the server until it answers, or has had time enough. What it has to say then, whoever asks it hears. */
export async function awaitServer(
  agent: Pick<Agent, 'spawn' | 'clock' | 'programPath' | 'logger'>,
  { env }: PostgresAccess,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, programPath, spawn } = agent;
  const until = clock.now() + PATIENCE_MS;
  for (;;) {
    const end = await runProcess({
      command: 'pg_isready',
      args: ['--quiet'],
      env: { PATH: programPath, ...env },
      spawn,
      clock,
      signal,
      onStdout: () => {},
      onStderr: () => {},
    });
    const isOver = end.code === undefined || !NOT_YET.includes(end.code) || clock.now() >= until;
    if (isOver || signal.aborted) return;
    logger.info({ host: env.PGHOST }, 'the server does not answer yet; trying again');
    await sleep(clock, POLL_MS, signal);
  }
}
