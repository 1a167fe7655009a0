import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { BackupHost, BackupStat } from '../api/backup-session.ts';
import { BACKUP_SESSIONS } from '../api/resources.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { type ManualClock, manualClock } from '../kube/manual-clock.fixture.ts';
import type { Agent } from './agent.ts';
import { Report } from './report.ts';

interface Applied {
  at: number;
  metadata: { uid: string };
  status: { hosts: BackupHost[]; stats?: BackupStat[] };
}

/** A report, and what an API server that answers with `answer` was told, with the millisecond of each attempt. */
function reporting(answer: () => void = () => {}) {
  const clock: ManualClock = manualClock();
  const attempts: Applied[] = [];
  const client = {
    apply: async (_: unknown, object: Applied) => {
      attempts.push(structuredClone({ ...object, at: clock.now() }));
      answer();
    },
    get: async () => ({ metadata: { uid: 'another' } }),
  };
  const agent = { clock, client, random: () => 0, logger: pino({ level: 'silent' }) } as unknown as Agent;
  const session = { name: 'session', namespace: 'shop', uid: 'ours' };
  const report = new Report<BackupHost, BackupStat>(agent, BACKUP_SESSIONS, session, { host: 'host-0' });
  return { clock, attempts, report };
}

const at = (percent: number) => ({
  progress: { directory: '/data', percent, filesDone: 0, bytesDone: 0 },
});

test('a phase is reported at once, progress every 10 s at most', async () => {
  const { clock, attempts, report } = reporting();
  report.tell({ phase: 'Running' });
  await clock.advance(0);
  for (let second = 1; second <= 25; second++) {
    report.mention(at(second));
    await clock.advance(1_000);
  }
  report.tell({ phase: 'Succeeded', progress: undefined });
  await clock.advance(0);
  expect(attempts.map((each) => each.at)).toEqual([0, 10_000, 20_000, 25_000]);
  expect(attempts.map(({ status }) => status.hosts[0]?.progress?.percent)).toEqual([
    undefined,
    10,
    20,
    undefined,
  ]);
  expect(attempts.at(-1)?.status.hosts).toEqual([
    { host: 'host-0', phase: 'Succeeded', heartbeatTime: '1970-01-01T00:00:25Z' },
  ]);
});

test('there is a heartbeat every 20 s while nothing is said, and none when the work is done', async () => {
  const { clock, attempts, report } = reporting();
  report.beat();
  report.tell({ phase: 'Running' });
  await clock.advance(60_000);
  report.rest();
  report.tell({ phase: 'Succeeded' });
  await clock.advance(600_000);
  expect(attempts.map((each) => each.at)).toEqual([0, 20_000, 40_000, 60_000, 60_000]);
});

test('a result is repeated until it is accepted, ever more seldom, and carries all that was said', async () => {
  let isDown = true;
  const { clock, attempts, report } = reporting(() => {
    if (isDown) throw new ConnectionError('server', 'refused');
  });
  report.addStat({ hostname: 'host-0', directory: '/data' } as BackupStat);
  report.tell({ phase: 'Succeeded' });
  let accepted: boolean | undefined;
  void report.accepted().then((answer) => {
    accepted = answer;
  });
  await clock.advance(300_000);
  expect(attempts.map((each) => each.at).slice(0, 8)).toEqual([
    0, 500, 1_500, 3_500, 7_500, 15_500, 30_500, 45_500,
  ]);
  expect(accepted).toBeUndefined();
  isDown = false;
  await clock.advance(15_000);
  expect(accepted).toBe(true);
  expect(attempts.at(-1)).toMatchObject({
    metadata: { uid: 'ours' },
    status: { hosts: [{ phase: 'Succeeded' }], stats: [{ directory: '/data' }] },
  });
  const { length } = attempts;
  await clock.advance(300_000);
  expect(attempts).toHaveLength(length);
});

test.each([
  ['gone', new ApiError(404, { reason: 'NotFound' })],
  ['another of the same name', new ApiError(409, { reason: 'Conflict' })],
])('a report on a session that is %s ends', async (_, error) => {
  const { clock, attempts, report } = reporting(() => {
    throw error;
  });
  report.beat();
  report.tell({ phase: 'Running' });
  const accepted = report.accepted();
  await clock.advance(120_000);
  expect(await accepted).toBe(false);
  expect(attempts).toHaveLength(1);
});

test('a report that was closed says nothing more', async () => {
  const { clock, attempts, report } = reporting();
  report.beat();
  report.tell({ phase: 'Running' });
  await clock.advance(1_000);
  report.close();
  report.tell({ phase: 'Succeeded' });
  await clock.advance(120_000);
  expect(attempts.map(({ status }) => status.hosts[0]?.phase)).toEqual(['Running']);
});
