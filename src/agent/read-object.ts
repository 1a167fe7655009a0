import type { Resource } from '../api/resources.ts';
import { backoffMs } from '../kube/backoff.ts';
import { sleep } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import type { ApiObject } from '../kube/object.ts';
import type { Agent } from './agent.ts';
import { HostFailure } from './failure.ts';
import { seldom } from './seldom.ts';
import { stopOf } from './stop.ts';

const attemptMs = 10_000;
const backoff = { baseMs: 250, maxMs: 15_000 };

/**
 * An object of the agent's namespace. Whatever keeps it from being read is waited out, until `signal` ends it: an outage, and a right
 * that is about to be given.
 *
 * @throws {HostFailure} where there is no such object: `BackupConfigurationNotFound`, `RepositoryNotFound`, …
 * @throws {Stopped} where `signal` was aborted
 */
export async function readObject<T extends ApiObject>(
  agent: Agent,
  resource: Resource,
  name: string,
  signal: AbortSignal,
): Promise<T> {
  const { client, clock, random, logger, identity } = agent;
  const warn = seldom(clock);
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) throw stopOf(signal);
    try {
      return await client.get<T>(resource, name, identity.namespace, { signal, timeoutMs: attemptMs });
    } catch (error) {
      if (signal.aborted) throw stopOf(signal);
      if (isNotFound(error)) {
        throw new HostFailure(
          `${resource.kind}NotFound`,
          `there is no ${resource.kind} ${name} in namespace ${identity.namespace}`,
        );
      }
      const wait = backoffMs(attempt, { ...backoff, random });
      warn(() =>
        logger.warn({ kind: resource.kind, name, attempt, err: error }, 'an object could not be read'),
      );
      await sleep(clock, wait, signal);
    }
  }
}
