import { describe, expect, it } from 'vitest';
import type { HookRun, PostHook } from '../api/hooks.ts';
import { aRestore, aWorkload } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import {
  abandoned,
  awaitsPreRestore,
  dueAfter,
  dueAfterJob,
  dueBeforeRestore,
  dueInHolder,
  heldForHook,
  hooksCondition,
  released,
} from './session-hooks.ts';
import type { HostNow } from './session-status.ts';

const now = '2026-11-22T17:00:00Z';
const hook = { exec: { command: ['sync'] }, timeout: '30s' };
const acting: HostNow = { host: 'host-0', podName: 'shop-0', podUID: 'uid-0' };
const missing: HostNow = { host: 'host-1', phase: 'Failed', reason: 'NoAgent', message: 'none' };
const run = (over: Partial<HookRun> = {}): HookRun => ({
  hook: 'preBackup',
  host: 'host-0',
  podName: 'shop-0',
  podUID: 'uid-0',
  phase: 'Pending',
  ...over,
});

describe('a preBackup hook', () => {
  it('keeps the agent of each host from beginning, since that acts for the host that has its pod', () => {
    const { hosts, hooks } = heldForHook(hook, [acting, missing]);
    expect(hosts).toEqual([{ host: 'host-0', podName: 'shop-0' }, missing]);
    expect(hooks).toEqual([run()]);
  });

  it('that there is not keeps nobody', () => {
    expect(heldForHook(undefined, [acting, missing])).toEqual({ hosts: [acting, missing] });
  });

  it.each([
    ['Pending', { host: 'host-0', podName: 'shop-0' }],
    ['Running', { host: 'host-0', podName: 'shop-0' }],
    ['Succeeded', acting],
    ['Skipped', acting],
  ] as const)('that is %s leaves the host so', (phase, host) => {
    const held = { host: 'host-0', podName: 'shop-0' };
    expect(released([held], [run({ phase })], now)).toEqual([host]);
  });

  it('gives the host of a Job no pod of the application: it gets that of its Job', () => {
    const host = { host: 'host-0' };
    expect(released([host], [run({ phase: 'Succeeded' })], now)).toEqual([host]);
    expect(released([host], [run({ phase: 'Failed' })], now)).toMatchObject([{ phase: 'Failed' }]);
  });

  it('that failed fails its host, for its reason, and no other', () => {
    const held = ['host-0', 'host-1'].map((host) => ({ host, podName: host }));
    const failed = run({ phase: 'Failed', reason: 'HookTimedOut', message: 'it did not end' });
    expect(released(held, [failed, run({ host: 'host-1' })], now)).toEqual([
      {
        host: 'host-0',
        podName: 'host-0',
        phase: 'Failed',
        reason: 'HookTimedOut',
        message: 'nothing was backed up, since the preBackup hook failed in pod shop-0: it did not end',
        completionTime: now,
      },
      held[1],
    ]);
  });

  it('ends with its host, and one that has ended stays as it is', () => {
    const why = { reason: 'HookFailed', message: 'given up' };
    const done = run({ host: 'host-1', phase: 'Succeeded' });
    const [first, second] = abandoned([run({ phase: 'Running' }), done], 'preBackup', why, () => true, now);
    expect(first).toMatchObject({ phase: 'Failed', ...why, completionTime: now });
    expect(second).toBe(done);
  });
});

describe('a hook after', () => {
  const postOf = (executionPolicy: PostHook['executionPolicy']): PostHook => ({ ...hook, executionPolicy });
  const good: HostNow = { ...acting, phase: 'Succeeded' };
  const bad: HostNow = { ...acting, phase: 'Failed' };

  it.each([
    ['Always', good, true],
    ['Always', bad, true],
    ['OnSuccess', good, true],
    ['OnSuccess', bad, false],
    ['OnFailure', good, false],
    ['OnFailure', bad, true],
    ['Always', acting, false],
    ['Always', missing, false],
  ] as const)('with the policy %s, for %j, is due: %s', (policy, host, isDue) => {
    const due = dueAfter('postBackup', postOf(policy), [host], []);
    expect(due).toEqual(isDue ? [run({ hook: 'postBackup' })] : []);
  });

  it('runs in the pod of the hook before it, where the host never got it', () => {
    const { podUID: _, ...held } = bad;
    const due = dueAfter('postBackup', postOf('Always'), [held], [run({ phase: 'Failed' })]);
    expect(due).toEqual([run({ hook: 'postBackup' })]);
  });

  it('is due once', () => {
    const ran = run({ hook: 'postBackup', phase: 'Succeeded' });
    expect(dueAfter('postBackup', postOf('Always'), [good], [ran])).toEqual([]);
  });
});

