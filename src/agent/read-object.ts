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

type Reader = Pick<Agent, 'client' | 'clock' | 'random' | 'logger' | 'identity'>;

/**
 * An object of the agent's namespace. Whatever keeps it from being read is waited out, until `signal` ends it: an outage, and a right
 * that is about to be given.
 *
 * @throws {HostFailure} where there is no such object: `BackupConfigurationNotFound`, `RepositoryNotFound`, …
 * @throws {Stopped} where `signal` was aborted
 */
export async function readObject<T extends ApiObject>(
  agent: Reader,
  resource: Resource,
  name: string,
  signal: AbortSignal,
): Promise<T> {
  const { namespace } = agent.identity;
  return onceRead(agent, { kind: resource.kind, name }, signal, async () => {
    try {
      return await agent.client.get<T>(resource, name, namespace, { signal, timeoutMs: attemptMs });
    } catch (error) {
      if (!isNotFound(error) || signal.aborted) throw error;
      throw new HostFailure(
        `${resource.kind}NotFound`,
        `there is no ${resource.kind} ${name} in namespace ${namespace}`,
      );
    }
  });
}

/** The objects of the agent's namespace with these labels, read as {@link readObject} does. */
export function readObjects<T extends ApiObject>(
  agent: Reader,
  resource: Resource,
  labelSelector: string,
  signal: AbortSignal,
): Promise<T[]> {
  const { namespace } = agent.identity;
  return onceRead(agent, { kind: resource.kind, labelSelector }, signal, () =>
    agent.client.list<T>(resource, { namespace, labelSelector, signal, timeoutMs: attemptMs }),
  );
}

/** What `read` answers in the end; a failure of a host is an answer. */
async function onceRead<T>(
  { clock, random, logger }: Reader,
  what: object,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  const warn = seldom(clock);
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) throw stopOf(signal);
    try {
      return await read();
    } catch (error) {
      if (signal.aborted) throw stopOf(signal);
      if (error instanceof HostFailure) throw error;
      const wait = backoffMs(attempt, { ...backoff, random });
      warn(() => logger.warn({ ...what, attempt, err: error }, 'an object could not be read'));
      await sleep(clock, wait, signal);
    }
  }
}
