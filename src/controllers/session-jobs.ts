import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { ConditionNow } from '../api/conditions.ts';
import { findCondition } from '../api/conditions.ts';
import type { Repository } from '../api/repository.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import { changeSince } from '../api/session-subject.ts';
import { endOfLost, SUCCEEDED } from '../api/sessions.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { found, isAlreadyExists, isForbidden, isInvalid } from '../kube/errors.ts';
import { jobs, pods } from '../kube/resource.ts';
import { jobOf, type TaskJob } from '../tasks/job.ts';
import type { TaskRun } from '../tasks/run.ts';
import { hasEnded, type Pod } from './agent-pods.ts';
import { claimInUse } from './claim-in-use.ts';
import type { Context } from './context.ts';
import type { HostWatch } from './host-watch.ts';
import type { Job } from './integrity-job.ts';
import { isOwnedBy, lookAtJob, PATIENCE } from './job-look.ts';
import { isOnLostNode, type JobState, type Trouble } from './job-state.ts';
import { describeHosts, type HostNow, isSettled, type Session } from './session-status.ts';
import { claimUserNow, invalidTask, isFault, type TaskFault, taskRunOf } from './task-run.ts';

/** How often the Job of a session is looked at: while it starts, and once it runs; in milliseconds. */
const LOOK_AT_START = 1_000;
const LOOK_EVERY = 3_000;

/** At its deadline the operator ends a session and tells why; where there is none just then, its Job ends itself so much later. */
const GRACE = 30_000;

/** So long the pod of a Job may go on once all is reported, in milliseconds: its last step pushes metrics. */
const USUAL_END = 60_000;

/** So long the steps of a Job that was stopped are waited for, in milliseconds: a pod has 30 s to end, and its node may not answer. */
const LONGEST_STOP = 120_000;

/**
 * So long where the node is lost, in milliseconds: nothing will tell of their end. If they run on all the same, steps of ours see in the
 * session that they are given up, and restic has 20 s to let go of the repository.
 */
const LONGEST_STOP_UNHEARD = 25_000;

/** What became of the Job of a session. */
export interface JobOutcome {
  hosts: HostNow[];
  /** What is to be said of the session meanwhile, where it is not said yet. */
  condition?: ConditionNow;
  /** Whether there is something to write. */
  changed: boolean;
  /** When to look again, in milliseconds. */
  lookAgainAfter: number;
}

/**
 * The Jobs of sessions that have a Task. All that is known of one is in the objects: its name is in the status of its session, so that
 * an operator that was restarted goes on where the one before was.
 */
export class SessionJobs {
  readonly #context: Context;
  readonly #hosts: HostWatch;

  constructor(context: Context, hosts: HostWatch) {
    this.#context = context;
    this.#hosts = hosts;
  }

  /** The Job that `session` would have now, or why it would have none. Nothing is made. */
  async resolve(
    session: Session,
    asking: BackupConfiguration | RestoreSession,
    repository: Repository,
  ): Promise<TaskJob | TaskFault> {
    const { caches, clock, injection, taskMetrics } = this.#context;
    const { name, namespace = '', uid } = session.metadata;
    const of = { kind: kindOf(session), name, namespace, ...(uid !== undefined && { uid }) };
    const run = taskRunOf(caches, of, asking, repository);
    if (isFault(run)) return run;
    const beside = await this.#beside(run);
    const inUse = this.#useOf(run, beside);
    if (inUse !== undefined) return inUse;
    const claimUser = this.#claimUser(run, beside);
    const deadline = instantOf(session.status?.deadline);
    const { job, problems } = jobOf(
      {
        ...run,
        ...(claimUser !== undefined && { claimUser }),
        ...(taskMetrics !== undefined && { metrics: taskMetrics }),
      },
      { ...injection, ...(deadline > 0 && { secondsLeft: (deadline + GRACE - clock.now()) / 1000 }) },
    );
    if (job !== undefined) return job;
    return invalidTask(problems);
  }