describe('a preRestore hook', () => {
  it('runs once in a Deployment, and in each pod of a StatefulSet that runs', () => {
    const pods = [
      aPod('shop-0'),
      aPod('shop-1'),
      aPod('shop-2', { isGoing: true }),
      aPod('shop-3', { phase: 'Pending' }),
    ];
    const hostsOf = (kind: string) => dueBeforeRestore(aWorkload({ kind }), pods).map(({ host }) => host);
    expect(hostsOf('Deployment')).toEqual(['host-0']);
    expect(hostsOf('StatefulSet')).toEqual(['host-0', 'host-1']);
  });

  it('is skipped, and says so, where no pod runs: what is down has to be restored all the same', () => {
    const runs = dueBeforeRestore(aWorkload(), []);
    expect(runs).toMatchObject([{ phase: 'Skipped', reason: 'NoRunningPod' }]);
    expect(hooksCondition(runs)).toMatchObject({ status: 'True' });
  });

  it.each([
    ['before it is due', undefined, true],
    ['while it waits', 'Pending', true],
    ['while it runs', 'Running', true],
    ['where it failed', 'Failed', true],
    ['once it went well', 'Succeeded', false],
    ['where it is skipped', 'Skipped', false],
  ] as const)('keeps everything as it is, %s: %s', (_, phase, awaits) => {
    const session = aRestore({ spec: { hooks: { preRestore: hook } } });
    const hooks = phase === undefined ? [] : [run({ hook: 'preRestore', phase })];
    expect(awaitsPreRestore({ ...session, status: { hooks } })).toBe(awaits);
    expect(awaitsPreRestore(aRestore({ status: { hooks } }))).toBe(false);
  });
});

describe('the condition of hooks', () => {
  it('is none where none was due, and False where one failed, with which and why', () => {
    expect(hooksCondition([])).toBeUndefined();
    const failed = run({ hook: 'postBackup', phase: 'Failed', message: 'exit code 3' });
    expect(hooksCondition([run({ phase: 'Succeeded' }), failed])).toMatchObject({
      status: 'False',
      message: 'postBackup of host-0 in pod shop-0: exit code 3',
    });
  });
});

describe('the hooks of a claim', () => {
  const holder = aPod('web-1');
  const inHolder = { host: 'host-0', podName: 'web-1', podUID: holder.metadata.uid, phase: 'Pending' };
  const ofJob: HostNow = { host: 'host-0', podName: 'shop-1-abc', podUID: 'uid-of-job', phase: 'Succeeded' };
  const after: PostHook = { ...hook, executionPolicy: 'Always' };
  const due = (runs: HookRun[], found: typeof holder | undefined, policy: PostHook = after) =>
    dueAfterJob('postBackup', policy, [ofJob], runs, 'data', async () => found);

  it('run in the pod that has it mounted, and are skipped where none runs', async () => {
    expect(dueInHolder('preBackup', holder, 'data')).toEqual({ ...inHolder, hook: 'preBackup' });
    const skipped = { host: 'host-0', phase: 'Skipped', reason: 'NoRunningPod' };
    expect(dueInHolder('preBackup', undefined, 'data')).toMatchObject({ ...skipped, hook: 'preBackup' });
    expect(await due([], holder)).toEqual([{ ...inHolder, hook: 'postBackup' }]);
    expect(await due([], undefined)).toMatchObject([{ ...skipped, hook: 'postBackup' }]);
  });

  it('run after in the very pod in which they ran before, whoever has the claim by then', async () => {
    expect(await due([run({ phase: 'Succeeded' })], holder)).toEqual([run({ hook: 'postBackup' })]);
  });

  it('run after once, and as their policy says', async () => {
    expect(await due([run({ hook: 'postBackup', phase: 'Succeeded' })], holder)).toEqual([]);
    expect(await due([], holder, { ...after, executionPolicy: 'OnFailure' })).toEqual([]);
  });
});
