import { describe, expect, it } from 'vitest';
import type { Repository } from '../api/repository.ts';
import type { Resource } from '../api/resources.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { jobs, pods } from '../kube/resource.ts';
import { createCaches } from './caches.ts';
import type { Context } from './context.ts';
import { integrityChecks } from './integrity-checks.ts';
import { checkJobName, type Job } from './integrity-job.ts';
import { aRepository, aRestore } from './objects.fixture.ts';
import { placeOf } from './repository-place.ts';
import { SessionGate } from './session-gate.ts';

const due = Date.parse('2026-11-22T18:00:00Z');
const minutes = 60_000;

/** A Repository whose check is due, and what there is of Jobs and pods, as an API server has it. */
function checking(others: Job[] = [], schedule = '0 * * * *') {
  const clock = manualClock(due);
  const caches = createCaches();
  const stored = new Map(others.map((job) => [job.metadata.name, job]));
  const seen = { pods: [] as object[], deleted: [] as string[] };
  let version = 1;
  const repository = (): Repository => caches.repositories.get('demo/repo') as Repository;
  const put = (status: object, spec = repository().spec) => {
    const { metadata, ...before } = repository();
    version += 1;
    caches.repositories.set({
      ...before,
      spec,
      metadata: { ...metadata, resourceVersion: String(version) },
      status: { ...before.status, ...status },
    });
  };
  caches.repositories.set(
    aRepository({
      spec: { integrityCheck: { schedule, timeout: '1h' } },
      status: { repositoryID: 'abc' },
    }),
  );
  const client = {
    create: (_: Resource, job: Job) => {
      const { name } = job.metadata;
      if (stored.has(name)) return Promise.reject(new ApiError(409, { reason: 'AlreadyExists' }));
      const creationTimestamp = new Date(clock.now()).toISOString();
      stored.set(name, { ...job, metadata: { ...job.metadata, uid: `uid of ${name}`, creationTimestamp } });
      return Promise.resolve(job);
    },
    get: (resource: Resource, name: string) => {
      const found = resource === jobs ? stored.get(name) : repository();
      return found === undefined
        ? Promise.reject(new ApiError(404, { reason: 'NotFound' }))
        : Promise.resolve(found);
    },
    list: (resource: Resource) => Promise.resolve(resource === pods ? seen.pods : []),
    delete: (_: Resource, name: string) => Promise.resolve(seen.deleted.push(name)),
    mergePatch: (_: Resource, _name: string, _namespace: string, { status }: { status: object }) => {
      put(withoutNulls(status));
      return Promise.resolve(repository());
    },
  } as unknown as Client;
  const gate = new SessionGate({ sessions: 9, sessionsPerRepository: 9 }, () => {});
  const context = {
    client,
    caches,
    clock,
    events: { record: () => {} },
    log: { info: () => {}, warn: () => {} },
    injection: { image: 'stash', resources: {}, imagePullSecrets: [] },
  } as unknown as Context;
  const reconcile = integrityChecks(context, gate);
  return {
    clock,
    seen,
    check: () => reconcile('demo/repo'),
    status: () => repository().status,
    /** Whether a backup could begin. */
    isOpen: () => {
      const may = gate.tryEnter('demo/shop-1', placeOf(repository()), false);
      gate.leave('demo/shop-1');
      return may;
    },
    /** The last instant that was handled, by a check that has ended. */
    missedAt: (at: number) => {
      const time = new Date(at).toISOString();
      const times = { scheduledTime: time, startTime: time, deadline: time, completionTime: time };
      put({ integrity: { jobName: 'before', ...times }, lastCheckTime: time });
    },
    restore: (phase: 'Running' | 'Succeeded') => caches.restoreSessions.set(aRestore({ status: { phase } })),
    /** Nobody asks for checks any more. */
    askNoMore: () => {
      const { integrityCheck: _, ...left } = repository().spec;
      put({}, left);
    },
    occupy: () => gate.hold('demo/long', placeOf(repository())),
    vacate: () => gate.leave('demo/long'),
    /** The one pod of the Job, in that state. */
    podIs: (status: object, at = due) => {
      const { jobName = '' } = repository().status?.integrity ?? {};
      const owner = { kind: 'Job', name: jobName, uid: `uid of ${jobName}`, controller: true };
      const created = new Date(at).toISOString();
      const metadata = { name: 'pod', uid: 'pod-uid', creationTimestamp: created, ownerReferences: [owner] };
      seen.pods = [{ metadata, spec: {}, status }];
    },
  };
}

/** As a merge patch leaves it: what is null is gone. */
function withoutNulls(patch: object): object {
  return JSON.parse(JSON.stringify(patch, (_, value: unknown) => value ?? undefined));
}

const unschedulable = {
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }],
};
const running = { phase: 'Running', containerStatuses: [{ name: 'stash-check', state: { running: {} } }] };

