import { describe, expect, it } from 'vitest';
import { HOLD_FINALIZER } from '../api/annotations.ts';
import type { RestoreSession } from '../api/restore-session.ts';
import type { Client } from '../kube/client.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { PodAccess } from '../kube/pod-access.ts';
import { functionOf, taskOf } from '../tasks/run.fixture.ts';
import { backupSessions } from './backup-sessions.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { HookRuns } from './hook-runs.ts';
import { HostWatch } from './host-watch.ts';
import { aConfiguration, aRepository, aRestore, aSession, aWorkload } from './objects.fixture.ts';
import { restoreSessions } from './restore-sessions.ts';
import { SessionGate } from './session-gate.ts';
import { SessionJobs } from './session-jobs.ts';
import type { Session } from './session-status.ts';
import { TargetGate, useOfBackup } from './target-gate.ts';

const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' } } as const;
const task = { name: 'work' };
/** As each has that is about to have a Job. */
const finalizers = [HOLD_FINALIZER];
const backup = aSession({ metadata: { finalizers }, status: { phase: 'Pending' } });
const configuration = aConfiguration({ spec: { target, task } });

/** The reconcilers of both kinds, with a Task of this target each, and what is stored of the sessions. The caches learn of nothing. */
function operator(restore: RestoreSession) {
  const caches = createCaches();
  caches.repositories.set(aRepository());
  caches.configurations.set(configuration);
  caches.backupSessions.set(backup);
  caches.restoreSessions.set(restore);
  caches.functions.set(functionOf('tool'));
  caches.tasks.set(taskOf('tool'));
  caches.claims.set({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'demo' },
    spec: { accessModes: ['ReadWriteOnce'] },
    status: { phase: 'Bound' },
  });
  const stored = new Map<string, Session>();
  const client = {
    apply: async (_: unknown, session: Session) => {
      await Promise.resolve();
      stored.set(session.metadata.name, session);
      return session;
    },
    mergePatch: () => Promise.resolve(backup),
    list: () => Promise.resolve([]),
  } as unknown as Client;
  const clock = manualClock(Date.parse('2026-11-22T17:00:10Z'));
  const context = {
    client,
    caches,
    clock,
    events: { record: () => {} },
    log: { info: () => {}, warn: () => {} },
    injection: { image: 'stash', resources: {}, imagePullSecrets: [] },
  } as unknown as Context;
  const gate = new SessionGate({ sessions: 9, sessionsPerRepository: 9 }, () => {});
  const hooks = new HookRuns(context, {} as PodAccess, () => {});
  const hosts = new HostWatch(client, clock);
  const jobs = new SessionJobs(context, hosts);
  const targets = new TargetGate(caches.workloads);
  return {
    caches,
    targets,
    stored,
    backups: backupSessions(context, gate, hosts, jobs, hooks, targets),
    restores: restoreSessions(context, hosts, jobs, hooks, targets),
  };
}

const aTaskRestore = (name = 'back', second = '00') =>
  aRestore({
    metadata: { name, uid: name, finalizers, creationTimestamp: `2026-11-22T17:00:${second}Z` },
    spec: { target, task },
  });

describe('a RestoreSession', () => {
  it('waits for a Task that backs up its target, and says for which session', async () => {
    const { targets, restores, stored } = operator(aTaskRestore());
    const use = useOfBackup(backup, configuration);
    if (use !== undefined) targets.hold(use);
    expect(await restores('demo/back')).toEqual({ requeueAfter: expect.any(Number) });
    expect(stored.get('back')).toMatchObject({
      status: {
        phase: 'Pending',
        conditions: [
          { status: 'Unknown', reason: 'BackupActive', message: expect.stringContaining('shop-1') },
        ],
      },
    });
  });

  it('does not run with a backup that begins at the same time', async () => {
    const made = operator(aTaskRestore());
    await Promise.all([made.restores('demo/back'), made.backups('demo/shop-1')]);
    expect(phasesOf(made)).toEqual(['Pending', 'Running']);
  });

  it('does not run with another of its target, though that one comes first', async () => {
    const made = operator(aTaskRestore('late', '01'));
    await made.restores('demo/late');
    made.caches.restoreSessions.set(aTaskRestore('early'));
    await made.restores('demo/early');
    expect(phasesOf(made)).toEqual(['Pending', 'Running']);
  });

  /** A restore into a workload that has the claim mounted. */
  function ofWorkload() {
    const made = operator(aRestore());
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    const volumeMounts = [{ name: 'data', mountPath: '/source/data' }];
    const template: object = {
      spec: { containers: [{ name: 'app', image: 'app', volumeMounts }], volumes },
    };
    made.caches.workloads.of('Deployment').set(aWorkload({ spec: { replicas: 0, template } }));
    return made;
  }

  it('of a workload waits for a Task that backs up its claim, before anything of it is touched', async () => {
    const made = ofWorkload();
    await made.backups('demo/shop-1');
    await made.restores('demo/back');
    expect(phasesOf(made)).toEqual(['Pending', 'Running']);
    expect(made.stored.get('back')?.status?.conditions).toMatchObject([{ reason: 'BackupActive' }]);
  });

  it('of a workload keeps its claim from a Task while it waits for the pod', async () => {
    const made = ofWorkload();
    await made.restores('demo/back');
    expect(made.stored.get('back')?.status?.conditions).toMatchObject([{ reason: 'OldPodsRun' }]);
    await made.backups('demo/shop-1');
    expect(made.stored.get('shop-1')?.status?.conditions).toMatchObject([{ reason: 'RestoreActive' }]);
  });

  it('makes room once it is over, or gone', async () => {
    const made = operator(aTaskRestore());
    await made.restores('demo/back');
    made.caches.restoreSessions.delete(aTaskRestore());
    await made.restores('demo/back');
    await made.backups('demo/shop-1');
    expect(phasesOf(made)).toEqual(['Running', 'Running']);
  });
});

function phasesOf({ stored }: ReturnType<typeof operator>) {
  return [...stored.values()].map(({ status }) => status?.phase).sort();
}
