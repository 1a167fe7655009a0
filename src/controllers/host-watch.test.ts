import { describe, expect, it } from 'vitest';
import type { Resource } from '../api/resources.ts';
import { HEARTBEAT_LIMIT } from '../api/sessions.ts';
import { ApiError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { nodes } from '../kube/resource.ts';
import { HostWatch } from './host-watch.ts';
import { aPod } from './pods.fixture.ts';

const pod = aPod('web-0');
const host = { host: 'host-0', podName: 'web-0', podUID: pod.metadata.uid ?? '', heartbeatTime: 'then' };

function watching(answer: (resource: Resource) => object) {
  const clock = manualClock();
  const looks: number[] = [];
  const client = {
    get: async (resource: Resource) => {
      looks.push(clock.now());
      return answer(resource);
    },
  };
  const watch = new HostWatch(client as never, clock);
  return { clock, looks, lossOf: (of = host) => watch.lossOf('session', 'demo', of), watch };
}

describe('a host that acts', () => {
  it.each([
    [
      'PodGone',
      () => {
        throw new ApiError(404, {});
      },
    ],
    ['PodGone', () => ({ ...pod, metadata: { ...pod.metadata, uid: 'another' } })],
    ['PodEnded', () => aPod('web-0', { phase: 'Failed' })],
  ])('is lost with its pod: %s', async (reason, answer) => {
    expect(await watching(answer).lossOf()).toMatchObject({ reason });
  });

  it('is lost when its heartbeat has been the same for too long, whatever its clock says', async () => {
    const { clock, lossOf } = watching(() => pod);
    expect(await lossOf()).toBeUndefined();
    await clock.advance(HEARTBEAT_LIMIT);
    expect(await lossOf()).toBeUndefined();
    await clock.advance(6_000);
    expect(await lossOf({ ...host, heartbeatTime: 'now' })).toBeUndefined();
    await clock.advance(HEARTBEAT_LIMIT + 1_000);
    expect(await lossOf({ ...host, heartbeatTime: 'now' })).toMatchObject({ reason: 'AgentLost' });
  });

  const onNode = aPod('web-0', { node: 'node-1' });
  const ready = (status: string) => ({ status: { conditions: [{ type: 'Ready', status }] } });
  it.each<[string, () => object, string | undefined]>([
    ['Kubernetes hears nothing of', () => ready('Unknown'), 'NodeLost'],
    [
      'is gone',
      () => {
        throw new ApiError(404, {});
      },
      'NodeLost',
    ],
    ['says that it is not ready', () => ready('False'), undefined],
    ['is well', () => ready('True'), undefined],
    [
      'may not be asked for',
      () => {
        throw new ApiError(403, {});
      },
      undefined,
    ],
  ])('that is silent for 70 s, on a node that %s, is lost with it or not at all', async (_, node, reason) => {
    const { clock, lossOf } = watching((resource) => (resource === nodes ? node() : onNode));
    const losses: unknown[] = [];
    for (const ms of [46_000, 21_000]) {
      losses.push(await lossOf());
      await clock.advance(ms);
    }
    losses.push((await lossOf())?.reason);
    expect(losses).toEqual([undefined, undefined, reason]);
  });

  it('that reports is not lost, whatever Kubernetes hears of its node', async () => {
    const { clock, lossOf } = watching((resource) => (resource === nodes ? ready('Unknown') : onNode));
    for (let beat = 0; beat < 8; beat++) {
      expect(await lossOf({ ...host, heartbeatTime: `${beat}` })).toBeUndefined();
      await clock.advance(20_000);
    }
  });

  it('has its pod looked at every 5 s at most, however often others of the session report', async () => {
    const { clock, lossOf, looks } = watching(() => pod);
    for (let second = 0; second < 20; second++) {
      await lossOf();
      await clock.advance(1_000);
    }
    expect(looks.map((at) => at - (looks[0] ?? 0))).toEqual([0, 5_000, 10_000, 15_000]);
  });

  it('is forgotten with its session, and with no other', async () => {
    const { clock, watch } = watching(() => pod);
    watch.unchangedFor('a/x', 'same');
    watch.unchangedFor('ab/x', 'same');
    await clock.advance(1_000);
    watch.forget('a');
    expect(watch.unchangedFor('a/x', 'same')).toBe(0);
    expect(watch.unchangedFor('ab/x', 'same')).toBe(1_000);
  });
});
