import type { Resource } from '../api/resources.ts';
import { sleep } from '../kube/clock.ts';
import { isNotFound } from '../kube/errors.ts';
import type { Agent } from './agent.ts';
import { type AnySession, whyStop } from './duty.ts';
import { seldom } from './seldom.ts';
import { Stopped } from './stop.ts';

/** A session as it is now; gone, or not to be read for the moment. */
export type View<Session> = Session | 'gone' | 'unknown';

const readTimeoutMs = 10_000;

/** So long between two looks at a session that work is done for, in milliseconds. */
export const stopPollMs = 2_000;

/** Looks at the session `name` once. */
export async function look<Session extends AnySession>(
  { client, identity, logger, signal }: Agent,
  resource: Resource,
  name: string,
  warn: (say: () => void) => void,
): Promise<View<Session>> {
  try {
    return (await client.get(resource, name, identity.namespace, {
      signal,
      timeoutMs: readTimeoutMs,
    })) as unknown as Session;
  } catch (error) {
    if (isNotFound(error)) return 'gone';
    if (!signal.aborted) {
      warn(() => logger.warn({ session: name, err: error }, 'the session could not be read'));
    }
    return 'unknown';
  }
}

/**
 * Looks every now and then whether the session still wants what is done for it, until `done`.
 *
 * @param atWork - whether the host is not settled by the agent itself
 * @param onStop - is given why it does not
 */
export async function watchForStop(
  agent: Agent,
  resource: Resource,
  session: AnySession,
  atWork: () => boolean,
  onStop: (stopped: Stopped) => void,
  done: AbortSignal,
): Promise<void> {
  const { clock, identity } = agent;
  const warn = seldom(clock);
  while (!done.aborted) {
    await sleep(clock, stopPollMs, done);
    if (done.aborted) return;
    const view = await look(agent, resource, session.metadata.name, warn);
    if (view === 'unknown') continue;
    const isSame = view !== 'gone' && view.metadata.uid === session.metadata.uid;
    const stopped = isSame ? whyStop(view, identity.podUID, atWork()) : new Stopped('SessionOver');
    if (stopped !== undefined) onStop(stopped);
  }
}
