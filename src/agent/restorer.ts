import { parseDuration } from '../api/duration.ts';
import { hostNameOf } from '../api/hosts.ts';
import { RESTORE_SESSIONS } from '../api/resources.ts';
import type { RestoreHost, RestoreSession, RestoreStat } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { sleep, timestamp } from '../kube/clock.ts';
import type { Agent } from './agent.ts';
import { hostOf } from './duty.ts';
import { agentRestarted, failureOf } from './failure.ts';
import type { Owner } from './own-node.ts';
import { Report } from './report.ts';
import { restore } from './restore.ts';
import { boundCache, prepareScratch } from './scratch.ts';
import { seldom } from './seldom.ts';
import { look, stopPollMs, watchForStop } from './session-view.ts';
import { Stopped } from './stop.ts';

export interface RestoreOptions extends Agent {
  /** Names of the RestoreSessions that it serves. */
  sessions: readonly string[];
  owner: Owner;
}

/** After so long without a word of a session, in milliseconds, the pod is let go on. */
const blindMs = 120_000;

/** How long the pod is kept from starting only because the result of its restore is not accepted, in milliseconds. */
const unreportedMs = 300_000;

const shortestPollMs = 250;
const longestPollMs = 5_000;

/**
 * Serves the RestoreSessions before the containers of the pod start, and answers 0 once each is over, gone, done here, or past its
 * deadline. A restore that fails is told by its session: the workload runs on all the same.
 */
export async function runRestore(options: RestoreOptions): Promise<number> {
  const { sessions, clock, signal, logger } = options;
  await prepareScratch(options);
  // A process that was killed in the middle has removed nothing.
  await boundCache(options, 0);
  const began = clock.now();
  const warn = seldom(clock);
  const waiting = new Map(sessions.map((name) => [name, clock.now()]));
  while (waiting.size > 0 && !signal.aborted) {
    for (const [name, readAt] of waiting) {
      const view = await look<RestoreSession>(options, RESTORE_SESSIONS, name, warn);
      if (view === 'unknown') {
        if (clock.now() - readAt < blindMs) continue;
        logger.error(
          { session: name },
          'the session cannot be read for two minutes: the pod goes on without',
        );
        waiting.delete(name);
        continue;
      }
      waiting.set(name, clock.now());
      const finished = view === 'gone' || isFinished(options, view) || (await serve(options, view));
      if (!finished) continue;
      logger.info({ session: name }, 'nothing is left to do for the session');
      waiting.delete(name);
    }
    if (waiting.size === 0) break;
    // A tenth of the wait so far: soon where it is short, and no burden on the API server where hundreds of pods wait for hours.
    const wait = Math.min(longestPollMs, Math.max(shortestPollMs, (clock.now() - began) / 10));
    await sleep(clock, wait, signal);
  }
  return 0;
}

/** Whether this pod has nothing to do, and nothing to wait for. */
function isFinished({ clock, identity }: RestoreOptions, session: RestoreSession): boolean {
  if (isOver(session) || session.metadata.deletionTimestamp !== undefined) return true;
  const own = hostOf<RestoreHost>(session, identity.podUID);
  const host = own ?? hostOfThisName(session, identity);
  if (host?.phase === 'Succeeded' || host?.phase === 'Failed') return true;
  if (own !== undefined) return false;
  // The hosts are frozen as the session starts: this pod came later, as one more.
  if (session.status?.phase === 'Running' && host === undefined) return true;
  return clock.now() >= deadlineOf(session);
}

/** The entry of the host that this pod is: it may have no pod yet, or another, a predecessor of this one or one beside it. */
function hostOfThisName(
  { spec, status }: RestoreSession,
  identity: RestoreOptions['identity'],
): RestoreHost | undefined {
  const name = hostNameOf(spec.target.ref.kind, identity);
  return status?.hosts?.find(({ host }) => host === name);
}

/** Milliseconds since the epoch. */
function deadlineOf({ metadata, spec, status }: RestoreSession): number {
  if (status?.deadline !== undefined) return Date.parse(status.deadline);
  return Date.parse(metadata.creationTimestamp ?? '') + parseDuration(spec.timeout);
}

