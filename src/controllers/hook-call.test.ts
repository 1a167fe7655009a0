import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hook } from '../api/hooks.ts';
import { SIDECAR } from '../injection/layout.ts';
import type { Client } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import { manualClock } from '../kube/manual-clock.fixture.ts';
import { type Executed, type PodAccess, PodAccessError } from '../kube/pod-access.ts';
import { callHook, type HookPlace } from './hook-call.ts';
import { aWorkload } from './objects.fixture.ts';

/* In a pod that is played; its server is a real one. */

const asked: {
  method: string | undefined;
  url: string | undefined;
  host?: string | undefined;
  body: string;
}[] = [];
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, answer) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      asked.push({ method: request.method, url: request.url, host: request.headers.host, body });
      if (request.url !== '/hang') answer.writeHead(request.url === '/bad' ? 503 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const place: HookPlace = {
  target: { workload: aWorkload() },
  podName: 'shop-abc-1',
  podUID: 'uid-1',
  container: undefined,
};

const pod = (over: object = {}, uid = 'uid-1') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...{ name: 'shop-abc-1', namespace: 'demo', uid },
    labels: { 'pod-template-hash': 'abc' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-abc', uid: 'rs', controller: true },
    ],
  },
  spec: {
    containers: [
      { name: SIDECAR },
      { name: 'app', ports: [{ name: 'web', containerPort: port }] },
      { name: 'db' },
    ],
  },
  status: {
    phase: 'Running',
    containerStatuses: ['app', 'db', SIDECAR].map((name) => ({ name, state: { running: {} } })),
    ...over,
  },
});

const clientWith = (...pods: object[]) => ({ list: async () => pods }) as unknown as Client;

/** Answers what was run, and where. */
function access(result: Executed = { exitCode: 0, lastLine: '' }) {
  const calls: string[] = [];
  const pods: PodAccess = {
    exec: async (at, command) => {
      calls.push(`${at.namespace}/${at.pod}/${at.container}: ${command.join(' ')}`);
      return result;
    },
    connect: async (at) => connect(at.port, '127.0.0.1'),
  };
  return { pods, calls };
}

const call = (hook: Partial<Hook>, pods: PodAccess, client = clientWith(pod()), clock = systemClock) =>
  callHook({ client, clock, pods }, { timeout: '30s', ...hook }, place, 0, new AbortController().signal);

const sync = { exec: { command: ['sync', '-f'] } };

