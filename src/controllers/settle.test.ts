import { describe, expect, it } from 'vitest';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { HostWatch } from './host-watch.ts';
import { aRestore } from './objects.fixture.ts';
import { aPod } from './pods.fixture.ts';
import type { HostNow } from './session-status.ts';
import { settleHosts } from './settle.ts';

const deadline = '1970-01-01T01:00:00Z';
const pod = aPod('web-1');
const acting: HostNow = { host: 'host-1', podName: 'web-1', podUID: pod.metadata.uid ?? '' };
const awaited: HostNow = { host: 'host-0' };

async function settledAt(
  seconds: number,
  spec: object = {},
  { said = {}, deletion }: { said?: Partial<HostNow>; deletion?: { reason: string; message: string } } = {},
) {
  const clock = manualClock();
  await clock.advance(seconds * 1000);
  const watch = new HostWatch({ get: async () => pod } as never, clock);
  const session = aRestore({ spec, status: { phase: 'Running', deadline } });
  const hostsNow = [{ ...acting, ...said }, awaited];
  const { hosts } = await settleHosts({ clock }, watch, session, hostsNow, deletion);
  return hosts.map(({ reason, message }) => (reason === undefined ? 'goes on' : `${reason}: ${message}`));
}

describe('the hosts of a session', () => {
  it('go on before its deadline, those without a pod too', async () => {
    expect(await settledAt(3_599)).toEqual(['goes on', 'goes on']);
  });

  it('that have no pod are settled at the deadline, and those that have one get time to stop', async () => {
    const late = `DeadlineExceeded: it was not done by the deadline ${deadline}:`;
    expect(await settledAt(3_601)).toEqual(['goes on', `${late} no pod came for it`]);
    expect(await settledAt(3_646)).toEqual([`${late} its agent did not stop`, `${late} no pod came for it`]);
  });

  it('are all settled as the session is deleted, since its agents stop and say nothing', async () => {
    const deletion = { reason: 'SessionDeleted', message: 'it was deleted' };
    const settled = 'SessionDeleted: it was deleted';
    expect(await settledAt(1, {}, { deletion })).toEqual([settled, settled]);
  });

  it('that had a snapshot still to mark as incomplete end with that, and name it', async () => {
    const said = { reason: 'NotMarkedIncomplete', message: 'Snapshot 01234567 is not complete' };
    expect(await settledAt(3_646, {}, { said })).toEqual([
      `NotMarkedIncomplete: ${said.message}. it was not done by the deadline ${deadline}: its agent did not stop`,
      expect.stringMatching(/^DeadlineExceeded/),
    ]);
  });

  it('that have no pod are settled as the session is cancelled', async () => {
    expect(await settledAt(1, { cancel: true })).toEqual([
      'goes on',
      'Cancelled: the session was cancelled before a pod came for it',
    ]);
  });
});
