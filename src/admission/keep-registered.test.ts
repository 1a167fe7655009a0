import { describe, expect, it } from 'vitest';
import type { Client } from '../kube/client.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import type { ApiObject } from '../kube/object.ts';
import { keepRegistered } from './keep-registered.ts';
import type { Registration } from './registrations.ts';
import type { ServingCertificate } from './serving-certificate.ts';

describe('keepRegistered', () => {
  function aKeeper() {
    const clock = manualClock();
    const state = {
      serving: undefined as ServingCertificate | undefined,
      stored: undefined as Registration | undefined,
      failure: undefined as Error | undefined,
      published: [] as string[],
      changed: Promise.withResolvers<void>(),
    };
    const client = {
      get: async () => {
        if (state.stored === undefined) throw new ApiError(404, { reason: 'NotFound' });
        return state.stored;
      },
      apply: async (_: unknown, object: ApiObject) => {
        if (state.failure !== undefined) throw state.failure;
        state.stored = object as Registration;
      },
    } as unknown as Client;
    const stop = new AbortController();
    const running = keepRegistered(
      {
        client,
        clock,
        certificate: {
          current: () => state.serving,
          published: (authority) => state.published.push(authority),
        },
        registrations: [
          {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: 'MutatingWebhookConfiguration',
            metadata: { name: 'stash' },
            webhooks: [
              { name: 'one', clientConfig: { service: { name: '', namespace: '', path: '/a', port: 443 } } },
            ],
          },
        ],
        fieldManager: 'test',
        namespace: 'stash-system',
        address: { service: 'hook' },
        log: { info: () => {}, error: () => {} },
      },
      () => state.changed.promise,
      stop.signal,
    );
    const change = (authority: string) => {
      state.serving = { authority, certificate: '', key: '' };
      state.changed.resolve();
      state.changed = Promise.withResolvers();
    };
    const end = () => {
      stop.abort();
      return running;
    };
    const trusted = () =>
      Buffer.from(state.stored?.webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
    return { clock, state, change, trusted, end };
  }

  it('registers as soon as there is a certificate, and again as soon as its authority changes', async () => {
    const { change, trusted, state, end } = aKeeper();
    expect(trusted()).toBe('');
    change('one');
    await expect.poll(trusted).toBe('one');
    change('one and two');
    await expect.poll(trusted).toBe('one and two');
    expect(state.published).toEqual(['one', 'one and two']);
    await end();
  });

  it('brings back what somebody took away', async () => {
    const { change, trusted, state, clock, end } = aKeeper();
    change('one');
    await expect.poll(trusted).toBe('one');
    state.stored = undefined;
    await clock.advance(60_000);
    await expect.poll(trusted).toBe('one');
    await end();
  });

  it('tries again where the API server could not be told, and says nothing is published before', async () => {
    const { change, trusted, state, clock, end } = aKeeper();
    state.failure = new ConnectionError('https://api', 'refused');
    change('one');
    await clock.advance(0);
    expect(state.published).toEqual([]);
    state.failure = undefined;
    await clock.advance(2_000);
    await expect.poll(trusted).toBe('one');
    expect(state.published).toEqual(['one']);
    await end();
  });
});