describe('a hook with exec', () => {
  it("runs in the workload's first container, which is never ours, or in the one that is named", async () => {
    const { pods, calls } = access();
    expect(await call(sync, pods)).toEqual({ phase: 'Succeeded', exitCode: 0 });
    await call({ ...sync, containerName: 'db' }, pods);
    expect(calls).toEqual(['demo/shop-abc-1/app: sync -f', 'demo/shop-abc-1/db: sync -f']);
  });

  it('of a claim runs in the first container that has it mounted', async () => {
    const { pods, calls } = access();
    const holder = pod();
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'shop-data' } }];
    const containers = holder.spec.containers.map((each) =>
      each.name === 'app' ? each : { ...each, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
    );
    const client = clientWith({ ...holder, spec: { containers, volumes } });
    const ofClaim = (claim: string) =>
      callHook(
        { client, clock: systemClock, pods },
        { timeout: '30s', ...sync },
        { ...place, target: { namespace: 'demo', claim } },
        0,
        new AbortController().signal,
      );
    expect(await ofClaim('shop-data')).toEqual({ phase: 'Succeeded', exitCode: 0 });
    expect(calls).toEqual(['demo/shop-abc-1/db: sync -f']);
    expect(await ofClaim('other')).toMatchObject({ phase: 'Failed', reason: 'PodGone' });
  });

  it.each([
    [7, 'no lock', { exitCode: 7, message: 'the command ended with exit code 7: no lock' }],
    [undefined, 'no such file', { message: 'the command could not be run: no such file' }],
  ])('that ends with %s fails, and says so', async (exitCode, lastLine, told) => {
    const end = { phase: 'Failed', reason: 'HookFailed', ...told };
    expect(await call(sync, access({ exitCode, lastLine }).pods)).toEqual(end);
  });

  it.each([
    ['another pod of the name', [pod({}, 'uid-2')], 'PodGone'],
    [
      "a pod that is another's, though the status names it",
      [{ ...pod(), metadata: { ...pod().metadata, ownerReferences: [] } }],
      'PodGone',
    ],
    ['a pod that has ended', [pod({ phase: 'Failed' })], 'PodEnded'],
  ])('never enters %s', async (_, found, reason) => {
    const { pods, calls } = access();
    expect(await call(sync, pods, clientWith(...found))).toMatchObject({ phase: 'Failed', reason });
    expect(calls).toEqual([]);
  });

  it.each([SIDECAR, 'nobody'])('never enters the container %s', async (containerName) => {
    const { pods, calls } = access();
    const end = await call({ ...sync, containerName }, pods);
    expect(end).toMatchObject({
      reason: 'ContainerNotFound',
      message: expect.stringContaining('it has app, db'),
    });
    expect(calls).toEqual([]);
  });

  it('waits for its container as long as its timeout is', async () => {
    const clock = manualClock();
    const waiting = [{ name: 'app', state: { waiting: { reason: 'CrashLoopBackOff' } } }];
    const { pods } = access();
    const end = call(sync, pods, clientWith(pod({ containerStatuses: waiting })), clock);
    await clock.advance(31_000);
    expect(await end).toMatchObject({
      reason: 'HookTimedOut',
      message: 'the container app of pod shop-abc-1 did not run in time (CrashLoopBackOff)',
    });
  });

  it('that hangs is given up after its timeout, and its connection closed', async () => {
    const clock = manualClock();
    let closed = false;
    const { pods } = access();
    pods.exec = (_at, _command, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          closed = true;
          reject(signal.reason);
        }),
      );
    const end = call(sync, pods, clientWith(pod()), clock);
    await clock.advance(30_000);
    expect(await end).toMatchObject({ phase: 'Failed', reason: 'HookTimedOut' });
    expect(closed).toBe(true);
  });

  it('that cannot get into the pod fails', async () => {
    const { pods } = access();
    pods.exec = () => Promise.reject(new PodAccessError('exec was refused: 403'));
    expect(await call(sync, pods)).toMatchObject({
      message: 'the pod could not be entered: exec was refused: 403',
    });
  });
});

describe('a hook with a request', () => {
  const fields = { path: '/flush', scheme: 'HTTP' as const };

  it('goes to a port by its number or its name, with what it has to say', async () => {
    const { pods } = access();
    const httpHeaders = [{ name: 'Host', value: 'shop.example' }];
    expect(await call({ httpPost: { ...fields, port: 'web', body: 'now', httpHeaders } }, pods)).toEqual({
      phase: 'Succeeded',
    });
    expect(await call({ httpGet: { ...fields, port } }, pods)).toEqual({ phase: 'Succeeded' });
    expect(asked.splice(0)).toEqual([
      { method: 'POST', url: '/flush', host: 'shop.example', body: 'now' },
      { method: 'GET', url: '/flush', host: `localhost:${port}`, body: '' },
    ]);
  });

  it('fails where the answer is none of 2xx and 3xx, or the port has no such name', async () => {
    const { pods } = access();
    const bad = await call({ httpGet: { ...fields, path: '/bad', port } }, pods);
    expect(bad.message).toBe(`GET /bad of port ${port} was answered with 503`);
    const unknown = await call({ httpGet: { ...fields, port: 'admin' } }, pods);
    expect(unknown.message).toBe('the container app has no port "admin"');
  });

  it('that is never answered is given up', async () => {
    const clock = manualClock();
    const { pods } = access();
    const arrived = asked.length;
    const end = call({ httpGet: { ...fields, path: '/hang', port } }, pods, clientWith(pod()), clock);
    await expect.poll(() => asked.length).toBeGreaterThan(arrived);
    await clock.advance(30_000);
    expect(await end).toMatchObject({ reason: 'HookTimedOut', message: 'it did not end within 30s' });
  });
});

describe('a hook with tcpSocket', () => {
  it('goes well where the port takes the connection, and fails where it refuses', async () => {
    const { pods } = access();
    const clock = manualClock();
    const good = call({ tcpSocket: { port } }, pods, clientWith(pod()), clock);
    await clock.advance(3_000);
    expect(await good).toEqual({ phase: 'Succeeded' });
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port: closed } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    expect(await call({ tcpSocket: { port: closed } }, pods)).toMatchObject({ reason: 'HookFailed' });
  });
});