  /**
   * The one host of `session`, which runs: with its pod as soon as there is one, and settled where nothing more comes of its Job. The Job
   * is made where it is not there.
   *
   * @param asking - what the Job is made from; it may be gone by now
   * @param deletion - why the session is to end, where it is
   */
  async settle(
    session: Session,
    asking: BackupConfiguration | RestoreSession | undefined,
    repository: Repository | undefined,
    deletion?: Trouble,
  ): Promise<JobOutcome> {
    const hosts: HostNow[] = session.status?.hosts ?? [];
    const host = hosts.find((each) => !isSettled(each));
    if (host === undefined) return { hosts, changed: false, lookAgainAfter: LOOK_EVERY };
    const failed = (trouble: Trouble): JobOutcome => ({
      hosts: [
        {
          ...host,
          phase: 'Failed',
          ...endOfLost(host, trouble),
          completionTime: timestamp(this.#context.clock.now()),
        },
      ],
      changed: true,
      lookAgainAfter: 0,
    });
    if (deletion !== undefined) return failed(deletion);
    if (session.spec.cancel) return failed({ reason: 'Cancelled', message: 'the session was cancelled' });

    let state = await this.#look(session, host);
    if (state.kind === 'Absent') {
      const made = await this.#create(session, asking, repository);
      if (made.kind === 'Never') return failed(made.trouble);
      state = made.state;
    }
    if (state.kind === 'Over') return failed(state.trouble);
    // Where it was too late for the claim, it may not lie in wait for it: the next pod of a workload would wait for the Job.
    if (asking !== undefined && state.kind === 'Waits' && state.trouble?.reason === 'PodUnschedulable') {
      const inUse = await this.#faultOfUse(session, asking, state.pod);
      if (inUse !== undefined) return failed(inUse);
    }
    const now = this.#context.clock.now();
    const trouble = state.kind === 'Waits' ? state.trouble : undefined;
    const deadline = instantOf(session.status?.deadline);
    if (deadline > 0 && now > deadline) {
      const message = `it was not done by the deadline ${session.status?.deadline}`;
      return failed(trouble ?? { reason: 'DeadlineExceeded', message });
    }
    if (trouble !== undefined && state.kind === 'Waits' && now - state.since > PATIENCE)
      return failed(trouble);

    const pod = state.kind === 'Absent' ? undefined : state.pod;
    const { name: podName, uid: podUID } = pod?.metadata ?? {};
    const isAppointed = host.podUID !== undefined || podUID === undefined || podName === undefined;
    const appointed: HostNow = isAppointed ? host : { ...host, podName, podUID };
    const condition = conditionOf(appointed, trouble);
    const known = findCondition(session.status?.conditions, SUCCEEDED);
    const isSaid = known?.reason === condition.reason && known.message === condition.message;
    return {
      hosts: [appointed],
      ...(!isSaid && { condition }),
      changed: !isSaid || appointed !== host,
      lookAgainAfter: state.kind === 'Runs' ? LOOK_EVERY : LOOK_AT_START,
    };
  }

  /** Why the Job of `session` will do no more; undefined while it may. */
  async lossOf(session: Session, host: HostNow): Promise<Trouble | undefined> {
    const state = await this.#look(session, host);
    return state.kind === 'Over' ? state.trouble : undefined;
  }

  /**
   * Sees the Job of `session` to its end, and answers whether nothing of it runs any more, so that the session may end. A Job is gone
   * before its pod is: until that has ended too, restic may hold the repository and a client write into the target, and who comes next
   * has to wait.
   *
   * @param isUndone - it is stopped at once; otherwise it has a minute to end by itself, which a sidecar that others inject never does
   * @param waited - for how long it was asked so far, in milliseconds
   */
  async end(session: Session, isUndone: boolean, waited: number): Promise<boolean> {
    const patience = isUndone ? 0 : USUAL_END;
    if (waited >= patience) await this.#delete(session);
    const acting = await this.#acting(session);
    if (acting === 'None') return true;
    return waited > patience + (acting === 'Unheard' ? LONGEST_STOP_UNHEARD : LONGEST_STOP);
  }

  /** Deletes the Job of `session`, where it has not ended by itself: what has can be looked at for a day. */
  async #delete(session: Session): Promise<void> {
    const { client } = this.#context;
    const { namespace } = session.metadata;
    const job = await this.#jobOf(session);
    if (job?.metadata.uid === undefined || !isOwnedBy(job, session) || isDone(job)) return;
    await found(
      client.delete(jobs, job.metadata.name, namespace, {
        propagationPolicy: 'Background',
        preconditions: { uid: job.metadata.uid },
      }),
    );
  }

