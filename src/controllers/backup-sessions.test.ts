import { describe, expect, it } from 'vitest';
import { CONFIGURATION_LABEL } from '../api/annotations.ts';
import type { BackupSession } from '../api/backup-session.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { PodAccess } from '../kube/pod-access.ts';
import type { Pod } from './agent-pods.ts';
import { backupSessions, whyQueued } from './backup-sessions.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { HookRuns } from './hook-runs.ts';
import { HostWatch } from './host-watch.ts';
import { aConfiguration, aRepository, aSession } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import { SessionGate } from './session-gate.ts';
import { SessionJobs } from './session-jobs.ts';
import { TargetGate } from './target-gate.ts';

const now = Date.parse('2026-11-22T17:00:10Z');

/**
 * Reconciles `session`, and answers what the API server has of it then. Nothing but the session itself is written, and the caches learn of
 * nothing.
 *
 * @param pods - all that there are; there is no Job
 */
function operator(
  session: BackupSession,
  others: readonly BackupSession[] = [],
  pods: readonly Pod[] = [],
  configuration = aConfiguration(),
) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.configurations.set(configuration);
  for (const each of [session, ...others]) caches.backupSessions.set(each);
  let stored = session;
  const write = (resource: unknown, change: Partial<BackupSession>) => {
    expect(resource).toBe(BACKUP_SESSIONS);
    const metadata = { ...stored.metadata, ...change.metadata };
    stored = { ...stored, ...change, metadata };
    return Promise.resolve(stored);
  };
  const client = {
    mergePatch: (resource: unknown, _name: string, _namespace: string, patch: object) =>
      write(resource, patch),
    apply: write,
    list: () => new Promise(() => {}),
    get: (_: unknown, name: string) => {
      const pod = pods.find(({ metadata }) => metadata.name === name);
      return pod ? Promise.resolve(pod) : Promise.reject(new ApiError(404, { reason: 'NotFound' }));
    },
  } as unknown as Client;
  const clock = manualClock(now);
  const context = {
    client,
    caches,
    clock,
    events: { record: () => {} },
    log: { info: () => {}, warn: () => {} },
  } as unknown as Context;
  const gate = new SessionGate({ sessions: 1, sessionsPerRepository: 1 }, () => {});
  const targets = new TargetGate(caches.workloads);
  const hosts = new HostWatch(client, clock);
  const hooks = new HookRuns(context, {} as PodAccess, () => {});
  const jobs = new SessionJobs(context, hosts);
  const reconcile = backupSessions(context, gate, hosts, jobs, hooks, targets);
  return {
    caches,
    clock,
    reconciled: async () => {
      await reconcile('demo/shop-1');
      return stored;
    },
  };
}

const reconciled = (...args: Parameters<typeof operator>) => operator(...args).reconciled();

describe('a BackupSession that does not start', () => {
  const earlier = aSession({
    metadata: { name: 'earlier', uid: 'earlier-uid' },
    status: { phase: 'Running' },
  });

  it.each([
    ['is skipped', aSession(), [earlier], 'Skipped'],
    ['is cancelled', aSession({ spec: { cancel: true } }), [], 'Failed'],
  ] as const)('goes with its configuration all the same where it %s', async (_, session, others, phase) => {
    const { metadata, status } = await reconciled(session, others);
    expect(status?.phase).toBe(phase);
    expect(metadata.ownerReferences).toMatchObject([
      { kind: 'BackupConfiguration', name: 'shop', uid: 'shop-uid', controller: true },
    ]);
    expect(metadata.labels).toEqual({ [CONFIGURATION_LABEL]: 'shop' });
  });
});

describe('a BackupSession that the gate does not let in', () => {
  it('says whether it waits for others like it, or for a check', () => {
    expect(whyQueued(undefined)).toBe('as many sessions run already as may run at once');
    expect(whyQueued('integrity/demo/repo')).toBe(
      'the integrity check of the Repository demo/repo comes first: it runs, or waits for the sessions to end that run there',
    );
  });
});

