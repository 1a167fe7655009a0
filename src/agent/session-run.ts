import type { BackupHost, BackupSession, BackupStat } from '../api/backup-session.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import { endOfLost } from '../api/sessions.ts';
import { type Timer, timestamp } from '../kube/clock.ts';
import type { Agent } from './agent.ts';
import { backUp } from './backup.ts';
import { type Duty, whyStop } from './duty.ts';
import { agentRestarted, failureOf } from './failure.ts';
import { Report } from './report.ts';
import { reportRetention } from './retention.ts';
import { Stopped } from './stop.ts';

/** What the agent does for one BackupSession, from when it learns of it until the session is over or gone. */
export class SessionRun {
  readonly #agent: Agent;
  readonly #report: Report<BackupHost, BackupStat>;
  readonly #stop = new AbortController();
  readonly #taken = new Set<'backup' | 'retention'>();
  readonly #onDeadline: () => void;
  #session: BackupSession;
  #atWork = false;
  #deadline: { at: number; timer: Timer } | undefined;

  /** @param onDeadline - is called when the deadline has stopped it */
  constructor(agent: Agent, session: BackupSession, host: BackupHost, onDeadline: () => void) {
    this.#agent = agent;
    this.#session = session;
    this.#onDeadline = onDeadline;
    const { name, uid = '' } = session.metadata;
    // Pod and uid are the operator's: what we apply, we would own.
    const { podName: _name, podUID: _uid, ...entry } = host;
    const stats = session.status?.stats?.filter(({ hostname }) => hostname === host.host);
    const reported = { name, uid, namespace: agent.identity.namespace };
    this.#report = new Report(agent, BACKUP_SESSIONS, reported, entry, stats);
  }

  get name(): string {
    return this.#session.metadata.name;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The session as it is now. */
  see(session: BackupSession): void {
    this.#session = session;
    const stopped = whyStop(session, this.#agent.identity.podUID, this.#atWork);
    const { deadline } = session.status ?? {};
    if (stopped !== undefined) this.stop(stopped);
    else if (deadline !== undefined) this.#setDeadline(Date.parse(deadline));
  }

  stop(stopped: Stopped): void {
    if (!stopped.isReported) this.#report.close();
    this.#deadline?.timer.cancel();
    this.#stop.abort(stopped);
  }

  /** Whether the duty is new; it is taken then, and has to be done. */
  take(duty: Duty): boolean {
    const work = duty === 'Backup' || duty === 'ReportLostBackup' ? 'backup' : 'retention';
    if (this.#taken.has(work)) return false;
    this.#taken.add(work);
    this.#atWork = work === 'backup';
    return true;
  }

  /** The duty has to wait, and the operator is not to give it up meanwhile. */
  queue(duty: Duty, behind: string): void {
    this.#report.beat();
    if (duty !== 'Backup') return;
    this.#report.tell({
      reason: 'Queued',
      message: `Waiting: the agent of this pod is busy with BackupSession ${behind}`,
    });
  }

  /** Never rejects. The report may go on afterwards, see {@link reported}. */
  async do(duty: Duty): Promise<void> {
    if (duty === 'Backup') return this.#backUp();
    if (duty === 'Retention') return this.#applyRetention();
    if (duty === 'ReportLostBackup') {
      this.#settle({ phase: 'Failed', ...endOfLost(this.#report.entry, agentRestarted) });
    } else this.#report.tell({ retention: { phase: 'Failed', ...agentRestarted } });
  }

  /** Resolves when all that was said is accepted, or nobody wants to know it any more. */
  async reported(): Promise<void> {
    await this.#report.accepted();
  }

  /** Gives up what is not reported yet. */
  close(): void {
    this.#deadline?.timer.cancel();
    this.#report.close();
  }

  async #backUp(): Promise<void> {
    const { clock, logger } = this.#agent;
    this.#report.beat();
    this.#report.tell({
      phase: 'Running',
      startTime: timestamp(clock.now()),
      reason: undefined,
      message: undefined,
    });
    logger.info({ session: this.name, host: this.#report.entry.host }, 'backup begins');
    try {
      this.#stop.signal.throwIfAborted();
      await backUp(this.#agent, () => this.#session, this.#report, this.#stop.signal);
      this.#settle({ phase: 'Succeeded' });
    } catch (error) {
      this.#settle({ phase: 'Failed', ...failureOf(error) });
    }
  }

  #settle(end: Pick<BackupHost, 'phase' | 'reason' | 'message'>): void {
    this.#atWork = false;
    this.#report.rest();
    this.#report.tell({ ...end, completionTime: timestamp(this.#agent.clock.now()), progress: undefined });
    this.#agent.logger.info({ session: this.name, ...end }, 'backup ended');
  }

  async #applyRetention(): Promise<void> {
    this.#report.beat();
    await reportRetention(this.#agent, this.#session, this.#report, this.#stop.signal);
    this.#report.rest();
  }

  #setDeadline(at: number): void {
    if (this.#deadline?.at === at || this.isStopped) return;
    this.#deadline?.timer.cancel();
    const { clock } = this.#agent;
    const timer = clock.setTimeout(() => {
      this.stop(new Stopped('DeadlineExceeded'));
      this.#onDeadline();
    }, at - clock.now());
    this.#deadline = { at, timer };
  }
}