  /** Whether the pod that `session` appointed runs. One that was not has begun nothing, and nothing is heard of one whose node is lost. */
  async #acting(session: Session): Promise<'None' | 'Runs' | 'Unheard'> {
    for (const host of session.status?.hosts ?? []) {
      const { podName = '', podUID } = host;
      if (podUID === undefined) continue;
      const pod = await found(this.#context.client.get<Pod>(pods, podName, session.metadata.namespace));
      if (pod?.metadata.uid !== podUID || hasEnded(pod)) continue;
      return isOnLostNode(pod) || (await this.#nodeLossOf(session, host, pod)) ? 'Unheard' : 'Runs';
    }
    return 'None';
  }

  #nodeLossOf(session: Session, host: HostNow, { spec, metadata }: Pod): Promise<Trouble | undefined> {
    const key = `${session.kind}/${session.metadata.namespace}/${session.metadata.name}`;
    return this.#hosts.nodeLossOf(key, { ...host, podName: metadata.name }, spec.nodeName);
  }

  async #look(session: Session, host: HostNow): Promise<JobState> {
    const { client, clock } = this.#context;
    const job = await this.#jobOf(session);
    if (job !== undefined && !isOwnedBy(job, session)) return this.#foreign(job, session);
    const state = await lookAtJob(client, job, host, clock.now());
    const pod = state.kind === 'Waits' || state.kind === 'Runs' ? state.pod : undefined;
    const loss = pod && (await this.#nodeLossOf(session, host, pod));
    return loss === undefined ? state : { kind: 'Over', trouble: loss };
  }

