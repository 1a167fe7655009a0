import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupHost, BackupSession } from '../api/backup-session.ts';
import { type ConditionNow, findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { HookRun } from '../api/hooks.ts';
import { ONLY_HOST } from '../api/hosts.ts';
import { canonicalJSON, labelValue } from '../api/names.ts';
import type { Repository } from '../api/repository.ts';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { ownerReferenceTo } from '../api/scheduled-session.ts';
import { configurationHash } from '../api/session-subject.ts';
import { isOver, RETENTION_APPLIED, SUCCEEDED } from '../api/sessions.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { FIELD_MANAGER } from '../kube/field-managers.ts';
import { keyOf } from '../kube/object.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { jobName } from '../tasks/job.ts';
import { podsOf } from './agent-pods.ts';
import { decideAbsence, freeze, retainerOf } from './backup-hosts.ts';
import { decideFault, decideStart, waitForRestore } from './backup-start.ts';
import type { Context } from './context.ts';
import type { HookRuns } from './hook-runs.ts';
import { holderOf, hookTargetOf } from './hook-target.ts';
import type { HostWatch } from './host-watch.ts';
import { CHECK_IN_GATE } from './integrity-checks.ts';
import type { Trouble } from './job-state.ts';
import { creationOf, placeOf } from './repository-place.ts';
import type { SessionGate } from './session-gate.ts';
import { awaitsHook, deletionOf, hold, isHeld, release } from './session-hold.ts';
import {
  abandoned,
  describeRuns,
  dueAfter,
  dueAfterJob,
  dueInHolder,
  heldForHook,
  hooksCondition,
  isHookOver,
  released,
} from './session-hooks.ts';
import type { JobOutcome, SessionJobs } from './session-jobs.ts';
import {
  applyStatus,
  describeFailures,
  describeHosts,
  describeMade,
  type HostNow,
  isSettled,
  type StatusChange,
} from './session-status.ts';
import { settleHosts } from './settle.ts';
import { type TargetGate, useOfBackup } from './target-gate.ts';
import { isFault } from './task-run.ts';
import { agentOf } from './wanted.ts';
import { workloadKey } from './workload-caches.ts';
import { hostsOf } from './workload-hosts.ts';

/** How often a session that runs is looked at, for agents that say nothing; in milliseconds. */
const WATCH_EVERY = 10_000;

/** How often one is whose Job is about to end, in milliseconds. */
const LOOK_AT_STOP_EVERY = 1_000;

/** How often one is that is about to be kept for its hooks or its Job, in milliseconds: the caches tell as a rule. */
const LOOK_AT_HOLD_EVERY = 1_000;

/** How often one that waits is: what it waits for mostly tells of itself. */
const LONGEST_WAIT = 15_000;

/**
 * How far is this BackupSession? Starts it (through the gate, with its hosts frozen), settles the hosts that will report no more,
 * has the retention policy applied once, and ends it.
 */
export function backupSessions(
  context: Context,
  gate: SessionGate,
  hosts: HostWatch,
  sessionJobs: SessionJobs,
  hooks: HookRuns,
  targets: TargetGate,
): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const session = caches.backupSessions.get(key);
    if (session === undefined || isOver(session)) {
      gate.leave(key);
      targets.leave('BackupSession', key);
      hosts.forget(`BackupSession/${key}`);
      hooks.forget(`BackupSession/${key}`);
      if (session !== undefined) await release(client, BACKUP_SESSIONS, session);
      return undefined;
    }
    return session.status?.phase === 'Running' ? proceed(session) : start(session);
  };

  function configurationOf(session: BackupSession): BackupConfiguration | undefined {
    return caches.configurations.get(
      `${session.metadata.namespace}/${session.spec.backupConfiguration.name}`,
    );
  }

  async function start(found: BackupSession): Promise<Outcome | undefined> {
    const { namespace } = found.metadata;
    const configuration = configurationOf(found);
    // Before anything is decided: one that is skipped, too, goes with its configuration.
    const session = configuration === undefined ? found : await adopt(found, configuration);
    const ref = configuration?.spec.target?.ref;
    const target = ref && workloadKey(namespace, ref);
    const use = useOfBackup(session, configuration);
    const decision = decideStart(session, {
      configuration,
      repository: caches.repositories.get(`${namespace}/${configuration?.spec.repository.name}`),
      workload: target === undefined ? undefined : caches.workloads.get(target),
      restoring: use && targets.obstacleTo(use),
      others: caches.backupSessions
        .byIndex('configuration', `${namespace}/${session.spec.backupConfiguration.name}`)
        .filter((other) => other.metadata.uid !== session.metadata.uid),
      now: clock.now(),
    });
    if (decision.kind === 'Wait') return wait(session, decision.reason, decision.message);
    if (decision.kind === 'End') return end(session, decision.phase, decision.reason, decision.message);
    if (decision.kind === 'StartTask') return startTask(session, decision.configuration, decision.repository);

    const sought = agentOf('backup', decision.configuration, decision.repository);
    const seen = hostsOf(decision.workload, await podsOf(client, decision.workload), sought);
    const absence = decideAbsence(decision.workload, seen, (acting) =>
      hosts.unchangedFor(`BackupSession/${keyOf(session)}/acting hosts`, acting),
    );
    if (absence?.kind === 'Wait') return wait(session, absence.reason, absence.message);
    if (absence?.kind === 'End') return end(session, 'Failed', absence.reason, absence.message);
    return run(session, decision.configuration, decision.repository, freeze(seen, timestamp(clock.now())));
  }

  async function startTask(
    session: BackupSession,
    configuration: BackupConfiguration,
    repository: Repository,
  ): Promise<Outcome | undefined> {
    const resolved = await sessionJobs.resolve(session, configuration, repository);
    const decision = isFault(resolved) ? decideFault(session, resolved, clock.now()) : undefined;
    if (decision?.kind === 'Wait') return wait(session, decision.reason, decision.message);
    if (decision?.kind === 'End') return end(session, decision.phase, decision.reason, decision.message);
    const job = jobName({ kind: 'BackupSession', name: session.metadata.name });
    return run(session, configuration, repository, [{ host: ONLY_HOST }], job);
  }

  /** @param job - the name of the Job that is to be made */
  async function run(
    session: BackupSession,
    configuration: BackupConfiguration,
    repository: Repository,
    frozen: HostNow[],
    job?: string,
  ): Promise<Outcome> {
    const isNewRepository = repository.status?.repositoryID === undefined;
    if (!gate.tryEnter(keyOf(session), placeOf(repository), creationOf(repository, clock.now()))) {
      return wait(session, 'Queued', whyQueued(gate.keeperOf(placeOf(repository))));
    }
    const isHookToCome = awaitsHook(configuration.spec.hooks);
    if ((isHookToCome || job !== undefined) && !isHeld(session)) {
      await hold(client, BACKUP_SESSIONS, session);
      return { requeueAfter: LOOK_AT_HOLD_EVERY };
    }
    // It comes after the session, once the caches have that: it is let go where no session of it is held.
    if (isHookToCome && !isHeld(configuration)) await hold(client, BACKUP_CONFIGURATIONS, configuration);
    const use = useOfBackup(session, configuration);
    const restoring = use && targets.enter(use);
    if (restoring !== undefined) {
      const { reason, message } = waitForRestore(restoring);
      return wait(session, reason, message);
    }
    const { preBackup } = configuration.spec.hooks ?? {};
    const held =
      job === undefined || preBackup === undefined
        ? heldForHook(preBackup, frozen)
        : { hosts: frozen, hooks: [await dueBeforeJob(session, configuration)] };
    const now = clock.now();
    const acting = frozen.filter((host) => !isSettled(host));
    const [first] = acting;
    await applyStatus(
      client,
      BACKUP_SESSIONS,
      session,
      {
        phase: 'Running',
        startTime: timestamp(now),
        deadline: timestamp(now + parseDuration(configuration.spec.timeout)),
        repository: { name: repository.metadata.name, uid: repository.metadata.uid ?? '' },
        configurationHash: configurationHash(configuration),
        ...held,
        ...(job !== undefined && { job }),
        ...(isNewRepository && first !== undefined && { initializer: first.host }),
        conditions: [outcome('Unknown', 'Running', `under way: ${describeHosts(acting)}`)],
      },
      now,
    );
    context.events.record({
      type: 'Normal',
      reason: 'BackupStarted',
      action: 'StartSession',
      note: `the backup runs: ${describeHosts(acting)}`,
      regarding: session,
    });
    return { requeueAfter: job === undefined ? WATCH_EVERY : 0 };
  }

  async function dueBeforeJob(session: BackupSession, { spec }: BackupConfiguration): Promise<HookRun> {
    const claim = spec.target?.ref.name ?? '';
    return dueInHolder('preBackup', await holderOf(client, session.metadata.namespace ?? '', claim), claim);
  }

  async function proceed(session: BackupSession): Promise<Outcome | undefined> {
    const configuration = configurationOf(session);
    gate.hold(keyOf(session), placeOfSession(caches, session));
    const use = useOfBackup(session, configuration);
    if (use !== undefined) targets.hold(use);
    const deletion = deletionOf(session, configuration);
    const isToSettle = deletion !== undefined && session.status?.hosts?.every(isSettled) !== true;
    if (!isToSettle && (await runHooks(session, configuration))) return { requeueAfter: 0 };
    const settled = await settle(session, configuration, deletion);
    if (settled.changed) {
      const { hosts: all, condition } = settled;
      const change: StatusChange = {
        hosts: all,
        ...(condition !== undefined && { conditions: [condition] }),
      };
      await applyStatus(client, BACKUP_SESSIONS, session, change, clock.now());
      return { requeueAfter: settled.lookAgainAfter };
    }
    const isAtHooks = session.status?.hooks?.some((run) => !isHookOver(run)) === true;
    if (isAtHooks || !settled.hosts.every(isSettled)) return { requeueAfter: settled.lookAgainAfter };

    const appointed = session.status?.retention?.host;
    const retainer = retainerOf(settled.hosts);
    if (
      appointed === undefined &&
      retainer !== undefined &&
      configuration?.spec.retentionPolicy !== undefined &&
      !session.spec.cancel &&
      deletion === undefined
    ) {
      await applyStatus(client, BACKUP_SESSIONS, session, { retention: { host: retainer } }, clock.now());
      return { requeueAfter: WATCH_EVERY };
    }
    const retention =
      appointed === undefined ? undefined : await retentionOutcome(session, appointed, deletion);
    if (retention === 'Pending') return { requeueAfter: WATCH_EVERY };
    return finish(session, settled.hosts, retention);
  }

  async function settle(
    session: BackupSession,
    configuration: BackupConfiguration | undefined,
    deletion: Trouble | undefined,
  ): Promise<JobOutcome> {
    const isAtHook = session.status?.hooks?.some((run) => run.hook === 'preBackup' && !isHookOver(run));
    // Before its hook has ended it has no Job yet.
    if (session.status?.job !== undefined && isAtHook !== true) {
      const { namespace } = session.metadata;
      const { name, uid } = session.status.repository ?? {};
      const repository = caches.repositories.get(`${namespace}/${name}`);
      const isSame = repository?.metadata.uid === uid;
      return sessionJobs.settle(session, configuration, isSame ? repository : undefined, deletion);
    }
    const settled = await settleHosts<BackupHost>(
      context,
      hosts,
      session,
      session.status?.hosts ?? [],
      deletion,
    );
    return { ...settled, lookAgainAfter: settled.changed ? 0 : WATCH_EVERY };
  }

  /** Takes the hooks of the session on, and lets the hosts begin whose own have ended. Answers whether anything was written. */
  async function runHooks(
    session: BackupSession,
    configuration: BackupConfiguration | undefined,
  ): Promise<boolean> {
    const { namespace = '' } = session.metadata;
    const target = configuration?.spec.target;
    const claim = target?.ref.name ?? '';
    const { hosts: known = [], hooks: runs = [] } = session.status ?? {};
    const now = clock.now();
    const wantedHooks = configuration?.spec.hooks ?? {};
    const given = known.filter(isSettled);
    const isGivenUp = ({ host }: { host: string }) => given.some((each) => each.host === host);
    hooks.stop(session, ({ hook, host }) => hook === 'preBackup' && isGivenUp({ host }));
    const why = { reason: 'HookFailed', message: 'its host was given up before it had ended' };
    const wanted = [
      ...abandoned(runs, 'preBackup', why, isGivenUp, timestamp(now)),
      ...(session.status?.job === undefined
        ? dueAfter('postBackup', wantedHooks.postBackup, given, runs)
        : await dueAfterJob('postBackup', wantedHooks.postBackup, given, runs, claim, () =>
            holderOf(client, namespace, claim),
          )),
    ];
    const next = hooks.advance(session, wanted, {
      hooks: wantedHooks,
      target: hookTargetOf(caches, namespace, target?.ref),
      container: target?.container,
    });
    const freed = released(known, next, timestamp(now));
    if (canonicalJSON([next, freed]) === canonicalJSON([runs, known])) return false;
    await applyStatus(client, BACKUP_SESSIONS, session, { hosts: freed, hooks: next }, now);
    hooks.tell(session, runs, next);
    return true;
  }

  /** How the retention policy fared on `appointed`; an agent that is lost meanwhile has failed at it. */
  async function retentionOutcome(
    session: BackupSession,
    appointed: string,
    deletion: Trouble | undefined,
  ): Promise<ConditionNow | 'Pending'> {
    const host = session.status?.hosts?.find((each) => each.host === appointed);
    const report = host?.retention;
    if (report?.phase === 'Succeeded') {
      const policy = configurationOf(session)?.spec.retentionPolicy;
      const what = policy?.dryRun === true ? 'would be removed' : 'removed';
      const message = `${policy?.name === undefined ? '' : `${policy.name}: `}snapshots kept: ${report.kept ?? 0}, ${what}: ${report.removed ?? 0}`;
      return { type: RETENTION_APPLIED, status: 'True', reason: 'Applied', message };
    }
    if (report?.phase === 'Failed') {
      const message = report.message ?? 'the agent gave no reason';
      return { type: RETENTION_APPLIED, status: 'False', reason: report.reason ?? 'Failed', message };
    }
    const loss = deletion ?? (host && (await lossOf(session, host)));
    if (loss !== undefined)
      return { type: RETENTION_APPLIED, status: 'False', reason: loss.reason, message: loss.message };
    if (clock.now() < instantOf(session.status?.deadline)) return 'Pending';
    const message = 'the deadline of the session passed before the retention policy was applied';
    return { type: RETENTION_APPLIED, status: 'False', reason: 'DeadlineExceeded', message };
  }

  /** The silence of a retainer counts from when it was appointed: its own backup may have ended long before. */
  function lossOf(session: BackupSession, host: BackupHost) {
    if (session.status?.job !== undefined) return sessionJobs.lossOf(session, host);
    const key = `BackupSession/${keyOf(session)}/retention`;
    return hosts.lossOf(key, session.metadata.namespace ?? '', host);
  }

  async function finish(
    session: BackupSession,
    settled: HostNow[],
    retention: ConditionNow | undefined,
  ): Promise<Outcome | undefined> {
    const failed = settled.filter(({ phase }) => phase === 'Failed');
    const runs = session.status?.hooks ?? [];
    const conditions = [retention, hooksCondition(runs)].filter((each) => each !== undefined);
    const [first] = failed;
    const isUndone = first !== undefined || retention?.status === 'False';
    const job = session.status?.job;
    if (job !== undefined) {
      const waited = hosts.unchangedFor(`BackupSession/${keyOf(session)}/end of the Job`, job);
      const hasEnded = await sessionJobs.end(session, isUndone || session.spec.cancel, waited);
      if (!hasEnded) return { requeueAfter: LOOK_AT_STOP_EVERY };
    }
    if (first === undefined) {
      const snapshots = session.status?.stats?.length ?? 0;
      const note =
        retention?.status === 'False'
          ? `; but the retention policy was not applied: ${retention.message}`
          : '';
      const failedHooks = runs.filter((run) => run.phase === 'Failed');
      const hookNote = failedHooks.length === 0 ? '' : `; but a hook failed: ${describeRuns(failedHooks)}`;
      const message = `${describeMade(snapshots, settled)}${note}${hookNote}`;
      return end(session, 'Succeeded', 'BackupSucceeded', message, conditions);
    }
    return end(session, 'Failed', first.reason ?? 'BackupFailed', describeFailures(failed), conditions);
  }

  async function wait(session: BackupSession, reason: string, message: string): Promise<Outcome> {
    // A place that it does not use yet is for others.
    if (reason !== 'Queued') gate.leave(keyOf(session));
    const known = findCondition(session.status?.conditions, SUCCEEDED);
    if (session.status?.phase !== 'Pending' || known?.reason !== reason || known.message !== message) {
      const change: StatusChange = { phase: 'Pending', conditions: [outcome('Unknown', reason, message)] };
      await applyStatus(client, BACKUP_SESSIONS, session, change, clock.now());
    }
    targets.leave('BackupSession', keyOf(session));
    const age = clock.now() - instantOf(session.metadata.creationTimestamp);
    return { requeueAfter: Math.min(LONGEST_WAIT, Math.max(1000, age / 4)) };
  }

  async function end(
    session: BackupSession,
    phase: 'Succeeded' | 'Failed' | 'Skipped',
    reason: string,
    message: string,
    conditions: ConditionNow[] = [],
  ): Promise<undefined> {
    const now = clock.now();
    const status = phase === 'Succeeded' ? 'True' : 'False';
    await applyStatus(
      client,
      BACKUP_SESSIONS,
      session,
      {
        phase,
        completionTime: timestamp(now),
        conditions: [outcome(status, reason, message), ...conditions],
      },
      now,
    );
    gate.leave(keyOf(session));
    targets.leave('BackupSession', keyOf(session));
    hosts.forget(`BackupSession/${keyOf(session)}`);
    hooks.forget(`BackupSession/${keyOf(session)}`);
    const isGood = phase === 'Succeeded' && conditions.every((condition) => condition.status === 'True');
    context.log[isGood ? 'info' : 'warn']({ backupSession: keyOf(session), phase, reason }, message);
    const configuration = configurationOf(session);
    for (const regarding of configuration === undefined ? [session] : [session, configuration]) {
      context.events.record({
        type: isGood ? 'Normal' : 'Warning',
        reason:
          phase === 'Skipped' ? 'BackupSkipped' : phase === 'Failed' ? 'BackupFailed' : 'BackupSucceeded',
        action: 'EndSession',
        note:
          phase === 'Succeeded'
            ? `${session.metadata.name}: ${message}`
            : `${session.metadata.name}: ${reason}: ${message}`,
        regarding,
      });
    }
    return undefined;
  }

  /** Agents find their sessions by a label, and a session goes with its configuration: a user who creates one writes neither. */
  async function adopt(session: BackupSession, configuration: BackupConfiguration): Promise<BackupSession> {
    const { labels, ownerReferences = [], name, namespace, resourceVersion } = session.metadata;
    const label = labelValue(configuration.metadata.name);
    const isOwned = ownerReferences.some(({ uid }) => uid === configuration.metadata.uid);
    if (labels?.[CONFIGURATION_LABEL] === label && isOwned) return session;
    const owners = isOwned ? ownerReferences : [...ownerReferences, ownerReferenceTo(configuration)];
    const metadata = { resourceVersion, labels: { [CONFIGURATION_LABEL]: label }, ownerReferences: owners };
    const options = { fieldManager: FIELD_MANAGER };
    return client.mergePatch<BackupSession>(BACKUP_SESSIONS, name, namespace, { metadata }, options);
  }
}

/**
 * What a session waits for that the gate does not let in.
 *
 * @param keeper - who keeps the repository from sessions, as the gate has it
 */
export function whyQueued(keeper: string | undefined): string {
  if (keeper === undefined) return 'as many sessions run already as may run at once';
  const repository = keeper.slice(CHECK_IN_GATE.length);
  return `the integrity check of the Repository ${repository} comes first: it runs, or waits for the sessions to end that run there`;
}

/** Where a session that runs backs up to, as far as is known: what it holds of the gate. */
export function placeOfSession(caches: Context['caches'], { metadata, status }: BackupSession): string {
  const key = `${metadata.namespace}/${status?.repository?.name}`;
  const repository = caches.repositories.get(key);
  return repository === undefined ? key : placeOf(repository);
}

export function outcome(status: ConditionNow['status'], reason: string, message: string): ConditionNow {
  return { type: SUCCEEDED, status, reason, message };
}
