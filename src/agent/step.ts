import { writeFile } from 'node:fs/promises';
import type { BackupHost, BackupSession, BackupStat } from '../api/backup-session.ts';
import { BACKUP_SESSIONS, RESTORE_SESSIONS, type Resource } from '../api/resources.ts';
import type { RestoreHost, RestoreSession, RestoreStat } from '../api/restore-session.ts';
import { isOver } from '../api/sessions.ts';
import { sleep, timestamp } from '../kube/clock.ts';
import type { Agent } from './agent.ts';
import { hostOf } from './duty.ts';
import { failureOf, HostFailure } from './failure.ts';
import { readObject } from './read-object.ts';
import { type EntryChange, Report } from './report.ts';
import { prepareScratch } from './scratch.ts';
import { watchForStop } from './session-view.ts';
import { Stopped } from './stop.ts';

/* What all steps of a Task have in common that are ours: the pod of a Job runs them one after another, for one host of one session. */

export interface StepAgent extends Agent {
  /** Where a container leaves what Kubernetes shows of its end; see {@link runBackupStep}. */
  terminationLog: string;
}

/** A step at work. */
export interface Step<Session, Host extends { host: string }, Stat extends HostStat> {
  /** As it was when the step began. */
  session: Session;
  report: Report<Host, Stat>;
  /** Ends the work: the session is cancelled, over or past its deadline, or the pod is terminated. */
  signal: AbortSignal;
  /** Says how the host ended. What the operator says of it from then on is no reason to stop. */
  settle(end: Pick<BackupHost, 'phase' | 'reason' | 'message'>): void;
}

interface HostStat {
  hostname: string;
  directory: string;
}

export type BackupStep = Step<BackupSession, BackupHost, BackupStat>;
export type RestoreStep = Step<RestoreSession, RestoreHost, RestoreStat>;

const appointmentPollMs = 500;

/** kubelet cuts a termination message at 4096 bytes, wherever that is. */
const longestTermination = 4096;

/**
 * Runs one step of the BackupSession `name`, once the session names this pod. Resolves with the exit status.
 *
 * A step that fails leaves `REASON: sentence` as its termination message and exits with 1: the operator, which watches the Job, settles
 * the host by it. What the step has said on `report` until then is accepted first.
 */
export function runBackupStep(
  agent: StepAgent,
  name: string,
  work: (step: BackupStep) => Promise<void>,
): Promise<number> {
  return runStep<BackupSession, BackupHost, BackupStat>(agent, BACKUP_SESSIONS, name, work);
}

/** The same of the RestoreSession `name`. */
export function runRestoreStep(
  agent: StepAgent,
  name: string,
  work: (step: RestoreStep) => Promise<void>,
): Promise<number> {
  return runStep<RestoreSession, RestoreHost, RestoreStat>(agent, RESTORE_SESSIONS, name, work);
}

async function runStep<
  Session extends BackupSession | RestoreSession,
  Host extends BackupHost | RestoreHost,
  Stat extends HostStat,
>(
  agent: StepAgent,
  resource: Resource,
  name: string,
  work: (step: Step<Session, Host, Stat>) => Promise<void>,
): Promise<number> {
  const { clock, identity, logger } = agent;
  await prepareScratch(agent);
  const stop = new AbortController();
  const terminate = (): void => stop.abort(new Stopped('Terminated'));
  agent.signal.addEventListener('abort', terminate, { once: true });
  if (agent.signal.aborted) terminate();
  const done = new AbortController();
  let report: Report<Host, Stat> | undefined;
  try {
    const session = await appointment<Session>(agent, resource, name, stop.signal);
    report = reportOf<Host, Stat>(agent, resource, session);
    const said = report;
    const { deadline } = session.status ?? {};
    if (deadline !== undefined) {
      const timer = clock.setTimeout(
        () => stop.abort(new Stopped('DeadlineExceeded')),
        Date.parse(deadline) - clock.now(),
      );
      done.signal.addEventListener('abort', () => timer.cancel(), { once: true });
    }
    let atWork = true;
    const onStop = (stopped: Stopped): void => {
      if (!stopped.isReported) said.close();
      stop.abort(stopped);
    };
    void watchForStop(agent, resource, session, () => atWork, onStop, done.signal);
    const settle: Step<Session, Host, Stat>['settle'] = (end) => {
      atWork = false;
      const entry: EntryChange<BackupHost> = {
        ...{ reason: undefined, message: undefined, ...end },
        completionTime: timestamp(clock.now()),
        progress: undefined,
      };
      said.tell(entry as EntryChange<Host>);
      logger.info({ session: name, ...end }, 'the host is settled');
    };
    await work({ session, report, signal: stop.signal, settle });
    await acceptedInTime(agent, report);
    return 0;
  } catch (error) {
    const failure = failureOf(error);
    logger.error({ session: name, pod: identity.podName, ...failure }, 'the step failed');
    if (report !== undefined) await acceptedInTime(agent, report);
    await tellTermination(agent, failure);
    return 1;
  } finally {
    report?.close();
    done.abort();
    agent.signal.removeEventListener('abort', terminate);
  }
}

/** The session, once it runs and names this pod. */
async function appointment<Session extends BackupSession | RestoreSession>(
  agent: Agent,
  resource: Resource,
  name: string,
  signal: AbortSignal,
): Promise<Session> {
  for (;;) {
    const session = await readObject<Session>(agent, resource, name, signal);
    if (isOver(session) || session.metadata.deletionTimestamp !== undefined) throw new Stopped('SessionOver');
    if (session.status?.phase === 'Running' && hostOf(session, agent.identity.podUID) !== undefined) {
      return session;
    }
    // The operator ends the Job where it takes another pod.
    await sleep(agent.clock, appointmentPollMs, signal);
  }
}

function reportOf<Host extends BackupHost | RestoreHost, Stat extends HostStat>(
  agent: Agent,
  resource: Resource,
  session: BackupSession | RestoreSession,
): Report<Host, Stat> {
  const { name, uid = '' } = session.metadata;
  const host = hostOf<BackupHost | RestoreHost>(session, agent.identity.podUID);
  if (host === undefined) throw new HostFailure('GivenUp', 'the session names this pod no more');
  // Pod and uid are the operator's: what we apply, we would own.
  const { podName: _name, podUID: _uid, ...entry } = host;
  const stats: readonly HostStat[] = session.status?.stats ?? [];
  return new Report<Host, Stat>(
    agent,
    resource,
    { name, uid, namespace: agent.identity.namespace },
    entry as Host,
    stats.filter(({ hostname }) => hostname === host.host) as Stat[],
  );
}

/** What is not accepted within a while is left: the step's end tells the operator too. */
async function acceptedInTime(
  { clock, signal }: Agent,
  report: { accepted(): Promise<boolean> },
): Promise<void> {
  const late = new AbortController();
  const limitMs = signal.aborted ? 5_000 : 300_000;
  await Promise.race([report.accepted(), sleep(clock, limitMs, late.signal)]);
  late.abort();
}

async function tellTermination(
  { terminationLog, logger }: StepAgent,
  { reason, message }: { reason: string; message: string },
): Promise<void> {
  const bytes = Buffer.from(`${reason}: ${message}`).subarray(0, longestTermination);
  try {
    await writeFile(terminationLog, bytes);
  } catch (error) {
    logger.error({ err: error }, 'the termination message could not be written');
  }
}
