import { describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from './client.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { runLeaderElection } from './leader.ts';
import { type ManualClock, manualClock } from './manual-clock.fixture.ts';
import type { ApiObject } from './object.ts';

type Lease = ApiObject & { spec: Record<string, unknown> };

/** One Lease with an API server's optimistic lock, and a way to be cut off from it. */
function leaseServer(clock: ManualClock) {
  const state: { lease: Lease | undefined; version: number } = { lease: undefined, version: 0 };
  const cutOff = new Set<string>();
  const client = (identity: string): Client => {
    const reach = async (options: { timeoutMs?: number } | undefined): Promise<void> => {
      if (!cutOff.has(identity)) return;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, options?.timeoutMs ?? 30_000));
      throw new ConnectionError('lease.test', 'no answer');
    };
    const keep = (object: Lease): Lease => {
      const metadata = { ...object.metadata, resourceVersion: String(++state.version) };
      state.lease = structuredClone({ ...object, metadata });
      return structuredClone(state.lease);
    };
    const partial: Partial<Client> = {
      get: async (_resource, _name, _namespace, options) => {
        await reach(options);
        if (state.lease === undefined) throw new ApiError(404, { reason: 'NotFound' });
        return structuredClone(state.lease) as never;
      },
      create: async (_resource, object, options) => {
        await reach(options);
        if (state.lease !== undefined) throw new ApiError(409, { reason: 'AlreadyExists' });
        return keep(object as unknown as Lease) as never;
      },
      replace: async (_resource, object, options) => {
        await reach(options);
        const current = state.lease?.metadata.resourceVersion;
        if (current !== object.metadata.resourceVersion) throw new ApiError(409, { reason: 'Conflict' });
        return keep(object as unknown as Lease) as never;
      },
    };
    return partial as Client;
  };
  return { state, cutOff, client };
}

function contest(names: string[]) {
  const clock = manualClock(Date.parse('2026-01-01T00:00:00Z'));
  const server = leaseServer(clock);
  const leading = new Set<string>();
  const log: string[] = [];
  const say = (what: string): void => {
    log.push(`${Math.round((clock.now() - Date.parse('2026-01-01T00:00:00Z')) / 1000)}s ${what}`);
  };
  const candidates = new Map(
    names.map((identity) => {
      const controller = new AbortController();
      const ended = runLeaderElection({
        client: server.client(identity),
        namespace: 'stash-system',
        name: 'stash',
        identity,
        signal: controller.signal,
        clock,
        random: () => 0,
        onError: () => {},
        onStarted: (signal) => {
          say(`${identity} starts`);
          leading.add(identity);
          return new Promise((resolve) => {
            const end = (): void => {
              leading.delete(identity);
              resolve();
            };
            signal.addEventListener('abort', end, { once: true });
          });
        },
        onStopped: () => say(`${identity} stopped`),
      });
      return [identity, { controller, ended }] as const;
    }),
  );
  const stop = async (identity: string): Promise<void> => {
    const candidate = candidates.get(identity);
    candidate?.controller.abort();
    await clock.advance(30_000);
    await candidate?.ended;
  };
  onTestFinished(async () => {
    server.cutOff.clear();
    for (const name of names) await stop(name);
  });
  return { clock, ...server, leading, log, stop };
}

