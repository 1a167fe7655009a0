import { expect, test } from 'vitest';
import type { Client } from './client.ts';
import { ApiError } from './errors.ts';
import { EventRecorder, type Notice } from './events.ts';
import { manualClock } from './manual-clock.fixture.ts';
import type { ApiObject } from './object.ts';

const regarding: ApiObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'demo', name: 'web', uid: 'u1', resourceVersion: '7' },
};
const notice: Notice = {
  type: 'Normal',
  reason: 'Injected',
  action: 'Inject',
  note: 'The sidecar was added.',
  regarding,
};

interface Written extends ApiObject {
  note: string;
  series?: { count: number; lastObservedTime: string };
}

/** Keeps events as the API server does. */
function recorded() {
  const kept = new Map<string, Written>();
  const writes: string[] = [];
  const errors: unknown[] = [];
  const refuse: { error?: Error } = {};
  const partial: Partial<Client> = {
    create: async (_resource, object) => {
      writes.push('create');
      if (refuse.error !== undefined) throw refuse.error;
      kept.set(object.metadata.name, object as unknown as Written);
      return object;
    },
    mergePatch: async (_resource, name, _namespace, patch) => {
      writes.push('patch');
      const event = kept.get(name);
      if (event === undefined) throw new ApiError(404, { reason: 'NotFound' });
      Object.assign(event, patch);
      return event as never;
    },
  };
  const clock = manualClock(Date.parse('2026-01-01T00:00:00Z'));
  const recorder = new EventRecorder({
    client: partial as Client,
    reportingInstance: 'stash-0',
    onError: (error) => errors.push(error),
    clock,
  });
  return { kept, writes, errors, refuse, clock, recorder };
}

test('an event says what was done, to what, by whom', async () => {
  const { recorder, kept } = recorded();
  recorder.record(notice);
  await recorder.drain();
  expect([...kept.values()]).toEqual([
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'demo' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      type: 'Normal',
      reason: 'Injected',
      action: 'Inject',
      note: 'The sidecar was added.',
      regarding: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'demo',
        name: 'web',
        uid: 'u1',
        resourceVersion: '7',
      },
      reportingController: 'stash.appscode.com/operator',
      reportingInstance: 'stash-0',
    },
  ]);
});

test('an event repeated a thousand times is one series, written about once a minute', async () => {
  const { recorder, clock, kept, writes } = recorded();
  for (let i = 0; i < 1000; i++) {
    recorder.record({
      ...notice,
      regarding: { ...regarding, metadata: { ...regarding.metadata, resourceVersion: `${i}` } },
    });
    await clock.advance(600);
  }
  await recorder.drain();
  expect(kept.size).toBe(1);
  expect(writes.length).toBeLessThan(14);
  const [event] = kept.values();
  expect(event?.series?.count).toBeGreaterThan(900);
  expect(event?.series?.lastObservedTime).toMatch(/^2026-01-01T00:09:/);
});

test('what comes again after the series is over is a new event', async () => {
  const { recorder, clock, kept } = recorded();
  recorder.record(notice);
  await clock.advance(7 * 60_000);
  recorder.record(notice);
  await recorder.drain();
  expect(kept.size).toBe(2);
});

test('a loop with ever new notes cannot flood the server, and another object is heard all the same', async () => {
  const { recorder, kept } = recorded();
  for (let i = 0; i < 1000; i++) recorder.record({ ...notice, note: `attempt ${i}` });
  recorder.record({
    ...notice,
    regarding: { ...regarding, metadata: { ...regarding.metadata, name: 'other', uid: 'u2' } },
  });
  await recorder.drain();
  expect(kept.size).toBe(26);
});

test('an event that the server has forgotten is made anew', async () => {
  const { recorder, clock, kept } = recorded();
  recorder.record(notice);
  await recorder.drain();
  kept.clear();
  await clock.advance(60_000);
  recorder.record(notice);
  await recorder.drain();
  expect(kept.size).toBe(1);
});

test('a server that refuses is reported, and the next event is written', async () => {
  const { recorder, errors, refuse, kept } = recorded();
  refuse.error = new ApiError(403, { reason: 'Forbidden', message: 'namespace is being terminated' });
  recorder.record(notice);
  await recorder.drain();
  expect(errors).toEqual([refuse.error]);
  delete refuse.error;
  recorder.record({ ...notice, reason: 'Removed' });
  await recorder.drain();
  expect(kept.size).toBe(1);
});

test.each([
  ['short', 'short'],
  ['x'.repeat(1024), 'x'.repeat(1024)],
  ['x'.repeat(1025), `${'x'.repeat(1021)}…`],
  ['€'.repeat(500), `${'€'.repeat(340)}…`],
  ['😀'.repeat(300), `${'😀'.repeat(255)}…`],
])('a note is at most 1 KiB and ends with a whole character (case %#)', async (note, written) => {
  const { recorder, kept } = recorded();
  recorder.record({ ...notice, note });
  await recorder.drain();
  expect([...kept.values()].map((event) => event.note)).toEqual([written]);
});

test('a namespace that is being deleted is no error', async () => {
  const { recorder, refuse, errors, writes } = recorded();
  const causes = [{ reason: 'NamespaceTerminating', message: 'it is being terminated' }];
  refuse.error = new ApiError(403, { reason: 'Forbidden', details: { causes } });
  recorder.record(notice);
  await recorder.drain();
  expect(writes).toEqual(['create']);
  expect(errors).toEqual([]);

  refuse.error = new ApiError(403, { reason: 'Forbidden' });
  recorder.record({ ...notice, note: 'Another.' });
  await recorder.drain();
  expect(errors).toEqual([refuse.error]);
});
