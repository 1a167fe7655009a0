import { backoffMs } from '../kube/backoff.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import type { ApiRequest, Connection } from '../kube/connection.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { stopOf } from './stop.ts';

/** Where a dump comes from. */
export interface ClusterSource {
  connection: Connection;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  signal: AbortSignal;
}

/** An API server that is being upgraded is away for a minute; one kind's own trouble is not waited for so long. */
const mostAttempts = { unreachable: 9, refused: 3 };
const backoff = { baseMs: 500, maxMs: 20_000 };

/**
 * The answer to a GET, asked for again where that may help.
 *
 * @throws {ApiError} where the server refuses for good
 * @throws {ConnectionError} where it stays away
 * @throws {Stopped} where the signal was aborted
 */
export async function read<T>(
  source: ClusterSource,
  request: Omit<ApiRequest, 'method' | 'signal'>,
): Promise<T> {
  const { connection, clock, random, signal } = source;
  for (let attempt = 1; ; attempt++) {
    try {
      return (await connection.request({ timeoutMs: 60_000, ...request, method: 'GET', signal })).body as T;
    } catch (error) {
      if (signal.aborted) throw stopOf(signal);
      if (attempt >= attemptsFor(error)) throw error;
      await sleep(clock, backoffMs(attempt, { ...backoff, random }), signal);
    }
  }
}

function attemptsFor(error: unknown): number {
  if (error instanceof ConnectionError) return mostAttempts.unreachable;
  return error instanceof ApiError && (error.status >= 500 || error.status === 429)
    ? mostAttempts.refused
    : 1;
}
