import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cache } from './cache.ts';
import { ConnectionError, isGone } from './errors.ts';
import { answerJson, type LocalServer, localServer } from './local-server.fixture.ts';
import type { ApiObject } from './object.ts';
import { startReflector } from './reflector.ts';
import { pods } from './resource.ts';

const pod = (name: string, version: number): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'ns', name, uid: name, resourceVersion: String(version) },
});
const list = (version: number, ...items: ApiObject[]) => ({
  metadata: { resourceVersion: String(version) },
  items,
});
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const bookmark = (version: number): string =>
  line('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: String(version) } });
const expired = {
  kind: 'Status',
  status: 'Failure',
  code: 410,
  reason: 'Expired',
  message: 'too old resource version',
};

/** What the server does with each list and each watch, by turn; a turn that is not there hangs. */
interface Script {
  lists: ((response: ServerResponse) => void)[];
  watches: ((response: ServerResponse) => void)[];
}

async function reflected(script: Script, options: { silenceMs?: number } = {}) {
  const turn = { list: 0, watch: 0 };
  const server: LocalServer = await localServer((request, response) => {
    const act = request.url?.includes('watch=true')
      ? script.watches[turn.watch++]
      : script.lists[turn.list++];
    act?.(response);
  });
  const cache = new Cache();
  const errors: unknown[] = [];
  const controller = new AbortController();
  const reflector = startReflector({
    client: server.client,
    resource: pods,
    cache,
    signal: controller.signal,
    onError: (error) => errors.push(error),
    random: () => 0.99,
    ...options,
  });
  onTestFinished(async () => {
    controller.abort();
    await reflector.stopped;
    await server[Symbol.asyncDispose]();
  });
  const names = () =>
    [...cache.list()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  const versions = () =>
    server.requests
      .filter((url) => url.includes('watch=true'))
      .map((url) => /resourceVersion=(\w+)/.exec(url)?.[1]);
  const lists = () => server.requests.filter((url) => !url.includes('watch=true'));
  return { cache, reflector, errors, names, versions, lists, controller };
}

const answerList =
  (version: number, ...items: ApiObject[]) =>
  (response: ServerResponse) =>
    answerJson(response, 200, list(version, ...items));

describe('a reflector', () => {
  test('lists page by page, then watches from where the list ended, with bookmarks and a server-side limit', async () => {
    const { reflector, names, versions, lists, errors } = await reflected({
      lists: [
        (response) =>
          answerJson(response, 200, {
            metadata: { resourceVersion: '5', continue: 'more' },
            items: [pod('a', 1)],
          }),
        answerList(5, pod('b', 2)),
      ],
      watches: [
        (response) =>
          response.write(
            line('ADDED', pod('c', 6)) + line('MODIFIED', pod('a', 7)) + line('DELETED', pod('b', 8)),
          ),
      ],
    });
    await reflector.synced;
    await expect.poll(names).toEqual(['a@7', 'c@6']);
    expect(lists()).toEqual(['GET /api/v1/pods?limit=500', 'GET /api/v1/pods?limit=500&continue=more']);
    expect(versions()).toEqual(['5']);
    expect(errors).toEqual([]);
  });

  test('is synced only when the whole list is there', async () => {
    const { cache, reflector } = await reflected({
      lists: [
        (response) =>
          answerJson(response, 200, {
            metadata: { resourceVersion: '5', continue: 'more' },
            items: [pod('a', 1)],
          }),
      ],
      watches: [],
    });
    let synced = false;
    void reflector.synced.then(() => {
      synced = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([synced, cache.size]).toEqual([false, 0]);
  });

  test('goes on where it was when the server ends the watch, with no list in between', async () => {
    const { names, versions, lists } = await reflected({
      lists: [answerList(5, pod('a', 1))],
      watches: [
        (response) => response.end(`${line('ADDED', pod('b', 6))}${bookmark(9)}{"type":"ADDED","obj`),
        (response) => response.write(line('ADDED', pod('c', 10))),
      ],
    });
    await expect.poll(names).toEqual(['a@1', 'b@6', 'c@10']);
    expect(versions()).toEqual(['5', '9']);
    expect(lists()).toHaveLength(1);
  });

  test('goes on where it was when the network cuts the watch', async () => {
    const { names, versions, lists, errors } = await reflected({
      lists: [answerList(5)],
      watches: [
        (response) => {
          response.write(line('ADDED', pod('a', 6)));
          setTimeout(() => response.destroy(), 20);
        },
        (response) => response.write(line('ADDED', pod('b', 7))),
      ],
    });
    await expect.poll(names).toEqual(['a@6', 'b@7']);
    expect([versions(), lists().length]).toEqual([['5', '6'], 1]);
    expect(errors).toEqual([expect.any(ConnectionError)]);
  });

  test('leaves a watch that stalls, and goes on where it was', async () => {
    const { names, versions, errors } = await reflected(
      {
        lists: [answerList(5)],
        watches: [
          (response) => response.write(bookmark(8)),
          (response) => response.write(line('ADDED', pod('b', 9))),
        ],
      },
      { silenceMs: 1_000 },
    );
    await expect.poll(names).toEqual(['b@9']);
    expect(versions().slice(0, 2)).toEqual(['5', '8']);
    expect(String(errors[0])).toContain('no word for 1000 ms');
  });

  test.each([
    ['as an event', (response: ServerResponse) => response.write(line('ERROR', expired))],
    ['as an answer', (response: ServerResponse) => answerJson(response, 410, expired)],
  ])(
    'lists anew when its version is too old, said %s, and tells what was deleted meanwhile',
    async (_, refuse) => {
      const { cache, names, versions, errors } = await reflected({
        lists: [answerList(5, pod('a', 1), pod('b', 2)), answerList(50, pod('b', 2), pod('c', 40))],
        watches: [refuse],
      });
      const deleted: string[] = [];
      cache.listen({ deleted: (old) => deleted.push(old.metadata.name) });
      await expect.poll(names).toEqual(['b@2', 'c@40']);
      await expect.poll(versions).toEqual(['5', '50']);
      expect(deleted).toEqual(['a']);
      expect(errors.map(isGone)).toEqual([true]);
    },
  );

  test('takes the list in one piece after its pages expired midway', async () => {
    const { names, lists } = await reflected({
      lists: [
        (response) =>
          answerJson(response, 200, {
            metadata: { resourceVersion: '5', continue: 'more' },
            items: [pod('a', 1)],
          }),
        (response) => answerJson(response, 410, expired),
        answerList(9, pod('a', 1), pod('b', 2)),
      ],
      watches: [],
    });
    await expect.poll(names).toEqual(['a@1', 'b@2']);
    expect(lists().at(-1)).toBe('GET /api/v1/pods');
  });

  test('lists anew after a watch without a word, as from a version that a restored etcd does not know yet', async () => {
    const { names, versions } = await reflected(
      {
        lists: [answerList(500, pod('a', 400)), answerList(7, pod('a', 3))],
        watches: [(response) => response.flushHeaders()],
      },
      { silenceMs: 1_000 },
    );
    await expect.poll(() => versions().slice(0, 2)).toEqual(['500', '7']);
    expect(names()).toEqual(['a@3']);
  });

  test('does not ask a server that ends every watch at once in a tight loop', async () => {
    const { versions } = await reflected({
      lists: [answerList(5)],
      watches: Array.from({ length: 100 }, () => (response: ServerResponse) => {
        response.end(bookmark(5));
      }),
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(versions().length).toBeLessThan(5);
  });

  test('keeps what it has while the server cannot be asked, and ends when it is stopped', async () => {
    const { cache, reflector, controller, errors } = await reflected({
      lists: [answerList(5, pod('a', 1))],
      watches: Array.from({ length: 100 }, () => (response: ServerResponse) => {
        answerJson(response, 500, {});
      }),
    });
    await reflector.synced;
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    expect(cache.size).toBe(1);
    controller.abort();
    await reflector.stopped;
  });
});