  /** Somebody else has the name: an earlier session of this name, whose Job goes with it, or a Job that is none of ours. */
  #foreign({ metadata }: Job, session: Session): JobState {
    const message = `there is a Job "${metadata.name}" already, which is not of this session; delete it, or name the session otherwise`;
    return {
      kind: 'Waits',
      trouble: { reason: 'JobNameTaken', message },
      since: sinceWhen(session),
    };
  }

  async #create(
    session: Session,
    asking: BackupConfiguration | RestoreSession | undefined,
    repository: Repository | undefined,
  ): Promise<{ kind: 'Made'; state: JobState } | { kind: 'Never'; trouble: Trouble }> {
    const { client, clock, log } = this.#context;
    if (asking === undefined || repository === undefined) {
      const message = 'what the Job was to be made from was deleted';
      const reason = asking === undefined ? 'ConfigurationNotFound' : 'RepositoryNotFound';
      return { kind: 'Never', trouble: { reason, message } };
    }
    const { status = {} } = session;
    const began = 'configurationHash' in status ? status.configurationHash : undefined;
    const change = changeSince(began, asking);
    if (change !== undefined) return { kind: 'Never', trouble: change };
    const job = await this.resolve(session, asking, repository);
    if (isFault(job)) return { kind: 'Never', trouble: job };
    const waits = (trouble?: Trouble): { kind: 'Made'; state: JobState } => ({
      kind: 'Made',
      state: {
        kind: 'Waits',
        since: sinceWhen(session) || clock.now(),
        ...(trouble !== undefined && { trouble }),
      },
    });
    try {
      await client.create(jobs, job);
      const { namespace, name } = session.metadata;
      log.info(
        { session: `${namespace}/${name}`, job: job.metadata.name },
        'the Job of the session was made',
      );
      return waits();
    } catch (error) {
      if (isAlreadyExists(error)) return waits();
      const message = `its Job cannot be created: ${error instanceof Error ? error.message : String(error)}`;
      // What the API server finds wrong now it finds wrong for ever; a quota may have room again.
      if (isInvalid(error)) return { kind: 'Never', trouble: { reason: 'TaskInvalid', message } };
      if (isForbidden(error)) return waits({ reason: 'PodNotCreated', message });
      throw error;
    }
  }

  /** The pods of the namespace, the oldest first, where one of them may have the claim that is the target. */
  async #beside({ session, target }: Targeted): Promise<Pod[]> {
    if (target?.ref.kind !== 'PersistentVolumeClaim') return [];
    const all = await this.#context.client.list<Pod>(pods, { namespace: session.namespace });
    const born = ({ metadata }: Pod) => metadata.creationTimestamp ?? '';
    return all.sort((a, b) => born(a).localeCompare(born(b)));
  }

  #claimUser({ session, target }: TaskRun, beside: readonly Pod[]) {
    if (target?.ref.kind !== 'PersistentVolumeClaim') return undefined;
    const { caches } = this.#context;
    const { namespace } = session;
    return claimUserNow(
      target.ref.name,
      caches.claims.get(`${namespace}/${target.ref.name}`),
      beside,
      caches.workloads.inNamespace(namespace),
      session.kind === 'BackupSession' ? 'backup' : 'restore',
    );
  }

  /** @param beside - the pods of the namespace, without the Job's own */
  #useOf({ session, target }: Targeted, beside: readonly Pod[]): TaskFault | undefined {
    if (target?.ref.kind !== 'PersistentVolumeClaim') return undefined;
    const { caches } = this.#context;
    const { name } = target.ref;
    const claim = caches.claims.get(`${session.namespace}/${name}`);
    const workloads = caches.workloads.inNamespace(session.namespace);
    const message = claimInUse(name, claim, beside, workloads);
    return message === undefined
      ? undefined
      : { reason: 'ClaimInUse', message: `spec.target.ref: ${message}` };
  }

  async #faultOfUse(
    { metadata }: Session,
    { spec: { target } }: BackupConfiguration | RestoreSession,
    own: Pod | undefined,
  ): Promise<TaskFault | undefined> {
    const targeted = { session: { namespace: metadata.namespace ?? '' }, target };
    const beside = await this.#beside(targeted);
    return this.#useOf(
      targeted,
      beside.filter((pod) => pod.metadata.uid !== own?.metadata.uid),
    );
  }

  #jobOf({ metadata, status }: Session): Promise<Job | undefined> {
    return found(this.#context.client.get<Job>(jobs, status?.job ?? '', metadata.namespace));
  }
}

/** What of a run tells which claim it is about. */
interface Targeted {
  session: { namespace: string };
  target?: { ref: { kind: string; name: string } } | undefined;
}

function conditionOf(host: HostNow, trouble: Trouble | undefined): ConditionNow {
  const said = trouble ?? { reason: 'Running', message: `under way: ${describeHosts([host])}` };
  return { type: SUCCEEDED, status: 'Unknown', ...said };
}

/** Since when `session` may have its Job: since it was started, or its hook before ended; 0 where it was not. */
function sinceWhen({ status }: Session): number {
  const ends = (status?.hooks ?? []).map(({ completionTime }) => instantOf(completionTime));
  return Math.max(instantOf(status?.startTime), ...ends);
}

function isDone({ status }: Job): boolean {
  return (
    status?.conditions?.some(
      ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
    ) === true
  );
}

function kindOf({ kind }: Session): 'BackupSession' | 'RestoreSession' {
  return kind === 'RestoreSession' ? kind : 'BackupSession';
}