describe('a BackupSession whose hosts are done', () => {
  const heartbeatTime = '2026-11-22T17:00:10Z';
  const pods = [aPod('web-0'), aPod('web-1')];
  const host = (index: number, phase: 'Running' | 'Succeeded') => {
    const { name: podName, uid: podUID = '' } = pods[index]?.metadata ?? { name: '' };
    return { host: `host-${index}`, podName, podUID, phase, heartbeatTime };
  };
  const running = (second: 'Running' | 'Succeeded', retention?: { host: string }) =>
    aSession({
      status: {
        ...{ phase: 'Running', deadline: '2026-11-23T17:00:00Z' },
        hosts: [host(0, 'Succeeded'), host(1, second)],
        ...(retention !== undefined && { retention }),
      },
    });

  it('waits for the one that applies the retention policy, though that was done long before the last', async () => {
    const made = operator(
      aSession(),
      [],
      pods,
      aConfiguration({ spec: { retentionPolicy: { keepLast: 1 } } }),
    );
    const after = async (session: BackupSession) => {
      made.caches.backupSessions.set(session);
      return (await made.reconciled()).status;
    };
    // What host-0 says last has the second in it of what it said before.
    const first = running('Running');
    await after({ ...first, status: { ...first.status, hosts: [host(0, 'Running'), host(1, 'Running')] } });
    await made.clock.advance(600_000);
    expect(await after(running('Succeeded'))).toMatchObject({ retention: { host: 'host-0' } });
    expect(await after(running('Succeeded', { host: 'host-0' }))).not.toHaveProperty('completionTime');
    await made.clock.advance(100_000);
    expect(await after(running('Succeeded', { host: 'host-0' }))).toMatchObject({
      conditions: [{ type: 'Succeeded' }, { type: 'RetentionApplied', status: 'False', reason: 'AgentLost' }],
    });
  });
});

describe('a BackupSession whose Task is done', () => {
  const pod = aPod('dump');
  const host = { host: 'host-0', podName: 'dump', podUID: pod.metadata.uid ?? '' };

  it.each([
    ['Failed', 'DeadlineExceeded', { phase: 'Failed', reason: 'DeadlineExceeded' }],
    ['Succeeded', 'BackupSucceeded', { phase: 'Succeeded' }],
  ] as const)('is %s once its pod has ended, and not with its Job', async (phase, reason, end) => {
    const session = aSession({
      status: { phase: 'Running', job: 'shop-1', hosts: [{ ...host, ...end }] },
    });
    expect((await reconciled(session, [], [pod])).status?.phase).toBe('Running');
    expect((await reconciled(session)).status).toMatchObject({
      phase,
      conditions: [{ type: 'Succeeded', reason }],
    });
  });
});

describe('a BackupSession with a Task and a hook before it', () => {
  it('has no Job made before the hook has ended', async () => {
    const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' } as const;
    const preBackup = { exec: { command: ['sync'] }, timeout: '30s' };
    const configuration = aConfiguration({ spec: { target: { ref }, hooks: { preBackup } } });
    const session = (phase: 'Running' | 'Succeeded') =>
      aSession({
        status: {
          ...{ phase: 'Running', job: 'shop-1', hosts: [{ host: 'host-0' }] },
          repository: { name: 'repo', uid: 'repo-uid' },
          hooks: [{ hook: 'preBackup', host: 'host-0', podName: 'web', podUID: 'uid', phase }],
        },
      });
    const hosts = async (phase: 'Running' | 'Succeeded') =>
      (await reconciled(session(phase), [], [], configuration)).status?.hosts;
    expect(await hosts('Running')).toEqual([{ host: 'host-0' }]);
    // There is no such Task.
    expect(await hosts('Succeeded')).toMatchObject([{ phase: 'Failed', reason: 'TaskNotFound' }]);
  });
});
