import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { issueAuthority, issueLeaf, type KeyPair } from './certificate.ts';
import { requestFor, reviewOf } from './review.fixture.ts';
import { type AdmissionServer, createAdmissionServer } from './server.ts';
import { ALLOWED } from './verdict.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  peer: PeerCertificate;
}

const hour = 3_600_000;
let authority: KeyPair;
let leaf: KeyPair;

beforeAll(async () => {
  authority = await issueAuthority(Date.now(), hour);
  leaf = await issueLeaf(authority, ['localhost'], Date.now(), hour);
});

describe('createAdmissionServer', () => {
  const clock = manualClock();
  let server: AdmissionServer;
  let port: number;
  let logged: Record<string, unknown>[];
  let agent: Agent;

  beforeEach(async () => {
    logged = [];
    server = createAdmissionServer({
      port: 0,
      host: '127.0.0.1',
      clock,
      log: { error: (fields: unknown) => logged.push(fields as Record<string, unknown>) },
      handlers: {
        '/mutate/workloads': ({ name }) => ({ allowed: true, warnings: [`seen ${name}`] }),
        '/validate/objects': () => ALLOWED,
        '/broken': () => {
          throw new Error('secret detail of the inside');
        },
      },
    });
    server.useCertificate(leaf);
    port = await server.listen();
    agent = new Agent({ keepAlive: true, ca: authority.certificate, servername: 'localhost' });
  });

  afterEach(async () => {
    agent.destroy();
    const closed = server.close();
    await clock.advance(10_000);
    await closed;
  });

  function send(
    path: string,
    body: unknown,
    options: { method?: string; type?: string } = {},
  ): Promise<Answer> {
    const { method = 'POST', type = 'application/json' } = options;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent,
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { 'content-type': type },
      });
      outgoing.on('error', reject).on('response', (response) => {
        const chunks: Buffer[] = [];
        const { socket } = response;
        const peer = (socket as TLSSocket).getPeerCertificate();
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, peer });
          });
      });
      outgoing.end(method === 'GET' ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  it('answers a review over HTTPS, with a certificate of its authority', async () => {
    const { status, headers, body } = await send('/mutate/workloads', reviewOf(requestFor()));
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: requestFor().uid, allowed: true, warnings: ['seen shop'] },
    });
  });

  const failures: [string, string, unknown, { method?: string; type?: string }, number, string][] = [
    ['what is no JSON', '/validate/objects', '{"apiVersion":', {}, 400, 'JSON'],
    ['nothing', '/validate/objects', '', {}, 400, 'empty'],
    [
      'another kind',
      '/validate/objects',
      { apiVersion: 'v1', kind: 'Pod' },
      {},
      400,
      'the body is v1 Pod, and not',
    ],
    [
      'a review without a request',
      '/validate/objects',
      { ...reviewOf(requestFor()), request: null },
      {},
      400,
      'request is null, and no object',
    ],
    [
      'another content type',
      '/validate/objects',
      'hello',
      { type: 'text/html' },
      415,
      'Unsupported Media Type',
    ],
    ['an unknown path', '/validate/else', reviewOf(requestFor()), {}, 404, 'not found'],
    ['a GET', '/validate/objects', '', { method: 'GET' }, 404, 'not found'],
    ['more than 7 MiB', '/validate/objects', 'x'.repeat(7 * 1024 * 1024 + 1), {}, 413, 'too large'],
    [
      'a fault inside',
      '/broken',
      reviewOf(requestFor()),
      {},
      500,
      'the review failed; the log of the operator tells why',
    ],
  ];

  it.each(failures)(
    'answers %s with one status and a message',
    async (_, path, body, options, status, message) => {
      const answer = await send(path, body, options);
      expect(answer.status).toBe(status);
      expect(answer.body).toContain(message);
      expect(answer.body).not.toContain('secret detail');
      expect(answer.body).not.toMatch(/\bat .*\.ts/);
      expect(logged.map(({ path: at }) => at)).toEqual(status === 500 ? ['/broken'] : []);
    },
  );

  it('takes a review of nearly 7 MiB', async () => {
    const object = { note: 'x'.repeat(6.9 * 1024 * 1024) };
    expect((await send('/validate/objects', reviewOf(requestFor({ object })))).status).toBe(200);
  });

  it.each(['__proto__', 'constructor'])('takes an object that has a key %s', async (key) => {
    const body = JSON.stringify(reviewOf(requestFor())).replace(
      '"labels":{',
      `"labels":{"${key}":{"prototype":1},`,
    );
    expect((await send('/validate/objects', body)).status).toBe(200);
  });

  it('takes another certificate without a restart, and leaves standing connections alone', async () => {
    const before = await send('/validate/objects', reviewOf(requestFor()));
    server.useCertificate(await issueLeaf(authority, ['localhost'], Date.now(), hour));
    const same = await send('/validate/objects', reviewOf(requestFor()));
    agent.destroy();
    const after = await send('/validate/objects', reviewOf(requestFor()));
    expect(same.peer.serialNumber).toBe(before.peer.serialNumber);
    expect(after.peer.serialNumber).not.toBe(before.peer.serialNumber);
    expect(after.status).toBe(200);
  });

  it('answers on while it drains, and asks each connection to close', async () => {
    expect((await send('/validate/objects', reviewOf(requestFor()))).headers.connection).toBe('keep-alive');
    const closed = server.close();
    const draining = await send('/validate/objects', reviewOf(requestFor()));
    expect(draining.status).toBe(200);
    expect(draining.headers.connection).toBe('close');
    // On a new connection, too.
    expect((await send('/validate/objects', reviewOf(requestFor()))).status).toBe(200);
    await clock.advance(10_000);
    await closed;
    await expect(send('/validate/objects', reviewOf(requestFor()))).rejects.toThrow('ECONNREFUSED');
  });
});
