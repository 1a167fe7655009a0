import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ApiRequest } from './connection.ts';
import { ApiError, ConnectionError, isAlreadyExists, isConflict, isGone, isNotFound } from './errors.ts';
import { createConnection } from './https-connection.ts';
import { answerJson, localServer } from './local-server.fixture.ts';

const get: ApiRequest = { method: 'GET', path: '/api/v1/pods' };
const failure = (code: number, reason: string) => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message: 'no',
});

describe('a request', () => {
  test('carries method, query, content type, body and who asks', async () => {
    let seen = {};
    await using server = await localServer((request, response, body) => {
      const { 'content-type': type, 'user-agent': agent } = request.headers;
      seen = { method: request.method, url: request.url, type, agent, body };
      answerJson(response, 201, { made: 'é' });
    });
    const answer = await server.connection.request({
      method: 'PATCH',
      path: '/apis/x/v1/namespaces/a%2Fb/things/t',
      query: { force: true, dryRun: undefined, labelSelector: 'a=b,c!=d' },
      contentType: 'application/apply-patch+yaml',
      body: { text: 'ü' },
    });
    expect(seen).toEqual({
      method: 'PATCH',
      url: '/apis/x/v1/namespaces/a%2Fb/things/t?force=true&labelSelector=a%3Db%2Cc%21%3Dd',
      type: 'application/apply-patch+yaml',
      agent: 'stash',
      body: '{"text":"ü"}',
    });
    expect(answer).toEqual({ status: 201, body: { made: 'é' } });
  });

  test.each([
    [404, 'NotFound', isNotFound],
    [409, 'Conflict', isConflict],
    [409, 'AlreadyExists', isAlreadyExists],
    [410, 'Expired', isGone],
  ])('that is refused with %i %s is that kind of error', async (status, reason, isKind) => {
    await using server = await localServer((_, response) =>
      answerJson(response, status, failure(status, reason)),
    );
    const error = await server.connection.request(get).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status, reason, message: 'GET /api/v1/pods: no' });
    const kinds = [isNotFound, isConflict, isAlreadyExists, isGone];
    expect(kinds.filter((is) => is(error))).toEqual([isKind]);
  });

  test('that a proxy refuses with a page of text says what the page says', async () => {
    await using server = await localServer((_, response) => response.writeHead(502).end('bad gateway\n'));
    await expect(server.connection.request(get)).rejects.toMatchObject({
      status: 502,
      message: 'GET /api/v1/pods: bad gateway',
    });
  });

  test.each<[string, ApiRequest, number, number]>([
    ['a POST after 429', { method: 'POST', path: '/x', body: {} }, 429, 3],
    ['a GET after 503', get, 503, 3],
    [
      'an apply after 503',
      { method: 'PATCH', path: '/x', contentType: 'application/apply-patch+yaml' },
      503,
      3,
    ],
  ])('%s with Retry-After is repeated', async (_, request, status, tries) => {
    await using server = await localServer((_request, response) => {
      if (server.requests.length < tries) answerJson(response, status, {}, { 'retry-after': '0' });
      else answerJson(response, 200, { done: true });
    });
    expect((await server.connection.request(request)).body).toEqual({ done: true });
    expect(server.requests).toHaveLength(tries);
  });

  test.each<[string, ApiRequest, number, Record<string, string>]>([
    ['a POST after 503', { method: 'POST', path: '/x' }, 503, { 'retry-after': '0' }],
    [
      'a JSON patch after 503',
      { method: 'PATCH', path: '/x', contentType: 'application/json-patch+json' },
      503,
      { 'retry-after': '0' },
    ],
    ['a GET after 503 without Retry-After', get, 503, {}],
    ['a GET after 500', get, 500, { 'retry-after': '0' }],
    ['a wait beyond the time limit', get, 429, { 'retry-after': '3600' }],
  ])('%s is not repeated', async (_, request, status, headers) => {
    await using server = await localServer((_request, response) => answerJson(response, status, {}, headers));
    await expect(server.connection.request(request)).rejects.toMatchObject({ status });
    expect(server.requests).toHaveLength(1);
  });

  test('that is refused with 429 for ever ends after six tries', async () => {
    await using server = await localServer((_, response) =>
      answerJson(response, 429, {}, { 'retry-after': '0' }),
    );
    await expect(server.connection.request(get)).rejects.toMatchObject({ status: 429 });
    expect(server.requests).toHaveLength(6);
  });

  test('waits as long as Retry-After says', async () => {
    await using server = await localServer((_, response) => {
      if (server.requests.length === 1) answerJson(response, 429, {}, { 'retry-after': '1' });
      else answerJson(response, 200, {});
    });
    const began = performance.now();
    await server.connection.request(get);
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  test('without an answer in time is a ConnectionError that names the server', async () => {
    await using server = await localServer(() => {});
    const error = await server.connection.request({ ...get, timeoutMs: 50 }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(
      `API server ${new URL(server.url).host}: no answer within 50 ms to GET /api/v1/pods`,
    );
  });

  test('whose answer breaks off is a ConnectionError', async () => {
    await using server = await localServer((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"items":[');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(server.connection.request(get)).rejects.toBeInstanceOf(ConnectionError);
  });

  test('to where nobody listens is a ConnectionError', async () => {
    const connection = createConnection({ server: 'https://127.0.0.1:1', credentials: async () => ({}) });
    await expect(connection.request(get)).rejects.toThrow('API server 127.0.0.1:1: connect ECONNREFUSED');
  });

  test('to a server whose certificate nobody vouches for is never sent', async () => {
    await using server = await localServer((_, response) => answerJson(response, 200, {}));
    const connection = createConnection({ server: server.url, credentials: async () => ({}) });
    await expect(connection.request(get)).rejects.toBeInstanceOf(ConnectionError);
    expect(server.requests).toEqual([]);
  });

  test('that is aborted throws the reason of the signal', async () => {
    await using server = await localServer(() => {});
    const reason = new Error('enough');
    const controller = new AbortController();
    const pending = server.connection.request({ ...get, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(pending).rejects.toBe(reason);
  });

  test.each<[string, ApiRequest, number]>([
    ['is sent again where that is safe', get, 3],
    ['is not where it may have been carried out', { method: 'POST', path: '/x', body: {} }, 2],
  ])('into an idle connection that the server is just closing %s', async (_, request, sent) => {
    await using server = await localServer((asked, response) => {
      if (server.requests.length === 2) asked.socket.destroy();
      else answerJson(response, 200, {});
    });
    await server.connection.request(get);
    const outcome = await server.connection.request(request).catch((error) => error);
    expect(outcome instanceof ConnectionError).toBe(sent === 2);
    expect(server.requests).toHaveLength(sent);
  });

  test('reuses the connection, and no more than the given number are open', async () => {
    await using server = await localServer(
      (_, response) => setTimeout(() => answerJson(response, 200, {}), 5),
      { maxSockets: 3 },
    );
    await Promise.all(Array.from({ length: 30 }, () => server.connection.request(get)));
    expect(server.sockets.size).toBe(3);
  });

  test('that is unauthorized is sent once more with new credentials', async () => {
    await using server = await localServer((request, response) => {
      const known = request.headers.authorization === 'Bearer new';
      answerJson(response, known ? 200 : 401, {});
    });
    const asked: boolean[] = [];
    const connection = createConnection({
      server: server.url,
      credentials: async (renew) => {
        asked.push(renew);
        return { rejectUnauthorized: false, headers: { authorization: renew ? 'Bearer new' : 'Bearer old' } };
      },
    });
    expect(await connection.request({ method: 'POST', path: '/x', body: {} })).toMatchObject({ status: 200 });
    expect(asked).toEqual([false, true]);
    connection.close();
  });

  test('goes over https only', () => {
    expect(() => createConnection({ server: 'http://example.com', credentials: async () => ({}) })).toThrow(
      'https',
    );
  });
});

describe('a stream', () => {
  const watch: ApiRequest = { ...get, query: { watch: true } };

  async function gather(stream: AsyncIterable<unknown>): Promise<{ lines: unknown[]; error: unknown }> {
    const lines: unknown[] = [];
    try {
      for await (const line of stream) lines.push(line);
      return { lines, error: undefined };
    } catch (error) {
      return { lines, error };
    }
  }

  test('gives every line, wherever the chunks are cut, and drops a last one that is cut off', async () => {
    const bytes = Buffer.from('{"a":"äöü€😀"}\n\n{"b":2}\n{"c":');
    await using server = await localServer(async (_, response) => {
      for (const byte of bytes) {
        response.write(Buffer.from([byte]));
        await delay(0);
      }
      response.end();
    });
    expect(await gather(server.connection.stream(watch))).toEqual({
      lines: [{ a: 'äöü€😀' }, { b: 2 }],
      error: undefined,
    });
  });

  test('that is silent for too long is a ConnectionError, and its socket is closed', async () => {
    let closed = false;
    await using server = await localServer((_, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.write('{"a":1}\n');
    });
    const { lines, error } = await gather(server.connection.stream({ ...watch, timeoutMs: 1_000 }));
    expect(lines).toEqual([{ a: 1 }]);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toContain('no word for 1000 ms');
    await expect.poll(() => closed).toBe(true);
  });

  test('does not count the time that the reader takes as silence', async () => {
    await using server = await localServer((_, response) => {
      response.write('{"a":1}\n');
      setTimeout(() => response.end('{"b":2}\n'), 1_500);
    });
    const lines: unknown[] = [];
    for await (const line of server.connection.stream({ ...watch, timeoutMs: 1_000 })) {
      lines.push(line);
      await delay(2_000);
    }
    expect(lines).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test('that the network cuts is a ConnectionError after what came', async () => {
    await using server = await localServer((_, response) => {
      response.write('{"a":1}\n{"b":');
      setTimeout(() => response.destroy(), 20);
    });
    const { lines, error } = await gather(server.connection.stream(watch));
    expect(lines).toEqual([{ a: 1 }]);
    expect(error).toBeInstanceOf(ConnectionError);
  });

  test('that is refused throws as a request does', async () => {
    await using server = await localServer((_, response) =>
      answerJson(response, 410, failure(410, 'Expired')),
    );
    expect(isGone((await gather(server.connection.stream(watch))).error)).toBe(true);
  });

  test('that nobody reads any longer is closed', async () => {
    let closed = false;
    await using server = await localServer((_, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.write('{"a":1}\n');
    });
    for await (const _ of server.connection.stream(watch)) break;
    await expect.poll(() => closed).toBe(true);
  });

  test('takes no socket from the requests', async () => {
    await using server = await localServer(
      (request, response) => {
        if (request.url?.includes('watch')) response.write('{"a":1}\n');
        else answerJson(response, 200, {});
      },
      { maxSockets: 1 },
    );
    const streams = [1, 2, 3].map(() => server.connection.stream(watch)[Symbol.asyncIterator]());
    await Promise.all(streams.map((stream) => stream.next()));
    expect(await server.connection.request(get)).toMatchObject({ status: 200 });
  });
});
