import { randomBytes } from 'node:crypto';
import { createServer, connect as dial, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Cache } from '../../src/kube/cache.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../../src/kube/errors.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { createConnection, type Endpoint } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { runLeaderElection } from '../../src/kube/leader.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { startReflector } from '../../src/kube/reflector.ts';
import { configMaps, deployments, events, leases, namespaces, services } from '../../src/kube/resource.ts';

interface ConfigMap extends ApiObject {
  data?: Record<string, string>;
}

interface Service extends ApiObject {
  spec: { ports: { port: number; name: string }[] };
}

const namespace = `kube-${randomBytes(4).toString('hex')}`;
let endpoint: Endpoint;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  endpoint = kubeconfigEndpoint();
  connection = createConnection(endpoint);
  client = createClient(connection);
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
  connection.close();
});

function configMap(
  name: string,
  data: Record<string, string> = {},
  labels: Record<string, string> = {},
): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data };
}

describe('the client', () => {
  test('creates, reads, patches, replaces and deletes an object', async () => {
    const created = await client.create(configMaps, configMap('crud', { a: '1' }));
    expect(await client.get(configMaps, 'crud', namespace)).toEqual(created);
    await expect(client.create(configMaps, configMap('crud'))).rejects.toSatisfy(isAlreadyExists);

    const merged = await client.mergePatch<ConfigMap>(configMaps, 'crud', namespace, {
      data: { a: null, b: '2' },
    });
    expect(merged.data).toEqual({ b: '2' });
    const operations = [
      { op: 'test' as const, path: '/data/b', value: '2' },
      { op: 'add' as const, path: '/data/c', value: '3' },
    ];
    const patched = await client.jsonPatch<ConfigMap>(configMaps, 'crud', namespace, operations);
    expect(patched.data).toEqual({ b: '2', c: '3' });

    await expect(client.replace(configMaps, { ...merged, data: {} })).rejects.toSatisfy(isConflict);
    const replaced = await client.replace<ConfigMap>(configMaps, { ...patched, data: { d: '4' } });
    expect(replaced.data).toEqual({ d: '4' });

    const stale = { preconditions: { uid: 'another' } };
    await expect(client.delete(configMaps, 'crud', namespace, stale)).rejects.toSatisfy(isConflict);
    await client.delete(configMaps, 'crud', namespace, { propagationPolicy: 'Background' });
    await expect(client.get(configMaps, 'crud', namespace)).rejects.toSatisfy(isNotFound);
  });

  test('keeps nothing of a dry run', async () => {
    await client.create(configMaps, configMap('dry'), { dryRun: true });
    await expect(client.get(configMaps, 'dry', namespace)).rejects.toSatisfy(isNotFound);
  });

  test('scales by the subresource, and is told what is invalid', async () => {
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'busybox' }] } };
    const metadata = { name: 'web', namespace };
    const spec = { replicas: 3, selector: { matchLabels: labels }, template };
    const web = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
    await client.create(deployments, web);
    await client.mergePatch(
      deployments,
      'web',
      namespace,
      { spec: { replicas: 0 } },
      { subresource: 'scale' },
    );
    expect((await client.get<typeof web>(deployments, 'web', namespace)).spec.replicas).toBe(0);
    const broken = { spec: { template: { spec: { containers: [{ name: 'web', image: '' }] } } } };
    await expect(client.mergePatch(deployments, 'web', namespace, broken)).rejects.toSatisfy(isInvalid);
  });

  test('refuses a field that the server does not know instead of losing it', async () => {
    const misspelt = { ...configMap('misspelt'), dta: { a: '1' } };
    await expect(client.create(configMaps, misspelt)).rejects.toThrow('unknown field "dta"');
  });

  test('lets two managers own entries of one map list, each its own', async () => {
    const entry = (port: number, name: string) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shared', namespace },
      spec: { ports: [{ port, protocol: 'TCP', name }] },
    });
    const apply = (fieldManager: string, object: ApiObject, force = false) =>
      client.apply(services, object, { fieldManager, force });
    await apply('host-0', entry(8000, 'pending'));
    await apply('host-1', entry(8001, 'waiting'));
    await apply('host-0', entry(8000, 'running'));
    const entries = async () => {
      const { spec } = await client.get<Service>(services, 'shared', namespace);
      return Object.fromEntries(spec.ports.map(({ port, name }) => [port, name]));
    };
    expect(await entries()).toEqual({ 8000: 'running', 8001: 'waiting' });

    await expect(apply('host-1', entry(8000, 'mine'))).rejects.toSatisfy(isConflict);
    await apply('host-1', entry(8000, 'mine'), true);
    expect(await entries()).toEqual({ 8000: 'mine' });
  });
});

