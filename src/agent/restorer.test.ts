import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RestoreSession } from '../api/restore-session.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { runRestore } from './restorer.ts';

/**
 * When an agent ends whose session is what `look` gives or throws, in milliseconds; undefined where it does not within an hour.
 * Nothing that it reports is accepted. What a process before left of its cache is gone.
 */
async function endOf(look: (now: number) => RestoreSession): Promise<number | undefined> {
  const scratch = await mkdtemp(join(tmpdir(), 'stash-restorer-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  await mkdir(join(scratch, 'cache'));
  await writeFile(join(scratch, 'cache', 'of a process before'), 'x');
  const clock = manualClock();
  const stop = new AbortController();
  const started = Promise.withResolvers<void>();
  let endedAt: number | undefined;
  const ended = runRestore({
    identity: { podName: 'web-1', podUID: 'ours', namespace: 'shop', nodeName: 'node' },
    directories: ['/data'],
    paths: { secrets: join(scratch, 'secrets'), scratch },
    client: {
      get: async () => {
        started.resolve();
        return look(clock.now());
      },
      apply: async () => {
        throw forbidden;
      },
    } as never,
    clock,
    random: () => 0,
    spawn: () => {
      throw new Error('nothing is to be run');
    },
    signal: stop.signal,
    logger: pino({ level: 'silent' }),
    restic: 'restic',
    programPath: '',
    environment: {},
    secretWaitMs: 0,
    sessions: ['restore'],
    owner: { uid: 0, gids: [0] },
  }).then((status) => {
    expect(status).toBe(0);
    endedAt ??= stop.signal.aborted ? undefined : clock.now();
  });
  await started.promise;
  for (let second = 0; second < 3_600 && endedAt === undefined; second += 5) await clock.advance(5_000);
  stop.abort();
  await clock.advance(5_000);
  await ended;
  expect(await readdir(join(scratch, 'cache'))).toEqual([]);
  return endedAt;
}

function session(more: Partial<RestoreSession> = {}): RestoreSession {
  return {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'RestoreSession',
    metadata: { name: 'restore', namespace: 'shop', creationTimestamp: '1970-01-01T00:00:00Z' },
    spec: {
      repository: { name: 'repository' },
      target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, directories: ['/data'] },
      mode: 'Overlay',
      timeout: '10m',
      cancel: false,
    },
    status: { phase: 'Running', hosts: [{ host: 'host-0', podUID: 'another' }] },
    ...more,
  };
}

const done = { podUID: 'another', phase: 'Failed' } as const;

/** One that runs, into `web` of this kind: the pod is `web-1` on the node `node`. */
function ofHosts(
  kind: RestoreSession['spec']['target']['ref']['kind'],
  ...hosts: NonNullable<NonNullable<RestoreSession['status']>['hosts']>
): RestoreSession {
  const { spec } = session();
  const ref = { ...spec.target.ref, kind };
  return session({ spec: { ...spec, target: { ...spec.target, ref } }, status: { phase: 'Running', hosts } });
}

const forbidden = new ApiError(403, { reason: 'Forbidden' });
const unreachable = new ConnectionError('server', 'refused');

describe('a pod that waits for its RestoreSession', () => {
  test.each<[string, (now: number) => RestoreSession, number | undefined]>([
    [
      'goes on after two minutes in which it may not read it',
      () => {
        throw forbidden;
      },
      120_000,
    ],
    [
      'goes on after two minutes without a connection',
      () => {
        throw unreachable;
      },
      120_000,
    ],
    [
      'counts only minutes in a row',
      (now) => {
        if (now % 100_000 > 10_000) throw unreachable;
        return session({ spec: { ...session().spec, timeout: '24h' } });
      },
      undefined,
    ],
    ['goes on when the timeout of a session that nobody ends has passed', () => session(), 600_000],
    [
      'goes on when the deadline of one that another pod restores has passed',
      () => session({ status: { ...session().status, deadline: '1970-01-01T00:05:00Z' } }),
      300_000,
    ],
    [
      'goes on when the session is over',
      (now) => session(now > 60_000 ? { status: { phase: 'Succeeded' } } : {}),
      60_000,
    ],
    [
      'goes on when the pod beside it, which acts for the same host, is done',
      (now) => ofHosts('Deployment', { host: 'host-0', ...(now > 60_000 && done) }),
      60_000,
    ],
    [
      'waits for its turn where its host has no pod yet',
      () => ofHosts('StatefulSet', { host: 'host-0', ...done }, { host: 'host-1' }),
      600_000,
    ],
    [
      'goes on at once where its ordinal was not there as the session began',
      () => ofHosts('StatefulSet', { host: 'host-0' }, { host: 'host-2' }),
      0,
    ],
    ['waits where its node is one of the hosts', () => ofHosts('DaemonSet', { host: 'node' }), 600_000],
    ['goes on at once where its node is new', () => ofHosts('DaemonSet', { host: 'another' }), 0],
  ])('%s', async (_, look, expected) => {
    const at = await endOf(look);
    if (expected === undefined) return expect(at).toBeUndefined();
    expect(at).toBeGreaterThanOrEqual(expected);
    expect(at).toBeLessThanOrEqual(expected + 10_000);
  });
});

describe('a pod whose result is not accepted', () => {
  const lost = {
    phase: 'Running' as const,
    hosts: [{ host: 'host-0', podUID: 'ours', phase: 'Running' as const }],
  };
  const uid = { metadata: { ...session().metadata, uid: 'of the session' } };

  test.each<[string, (now: number) => RestoreSession, number]>([
    ['goes on after five minutes', () => session({ ...uid, status: lost }), 300_000],
    [
      'goes on at once when the session is over, since nobody wants to know any more',
      (now) => session({ ...uid, status: now < 1_000 ? lost : { phase: 'Failed' } }),
      2_000,
    ],
    [
      'goes on at once when the session is another',
      (now) =>
        session(
          now < 1_000
            ? { ...uid, status: lost }
            : { status: { phase: 'Pending' }, spec: { ...session().spec, timeout: '0s' } },
        ),
      2_000,
    ],
  ])('%s', async (_, look, expected) => {
    const at = await endOf(look);
    expect(at).toBeGreaterThanOrEqual(expected);
    expect(at).toBeLessThanOrEqual(expected + 10_000);
  });
});
