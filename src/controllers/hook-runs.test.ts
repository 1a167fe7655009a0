import { describe, expect, it, vi } from 'vitest';
import type { HookRun } from '../api/hooks.ts';
import type { Client } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import type { Executed, PodAccess } from '../kube/pod-access.ts';
import type { Context } from './context.ts';
import { HookRuns } from './hook-runs.ts';
import { aSession, aWorkload } from './objects.fixture.ts';

const hook = { exec: { command: ['sync'] }, timeout: '30s' };
const plan = {
  hooks: { preBackup: hook },
  target: { workload: aWorkload({ kind: 'StatefulSet' }) },
  container: undefined,
};
const goneTarget = { ...plan, target: undefined };
const goneHook = { ...plan, hooks: {} };
const pending: HookRun = {
  hook: 'preBackup',
  host: 'host-0',
  podName: 'shop-0',
  podUID: 'uid-0',
  phase: 'Pending',
};
const owner = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  name: 'shop',
  uid: 'workload-uid',
  controller: true,
};
const pod = {
  metadata: { name: 'shop-0', uid: 'uid-0', ownerReferences: [owner] },
  spec: { containers: [{ name: 'app' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'app', state: { running: {} } }] },
};

function setUp() {
  const executions: { signal: AbortSignal; end: (result: Executed) => void }[] = [];
  const pods = {
    exec: (_at: unknown, _command: string[], signal: AbortSignal) =>
      new Promise<Executed>((end, reject) => {
        executions.push({ signal, end });
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  } as unknown as PodAccess;
  const notes: string[] = [];
  const changed = vi.fn<(key: string) => void>();
  const context = {
    client: { list: async () => [pod] } as unknown as Client,
    clock: systemClock,
    events: { record: ({ note }: { note: string }) => notes.push(note) },
    log: { warn: () => {} },
  } as unknown as Context;
  return { runs: new HookRuns(context, pods, changed), executions, changed, notes };
}

const session = aSession();

it('runs a hook only once its session says so, and once, and tells as it ends', async () => {
  const { runs, executions, changed, notes } = setUp();
  const running = runs.advance(session, [pending], plan);
  expect(running).toMatchObject([{ phase: 'Running', startTime: expect.any(String) }]);
  expect(executions).toHaveLength(0);

  expect(runs.advance(session, running, plan)).toBe(running);
  await vi.waitFor(() => expect(executions).toHaveLength(1));
  expect(runs.advance(session, running, plan)).toBe(running);
  executions[0]?.end({ exitCode: 1, lastLine: 'locked' });
  await vi.waitFor(() => expect(changed).toHaveBeenCalledWith('demo/shop-1'));

  const ended = runs.advance(session, running, plan);
  expect(ended).toMatchObject([{ phase: 'Failed', exitCode: 1, completionTime: expect.any(String) }]);
  // Where the write of it failed, it is there again.
  expect(runs.advance(session, running, plan)).toMatchObject([{ phase: 'Failed' }]);
  expect(runs.advance(session, ended, plan)).toBe(ended);
  expect(executions).toHaveLength(1);
  runs.tell(session, running, ended);
  runs.tell(session, ended, ended);
  expect(notes).toEqual(['preBackup of host-0 in pod shop-0: the command ended with exit code 1: locked']);
});

it('runs again, after a restart, what had not ended, and nothing else', async () => {
  const { runs, executions } = setUp();
  const running: HookRun = { ...pending, phase: 'Running' };
  const done: HookRun = { ...pending, host: 'host-1', phase: 'Succeeded' };
  expect(runs.advance(session, [running, done], plan)).toEqual([running, done]);
  await vi.waitFor(() => expect(executions).toHaveLength(1));
});

describe('where a namespace has as many hooks under way as may be', () => {
  const hosts = Array.from({ length: 9 }, (_, index) => ({ ...pending, host: `host-${index}` }));
  const other = aSession({ metadata: { namespace: 'elsewhere' } });

  async function filled() {
    const at = setUp();
    const running = at.runs.advance(session, hosts, plan);
    const known = at.runs.advance(session, running, plan);
    await vi.waitFor(() => expect(at.executions).toHaveLength(8));
    return { ...at, known };
  }

  it('another waits and says so, and one of another namespace does not wait', async () => {
    const { runs, known, executions, changed } = await filled();
    expect(known.map(({ phase }) => phase)).toEqual([...Array(8).fill('Running'), 'Pending']);
    expect(known[8]).toEqual({
      ...hosts[8],
      reason: 'Queued',
      message: expect.stringMatching(/^it waits until another has ended: at most 8 hooks of a namespace/),
    });
    expect(runs.advance(session, known, plan)).toBe(known);
    runs.advance(other, [{ ...pending, phase: 'Running' }], plan);
    await vi.waitFor(() => expect(executions).toHaveLength(9));

    executions[0]?.end({ exitCode: 0, lastLine: '' });
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2));
    const next = runs.advance(session, known, plan);
    expect(next[0]?.phase).toBe('Succeeded');
    expect(next[8]).toEqual({ ...hosts[8], phase: 'Running', startTime: expect.any(String) });
    runs.advance(session, next, plan);
    await vi.waitFor(() => expect(executions).toHaveLength(10));
  });

  it('one that ran under the operator before waits too, and says so', async () => {
    const { runs } = await filled();
    const taken = {
      ...pending,
      host: 'host-9',
      phase: 'Running',
      startTime: '2026-11-22T17:00:00Z',
    } as const;
    expect(runs.advance(session, [taken], plan)).toEqual([
      { ...pending, host: 'host-9', reason: 'Queued', message: expect.any(String) },
    ]);
  });

  it.each([
    ['stop', (runs: HookRuns) => runs.stop(session, ({ host }) => host !== 'host-8')],
    ['the loss of the workload', (runs: HookRuns) => runs.advance(session, hosts.slice(0, 1), goneTarget)],
    ['the loss of the hook', (runs: HookRuns) => runs.advance(session, hosts.slice(0, 1), goneHook)],
  ])('it gets the place of one that is wanted no more, by %s', async (_, giveUp) => {
    const { runs, known, changed } = await filled();
    giveUp(runs);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledWith('demo/shop-1'));
    expect(runs.advance(session, known.slice(8), plan)).toMatchObject([{ phase: 'Running' }]);
  });

  it('one that waits in a session that is gone takes no place', async () => {
    const { runs, executions } = await filled();
    const gone = aSession({ metadata: { name: 'shop-2' } });
    expect(runs.advance(gone, [pending], plan)).toMatchObject([{ phase: 'Pending' }]);
    runs.forget('BackupSession/demo/shop-1');
    runs.forget('BackupSession/demo/shop-2');
    await new Promise((resolve) => setImmediate(resolve));
    const fresh = aSession({ metadata: { name: 'shop-3' } });
    const running = runs.advance(fresh, hosts.slice(0, 8), plan);
    expect(running.every(({ phase }) => phase === 'Running')).toBe(true);
    runs.advance(fresh, running, plan);
    await vi.waitFor(() => expect(executions).toHaveLength(16));
  });
});

it.each(['stop', 'forget', 'close'] as const)('lets go, by %s, of what is wanted no more', async (how) => {
  const { runs, executions, changed } = setUp();
  runs.advance(session, [{ ...pending, phase: 'Running' }], plan);
  await vi.waitFor(() => expect(executions).toHaveLength(1));
  if (how === 'stop') runs.stop(session, ({ host }) => host === 'host-0');
  if (how === 'forget') runs.forget('BackupSession/demo/shop-1');
  if (how === 'close') runs.close();
  expect(executions[0]?.signal.aborted).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(changed).not.toHaveBeenCalled();
});

it('skips a hook that was taken out meanwhile, and fails one whose workload is gone', () => {
  const { runs } = setUp();
  expect(runs.advance(session, [pending], { ...plan, hooks: {} })).toMatchObject([
    { phase: 'Skipped', reason: 'HookRemoved' },
  ]);
  expect(runs.advance(session, [pending], { ...plan, target: undefined })).toMatchObject([
    { phase: 'Failed', reason: 'WorkloadNotFound' },
  ]);
});