describe('with 2,000 objects', () => {
  const many = 2_000;
  const labels = { set: 'many' };

  beforeAll(async () => {
    const names = Array.from({ length: many }, (_, i) => `many-${String(i).padStart(4, '0')}`);
    await Promise.all(names.map((name) => client.create(configMaps, configMap(name, { v: '0' }, labels))));
  });

  test('a list goes through all pages, and its items say what they are', async () => {
    const sizes: number[] = [];
    for await (const page of client.pages(configMaps, {
      namespace,
      labelSelector: 'set=many',
      pageSize: 300,
    })) {
      sizes.push(page.items.length);
    }
    expect(sizes).toEqual([300, 300, 300, 300, 300, 300, 200]);
    const all = await client.list<ConfigMap>(configMaps, { namespace, labelSelector: 'set=many' });
    expect(new Set(all.map(({ metadata }) => metadata.name)).size).toBe(many);
    expect(new Set(all.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`))).toEqual(
      new Set(['v1 ConfigMap']),
    );
  });

  test('a reflector holds all of them through cut connections, and hears of every change', async () => {
    await using proxy = await cuttableProxy(new URL(endpoint.server));
    const through = createConnection({
      server: proxy.url,
      credentials: async (renew) => ({ ...(await endpoint.credentials(renew)), servername: 'localhost' }),
    });
    const cache = new Cache<ConfigMap>({
      transform: ({ apiVersion, kind, metadata, data }) => ({
        apiVersion,
        kind,
        metadata,
        ...(data && { data }),
      }),
    });
    const stop = new AbortController();
    const errors: unknown[] = [];
    const reflector = startReflector({
      client: createClient(through),
      resource: configMaps,
      namespace,
      labelSelector: 'set=many',
      cache,
      signal: stop.signal,
      onError: (error) => errors.push(error),
    });
    onTestFinished(async () => {
      stop.abort();
      await reflector.stopped;
      through.close();
    });
    await reflector.synced;
    expect(cache.size).toBe(many);

    for (let round = 1; round <= 3; round++) {
      const names = Array.from({ length: 100 }, (_, i) => `many-${String(i + round * 100).padStart(4, '0')}`);
      const changes = names.map((name) =>
        client.mergePatch(configMaps, name, namespace, { data: { v: `${round}` } }),
      );
      proxy.cut();
      await Promise.all(changes);
      await client.delete(configMaps, `many-000${round}`, namespace);
      await expect
        .poll(() => [...cache.list()].filter(({ data }) => data?.v === `${round}`).length, {
          timeout: 15_000,
        })
        .toBe(100);
    }
    await expect.poll(() => cache.size, { timeout: 15_000 }).toBe(many - 3);
    expect(errors.length).toBeGreaterThan(0);
  });
});

/** A way to the API server that a test can cut, as a network does. */
async function cuttableProxy(target: URL) {
  const sockets = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = dial(Number(target.port), target.hostname);
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `https://127.0.0.1:${port}`,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a watch from a version in the future is silent and no error, which is why a reflector does not trust silence', async () => {
  const watch = { namespace, resourceVersion: '100000000', timeoutSeconds: 2, silenceMs: 10_000 };
  const heard: unknown[] = [];
  for await (const event of client.watch(configMaps, watch)) heard.push(event);
  expect(heard).toEqual([]);
});

test('of two candidates one leads, and the other takes over when it stops', async () => {
  const log: string[] = [];
  const contend = (identity: string) => {
    const stop = new AbortController();
    const ended = runLeaderElection({
      client,
      namespace,
      name: 'leader',
      identity,
      signal: stop.signal,
      retryMs: 200,
      onError: (error) => log.push(String(error)),
      onStarted: async (signal) => {
        log.push(`${identity} starts`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        log.push(`${identity} ends`);
      },
    });
    return { stop, ended };
  };
  const one = contend('one');
  await expect.poll(() => log, { timeout: 5000 }).toEqual(['one starts']);
  const two = contend('two');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(log).toEqual(['one starts']);
  one.stop.abort();
  await one.ended;
  await expect.poll(() => log, { timeout: 5000 }).toEqual(['one starts', 'one ends', 'two starts']);
  const lease = await client.get<ApiObject & { spec: object }>(leases, 'leader', namespace);
  expect(lease.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  two.stop.abort();
  await two.ended;
});

test('a lease whose holder was killed is taken over after it ran out', async () => {
  const spec = { holderIdentity: 'killed', leaseDurationSeconds: 15, leaseTransitions: 4 };
  const metadata = { name: 'orphaned', namespace };
  await client.create(leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec,
  } as ApiObject);
  const stop = new AbortController();
  const began = performance.now();
  let startedAfter = 0;
  await runLeaderElection({
    client,
    namespace,
    name: 'orphaned',
    identity: 'heir',
    signal: stop.signal,
    leaseMs: 2000,
    renewDeadlineMs: 1500,
    retryMs: 200,
    onError: () => {},
    onStarted: async () => {
      startedAfter = performance.now() - began;
      stop.abort();
    },
  });
  expect(startedAfter).toBeGreaterThan(2000);
  const lease = await client.get<ApiObject & { spec: object }>(leases, 'orphaned', namespace);
  expect(lease.spec).toMatchObject({ holderIdentity: '', leaseTransitions: 5 });
});

test('an event is seen on its object, and its repetition is counted', async () => {
  const regarding = await client.create(configMaps, configMap('noticed'));
  const errors: unknown[] = [];
  const recorder = new EventRecorder({
    client,
    reportingInstance: 'kube-test',
    onError: (error) => errors.push(error),
  });
  const notice = {
    type: 'Warning' as const,
    reason: 'Tested',
    action: 'Test',
    note: '€'.repeat(600),
    regarding,
  };
  recorder.record(notice);
  recorder.record(notice);
  await recorder.drain();
  expect(errors).toEqual([]);
  const fieldSelector = `regarding.uid=${regarding.metadata.uid}`;
  const seen = await client.list<ApiObject & Record<string, unknown>>(events, { namespace, fieldSelector });
  expect(seen).toEqual([
    expect.objectContaining({
      type: 'Warning',
      reason: 'Tested',
      note: `${'€'.repeat(340)}…`,
      reportingController: 'stash.appscode.com/operator',
      series: { count: 2, lastObservedTime: expect.any(String) },
    }),
  ]);
});