describe('a check of a repository', () => {
  it('has the repository for itself from the beginning, and its pod acts once it runs', async () => {
    const made = checking();
    await made.check();
    expect(made.isOpen()).toBe(false);
    await made.check();
    expect(made.status()?.integrity).not.toHaveProperty('podUID');
    made.podIs(running);
    await made.check();
    expect(made.status()?.integrity).toMatchObject({ podName: 'pod', podUID: 'pod-uid', phase: 'Running' });
    expect(made.isOpen()).toBe(false);
  });

  it('keeps no backup waiting while its pod cannot start, and is given up after ten minutes', async () => {
    const made = checking();
    await made.check();
    made.podIs(unschedulable);
    await made.check();
    expect(made.isOpen()).toBe(true);
    made.clock.set(due + 10 * minutes);
    await made.check();
    expect(made.status()?.integrity).not.toHaveProperty('completionTime');
    made.clock.set(due + 11 * minutes);
    await made.check();
    expect(made.status()).toMatchObject({
      integrity: { phase: 'Failed', reason: 'PodUnschedulable' },
      conditions: [{ type: 'Ready' }, { type: 'Integrity', status: 'Unknown', reason: 'PodUnschedulable' }],
    });
    expect(made.seen.deleted).toEqual([made.status()?.integrity?.jobName]);
    await made.check();
    expect(made.isOpen()).toBe(true);
  });

  it('believes nothing that a Job of its name reports which is not of this Repository, and leaves that Job', async () => {
    const name = checkJobName('repo', due);
    const foreign = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, uid: `uid of ${name}` },
      spec: {},
    };
    const made = checking([foreign]);
    await made.check();
    made.podIs(running);
    await made.check();
    const { integrity, conditions } = made.status() ?? {};
    expect(integrity).toMatchObject({ phase: 'Failed', reason: 'JobNameTaken' });
    expect(integrity).not.toHaveProperty('podUID');
    expect(conditions?.[1]).toMatchObject({ type: 'Integrity', status: 'Unknown', reason: 'JobNameTaken' });
    expect(made.seen.deleted).toEqual([]);
    await made.check();
    expect(made.isOpen()).toBe(true);
  });

  it.each([
    ['an hour', '0 18 * * 0', 60, 60],
    ['half of its interval', '0 * * * *', 30, 30],
    ['half of its interval, also once it is due again', '*/2 * * * *', 1, 2],
  ])('waits for backups for %s, and then none begins before it (%s)', async (_, schedule, delay, after) => {
    const made = checking([], schedule);
    made.missedAt(due - minutes);
    made.occupy();
    await made.check();
    expect(made.isOpen()).toBe(true);
    made.clock.set(due + delay * minutes - 1);
    await made.check();
    expect(made.isOpen()).toBe(true);
    made.clock.set(due + after * minutes);
    await made.check();
    expect(made.isOpen()).toBe(false);
    expect(made.status()?.integrity?.jobName).toBe('before');
    made.vacate();
    await made.check();
    expect(made.status()?.integrity?.jobName).not.toBe('before');
  });

  it('that is overdue keeps no backup waiting once it is not asked for any more, or a restore runs', async () => {
    const made = checking();
    made.missedAt(due - minutes);
    made.occupy();
    made.clock.set(due + 30 * minutes);
    await made.check();
    expect(made.isOpen()).toBe(false);
    made.restore('Running');
    await made.check();
    expect(made.isOpen()).toBe(true);
    made.restore('Succeeded');
    await made.check();
    expect(made.isOpen()).toBe(false);
    made.askNoMore();
    await made.check();
    expect(made.isOpen()).toBe(true);
  });

  it('whose pod cannot start keeps no backup waiting, however overdue it is', async () => {
    const made = checking();
    made.missedAt(due - minutes);
    made.clock.set(due + 50 * minutes);
    await made.check();
    made.podIs(unschedulable, due + 50 * minutes);
    await made.check();
    made.occupy();
    await made.check();
    expect(made.isOpen()).toBe(true);
    made.podIs(running, due + 50 * minutes);
    await made.check();
    expect(made.isOpen()).toBe(false);
    made.vacate();
    await made.check();
    expect(made.status()?.integrity).toMatchObject({ podUID: 'pod-uid' });
  });

  it('begins late where its pod could not start, and not beside a backup', async () => {
    const made = checking();
    await made.check();
    made.podIs(unschedulable);
    await made.check();
    made.occupy();
    made.podIs(running);
    await made.check();
    expect(made.status()?.integrity).not.toHaveProperty('podUID');
    made.vacate();
    await made.check();
    expect(made.status()?.integrity).toMatchObject({ podUID: 'pod-uid' });
    expect(made.isOpen()).toBe(false);
  });
});
