import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupConfiguration } from '../api/backup-configuration.ts';
import type { BackupHost, BackupSession } from '../api/backup-session.ts';
import { type ConditionNow, findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import { labelValue } from '../api/names.ts';
import type { OwnerReference } from '../api/object.ts';
import { apiVersionOf, BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../api/resources.ts';
import { isOver, RETENTION_APPLIED, SUCCEEDED } from '../api/sessions.ts';
import { instantOf, timestamp } from '../kube/clock.ts';
import { keyOf } from '../kube/object.ts';
import type { Outcome, Reconciler } from '../kube/queue.ts';
import { podsOf } from './agent-pods.ts';
import { decideAbsence, freeze, retainerOf } from './backup-hosts.ts';
import { decideStart } from './backup-start.ts';
import { type Context, FIELD_MANAGER } from './context.ts';
import type { HostWatch } from './host-watch.ts';
import { placeOf } from './repository-place.ts';
import type { SessionGate } from './session-gate.ts';
import {
  applyStatus,
  describeFailures,
  describeHosts,
  type HostNow,
  isSettled,
  type StatusChange,
} from './session-status.ts';
import { settleHosts } from './settle.ts';
import { agentOf } from './wanted.ts';
import { workloadKey } from './workload-caches.ts';
import { hostsOf } from './workload-hosts.ts';

/** How often a session that runs is looked at, for agents that say nothing; in milliseconds. */
const WATCH_EVERY = 10_000;

/** How often one that waits is: what it waits for mostly tells of itself. */
const LONGEST_WAIT = 15_000;

/**
 * How far is this BackupSession? Starts it (through the gate, with its hosts frozen), settles the hosts that will report no more,
 * has the retention policy applied once, and ends it.
 */
export function backupSessions(context: Context, gate: SessionGate, hosts: HostWatch): Reconciler {
  const { client, caches, clock } = context;
  return async (key) => {
    const session = caches.backupSessions.get(key);
    if (session === undefined || isOver(session)) {
      gate.leave(key);
      hosts.forget(`BackupSession/${key}`);
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
    const decision = decideStart(session, {
      configuration,
      repository: caches.repositories.get(`${namespace}/${configuration?.spec.repository.name}`),
      workload: configuration && caches.workloads.get(workloadKey(namespace, configuration.spec.target.ref)),
      restoring:
        configuration &&
        caches.restoreSessions
          .byIndex('workload', workloadKey(namespace, configuration.spec.target.ref))
          .find(({ status }) => status?.phase === 'Running'),
      others: caches.backupSessions
        .byIndex('configuration', `${namespace}/${session.spec.backupConfiguration.name}`)
        .filter((other) => other.metadata.uid !== session.metadata.uid),
      now: clock.now(),
    });
    if (decision.kind === 'Wait') return wait(session, decision.reason, decision.message);
    if (decision.kind === 'End') return end(session, decision.phase, decision.reason, decision.message);

    const sought = agentOf('backup', decision.configuration, decision.repository);
    const seen = hostsOf(decision.workload, await podsOf(client, decision.workload), sought);
    const absence = decideAbsence(decision.workload, seen, (acting) =>
      hosts.unchangedFor(`BackupSession/${keyOf(session)}/acting hosts`, acting),
    );
    if (absence?.kind === 'Wait') return wait(session, absence.reason, absence.message);
    if (absence?.kind === 'End') return end(session, 'Failed', absence.reason, absence.message);
    const isNewRepository = decision.repository.status?.repositoryID === undefined;
    if (!gate.tryEnter(keyOf(session), placeOf(decision.repository), isNewRepository)) {
      return wait(session, 'Queued', 'as many sessions run already as may run at once');
    }
    const now = clock.now();
    const frozen = freeze(seen, timestamp(now));
    const acting = frozen.filter((host) => !isSettled(host));
    const [first] = acting;
    await applyStatus(
      client,
      BACKUP_SESSIONS,
      session,
      {
        phase: 'Running',
        startTime: timestamp(now),
        deadline: timestamp(now + parseDuration(decision.configuration.spec.timeout)),
        repository: {
          name: decision.repository.metadata.name,
          uid: decision.repository.metadata.uid ?? '',
        },
        hosts: frozen,
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
    return { requeueAfter: WATCH_EVERY };
  }

  async function proceed(session: BackupSession): Promise<Outcome | undefined> {
    const configuration = configurationOf(session);
    gate.hold(keyOf(session), placeOfSession(caches, session));
    const settled = await settleHosts<BackupHost>(context, hosts, session, session.status?.hosts ?? []);
    if (settled.changed) {
      await applyStatus(client, BACKUP_SESSIONS, session, { hosts: settled.hosts }, clock.now());
      return { requeueAfter: 0 };
    }
    if (!settled.hosts.every(isSettled)) return { requeueAfter: WATCH_EVERY };

    const appointed = session.status?.retention?.host;
    const retainer = retainerOf(settled.hosts);
    if (
      appointed === undefined &&
      retainer !== undefined &&
      configuration?.spec.retentionPolicy !== undefined &&
      !session.spec.cancel
    ) {
      await applyStatus(client, BACKUP_SESSIONS, session, { retention: { host: retainer } }, clock.now());
      return { requeueAfter: WATCH_EVERY };
    }
    const retention = appointed === undefined ? undefined : await retentionOutcome(session, appointed);
    if (retention === 'Pending') return { requeueAfter: WATCH_EVERY };
    return finish(session, settled.hosts, retention);
  }

  /** How the retention policy fared on `appointed`; an agent that is lost meanwhile has failed at it. */
  async function retentionOutcome(
    session: BackupSession,
    appointed: string,
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
    const key = `BackupSession/${keyOf(session)}`;
    const loss = host && (await hosts.lossOf(key, session.metadata.namespace ?? '', host));
    if (loss !== undefined)
      return { type: RETENTION_APPLIED, status: 'False', reason: loss.reason, message: loss.message };
    if (clock.now() < instantOf(session.status?.deadline)) return 'Pending';
    const message = 'the deadline of the session passed before the retention policy was applied';
    return { type: RETENTION_APPLIED, status: 'False', reason: 'DeadlineExceeded', message };
  }

  function finish(
    session: BackupSession,
    settled: HostNow[],
    retention: ConditionNow | undefined,
  ): Promise<Outcome | undefined> {
    const failed = settled.filter(({ phase }) => phase === 'Failed');
    const conditions = retention === undefined ? [] : [retention];
    const [first] = failed;
    if (first === undefined) {
      const snapshots = session.status?.stats?.length ?? 0;
      const note =
        retention?.status === 'False'
          ? `; but the retention policy was not applied: ${retention.message}`
          : '';
      const message = `snapshots made: ${snapshots}${note}`;
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
    hosts.forget(`BackupSession/${keyOf(session)}`);
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

/** Where a session that runs backs up to, as far as is known: what it holds of the gate. */
export function placeOfSession(caches: Context['caches'], { metadata, status }: BackupSession): string {
  const key = `${metadata.namespace}/${status?.repository?.name}`;
  const repository = caches.repositories.get(key);
  return repository === undefined ? key : placeOf(repository);
}

/** That a session belongs to `configuration`, and goes with it. */
export function ownerReferenceTo(configuration: BackupConfiguration): OwnerReference {
  return {
    apiVersion: apiVersionOf(BACKUP_CONFIGURATIONS),
    kind: BACKUP_CONFIGURATIONS.kind,
    name: configuration.metadata.name,
    uid: configuration.metadata.uid ?? '',
    controller: true,
  };
}

export function outcome(status: ConditionNow['status'], reason: string, message: string): ConditionNow {
  return { type: SUCCEEDED, status, reason, message };
}