describe('leader election', () => {
  test('has one leader of two candidates, for as long as it renews', async () => {
    const { clock, leading, log, state } = contest(['one', 'two']);
    await clock.advance(10 * 60_000);
    expect(log).toEqual(['0s one starts']);
    expect([...leading]).toEqual(['one']);
    expect(state.lease?.spec).toMatchObject({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: expect.stringMatching(/^2026-01-01T00:(09|10):\d\d\.\d{6}Z$/),
    });
  });

  test('hands over at once when the leader stops', async () => {
    const { clock, leading, log, stop, state } = contest(['one', 'two']);
    await clock.advance(60_000);
    await stop('one');
    expect(log).toEqual(['0s one starts', '60s one stopped', '62s two starts']);
    expect([...leading]).toEqual(['two']);
    expect(state.lease?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  test('stops a leader that is cut off before another begins', async () => {
    const { clock, leading, log, cutOff } = contest(['one', 'two']);
    await clock.advance(60_000);
    cutOff.add('one');
    for (let second = 0; second < 60; second++) {
      await clock.advance(1000);
      expect(leading.size).toBeLessThanOrEqual(1);
    }
    const [, stopped, started] = log.map((entry) => Number.parseInt(entry, 10));
    expect(log.map((entry) => entry.replace(/^\S+ /, ''))).toEqual([
      'one starts',
      'one stopped',
      'two starts',
    ]);
    expect(stopped).toBeLessThanOrEqual(60 + 12);
    expect(started).toBeGreaterThanOrEqual(60 + 13);
    expect(started).toBeLessThanOrEqual(60 + 20);
  });

  test('lets a leader that was cut off contend again', async () => {
    const { clock, leading, cutOff, stop } = contest(['one', 'two']);
    await clock.advance(60_000);
    cutOff.add('one');
    await clock.advance(60_000);
    cutOff.delete('one');
    await stop('two');
    expect([...leading]).toEqual(['one']);
  });

  test('survives an API server that is away for less than the deadline', async () => {
    const { clock, log, cutOff } = contest(['one']);
    await clock.advance(60_000);
    cutOff.add('one');
    await clock.advance(5_000);
    cutOff.delete('one');
    await clock.advance(60_000);
    expect(log).toEqual(['0s one starts']);
  });

  test('does not go by the times in the lease', async () => {
    const { clock, leading, log, state } = contest(['one', 'two']);
    await clock.advance(30_000);
    if (state.lease !== undefined) state.lease.spec.renewTime = '1999-01-01T00:00:00.000000Z';
    await clock.advance(10_000);
    expect([log, [...leading]]).toEqual([['0s one starts'], ['one']]);
  });

  test('does not take a lease over because its own clock was put forward', async () => {
    const { clock, leading, state } = contest(['one']);
    state.lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'stash', namespace: 'stash-system', resourceVersion: '0' },
      spec: { holderIdentity: 'ghost' },
    };
    await clock.advance(3_000);
    clock.set(clock.now() + 86_400_000);
    await clock.advance(4_000);
    expect(leading.size).toBe(0);
    await clock.advance(15_000);
    expect([...leading]).toEqual(['one']);
  });

  test('gives the lease up, and rejects, when the work fails', async () => {
    const clock = manualClock();
    const { client, state } = leaseServer(clock);
    const election = runLeaderElection({
      client: client('one'),
      namespace: 'ns',
      name: 'stash',
      identity: 'one',
      signal: new AbortController().signal,
      clock,
      onError: () => {},
      onStarted: async () => {
        throw new Error('no CRD');
      },
    });
    await expect(election).rejects.toThrow('no CRD');
    expect(state.lease?.spec.holderIdentity).toBe('');
  });

  test('renews while the work comes to its end, so that nobody else begins before', async () => {
    const clock = manualClock();
    const { client, state } = leaseServer(clock);
    const controller = new AbortController();
    const election = runLeaderElection({
      client: client('one'),
      namespace: 'ns',
      name: 'stash',
      identity: 'one',
      signal: controller.signal,
      clock,
      onError: () => {},
      onStarted: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => clock.setTimeout(resolve, 25_000));
        }),
    });
    await clock.advance(5_000);
    controller.abort();
    await clock.advance(24_000);
    expect(state.lease?.spec).toMatchObject({
      holderIdentity: 'one',
      renewTime: '1970-01-01T00:00:28.000000Z',
    });
    await clock.advance(2_000);
    await election;
    expect(state.lease?.spec.holderIdentity).toBe('');
  });
});
