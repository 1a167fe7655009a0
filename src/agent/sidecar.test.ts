import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { BackupSession } from '../api/backup-session.ts';
import { HEARTBEAT_LIMIT } from '../api/sessions.ts';
import { sleep } from '../kube/clock.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { runSidecar } from './sidecar.ts';

const running: BackupSession = {
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'BackupSession',
  metadata: { name: 'session', namespace: 'shop', uid: 'of the session', resourceVersion: '2' },
  spec: { backupConfiguration: { name: 'nightly' }, cancel: false },
  status: { phase: 'Running', hosts: [{ host: 'host-0', podUID: 'ours' }] },
};

async function scratchVolume(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'stash-sidecar-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  return scratch;
}

/** A sidecar whose watches are all dead, and when it first reports, in milliseconds. The session is there from the first one on. */
function startDeaf(scratch: string) {
  const clock = manualClock();
  const termination = new AbortController();
  let lists = 0;
  let reportedAt: number | undefined;
  const client = {
    pages: async function* () {
      const items = lists++ === 0 ? [] : [running];
      yield { metadata: { resourceVersion: String(lists) }, items };
    },
    // biome-ignore lint/correctness/useYield: it is silent
    watch: async function* (_: unknown, options: { silenceMs: number; signal: AbortSignal }) {
      await sleep(clock, options.silenceMs, options.signal);
      throw new ConnectionError('server', `no word for ${options.silenceMs} ms`);
    },
    get: async () => {
      throw new ApiError(404, { reason: 'NotFound' });
    },
    apply: async () => {
      reportedAt ??= clock.now();
    },
  };
  const ended = runSidecar({
    identity: { podName: 'web-1', podUID: 'ours', namespace: 'shop', nodeName: 'node' },
    directories: ['/data'],
    paths: { secrets: join(scratch, 'secrets'), scratch },
    configurations: ['nightly'],
    client: client as never,
    clock,
    random: () => 0,
    spawn: () => {
      throw new Error('nothing is to be run');
    },
    signal: termination.signal,
    logger: pino({ level: 'silent' }),
    restic: 'restic',
    programPath: '',
    environment: {},
    secretWaitMs: 0,
  });
  onTestFinished(async () => {
    termination.abort();
    for (let second = 0; second < 30; second++) await clock.advance(1_000);
    await ended;
  });
  return { clock, reportedAt: () => reportedAt, lists: () => lists };
}

test('a session that was begun while the watch was dead is seen before its host is given up', async () => {
  const { clock, reportedAt, lists } = startDeaf(await scratchVolume());
  await expect.poll(lists).toBe(1);
  for (let second = 0; second < 300 && reportedAt() === undefined; second++) await clock.advance(1_000);
  expect(reportedAt()).toBeLessThan(HEARTBEAT_LIMIT);
});

test('a cache that a process before left beyond its limit is removed at the start', async () => {
  const scratch = await scratchVolume();
  await mkdir(join(scratch, 'cache', 'id'), { recursive: true });
  // A hole: it takes no space.
  const file = await open(join(scratch, 'cache', 'id', 'pack'), 'w');
  await file.truncate(1024 ** 3 + 1);
  await file.close();
  const { lists } = startDeaf(scratch);
  await expect.poll(lists).toBe(1);
  expect(await readdir(join(scratch, 'cache'))).toEqual([]);
});