/** Restores, where the session says that this pod does. Answers whether it did, well or not. */
async function serve(options: RestoreOptions, session: RestoreSession): Promise<boolean> {
  const { identity, clock, logger } = options;
  const host = hostOf<RestoreHost>(session, identity.podUID);
  if (host === undefined || session.status?.phase !== 'Running') return false;
  const { name, uid = '' } = session.metadata;
  const { podName: _name, podUID: _uid, ...entry } = host;
  const stats = session.status.stats?.filter(({ hostname }) => hostname === host.host);
  const report = new Report<RestoreHost, RestoreStat>(
    options,
    RESTORE_SESSIONS,
    { name, uid, namespace: identity.namespace },
    entry,
    stats,
  );
  const end =
    host.phase === 'Running'
      ? ({ phase: 'Failed', ...agentRestarted } as const)
      : await restoreUnlessStopped(options, session, report);
  report.rest();
  report.tell({
    reason: undefined,
    message: undefined,
    ...end,
    completionTime: timestamp(clock.now()),
    progress: undefined,
  });
  logger.info({ session: name, ...end }, 'restore ended');
  await acceptedInTime(options, session, report);
  report.close();
  return true;
}

async function restoreUnlessStopped(
  options: RestoreOptions,
  session: RestoreSession,
  report: Report<RestoreHost, RestoreStat>,
): Promise<Pick<RestoreHost, 'phase' | 'reason' | 'message'>> {
  const { clock, logger, owner, signal } = options;
  const stop = new AbortController();
  const onTermination = (): void => stop.abort(new Stopped('Terminated'));
  signal.addEventListener('abort', onTermination, { once: true });
  if (signal.aborted) onTermination();
  const deadline = clock.setTimeout(
    () => stop.abort(new Stopped('DeadlineExceeded')),
    deadlineOf(session) - clock.now(),
  );
  const done = new AbortController();
  const onStop = (stopped: Stopped): void => {
    if (!stopped.isReported) report.close();
    stop.abort(stopped);
  };
  void watchForStop(options, RESTORE_SESSIONS, session, () => true, onStop, done.signal);
  report.beat();
  report.tell({ phase: 'Running', startTime: timestamp(clock.now()) });
  logger.info({ session: session.metadata.name, host: report.entry.host }, 'restore begins');
  try {
    stop.signal.throwIfAborted();
    return { phase: 'Succeeded', ...(await restore(options, session, report, owner, stop.signal)) };
  } catch (error) {
    return { phase: 'Failed', ...failureOf(error) };
  } finally {
    done.abort();
    deadline.cancel();
    signal.removeEventListener('abort', onTermination);
    // Its volume stays with the pod for as long as that runs, and nothing uses the cache again.
    await boundCache(options, 0);
  }
}

/** The result is not to be lost over an outage, and the workload not to be kept down by one, or by a session that is over. */
async function acceptedInTime(
  options: RestoreOptions,
  session: RestoreSession,
  report: Report<RestoreHost, RestoreStat>,
): Promise<void> {
  const { clock, signal, logger } = options;
  const late = new AbortController();
  const limit = signal.aborted ? new Stopped('Terminated').graceMs : unreportedMs;
  void closeWhenOver(options, session, report, late.signal);
  const isAccepted = await Promise.race([
    report.accepted(),
    sleep(clock, limit, late.signal).then(() => undefined),
  ]);
  late.abort();
  if (isAccepted === undefined) {
    logger.error({ session: session.metadata.name }, 'the result was not accepted: the pod goes on without');
  }
}

/** Nobody wants a report on a session that is over or gone, and the operator admits none. */
async function closeWhenOver(
  options: RestoreOptions,
  session: RestoreSession,
  report: Report<RestoreHost, RestoreStat>,
  done: AbortSignal,
): Promise<void> {
  const { clock } = options;
  const warn = seldom(clock);
  for (;;) {
    await sleep(clock, stopPollMs, done);
    if (done.aborted) return;
    const view = await look<RestoreSession>(options, RESTORE_SESSIONS, session.metadata.name, warn);
    if (view === 'unknown') continue;
    if (view === 'gone' || view.metadata.uid !== session.metadata.uid || isOver(view)) return report.close();
  }
}
