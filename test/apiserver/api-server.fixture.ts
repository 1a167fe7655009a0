import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/kube/client.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { createConnection, type Endpoint } from '../../src/kube/https-connection.ts';

/** An API server that knows of nothing that the cluster of the tests has: it keeps its objects elsewhere in the same etcd. */
export interface EmptyApiServer {
  connection: Connection;
  client: Client;
  /** Whoever has this token. */
  as(token: string): Connection;
  /** For `kubectl --kubeconfig`. */
  kubeconfig: string;
  stop(): Promise<void>;
}

/** Starts one, and resolves once it is ready. Its log is told where it is not. */
export async function startEmptyApiServer(name: string, port: number): Promise<EmptyApiServer> {
  const state = process.env.STASH_CLUSTER_STATE;
  if (state === undefined)
    throw new Error('these tests run in the control plane that npm run test:apiserver starts');
  const pki = (file: string) => join(state, 'pki', file);
  const log = join(state, 'logs', `kube-apiserver-${name}.log`);
  const sink = openSync(log, 'a');
  const child: ChildProcess = spawn(
    'kube-apiserver',
    [
      ...['--etcd-servers', 'http://127.0.0.1:2379', '--etcd-prefix', `/${name}`, '--secure-port', `${port}`],
      ...['--cert-dir', join(state, `certificates-${name}`), '--client-ca-file', pki('ca.crt')],
      ...['--tls-cert-file', pki('server.crt'), '--tls-private-key-file', pki('server.key')],
      ...['--service-account-issuer', 'https://kubernetes.default.svc'],
      ...['--service-account-key-file', pki('sa.pub'), '--service-account-signing-key-file', pki('sa.key')],
      ...['--service-cluster-ip-range', '10.97.0.0/16', '--authorization-mode', 'RBAC'],
      // Nobody makes the ServiceAccount that each pod is to have.
      ...['--disable-admission-plugins', 'ServiceAccount'],
    ],
    { stdio: ['ignore', sink, sink] },
  );
  closeSync(sink);
  const others: Connection[] = [];
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kubeconfig = join(state, `${name}.kubeconfig`);
  const config = JSON.parse(readFileSync(join(state, 'admin.kubeconfig'), 'utf8'));
  config.clusters[0].cluster.server = `https://127.0.0.1:${port}`;
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  const [ca, cert, key] = ['ca.crt', 'admin.crt', 'admin.key'].map((file) => readFileSync(pki(file), 'utf8'));
  const endpoint: Endpoint = {
    server: config.clusters[0].cluster.server,
    credentials: async () => ({ ca, cert, key }),
  };
  const connection = createConnection(endpoint);
  for (const until = Date.now() + 60_000; ; ) {
    const ready = await connection
      .request({ method: 'GET', path: '/api/v1/namespaces/kube-system', timeoutMs: 5_000 })
      .then(() =>
        connection.request({ method: 'GET', path: '/readyz', parse: (text) => text, timeoutMs: 5_000 }),
      )
      .catch(() => undefined);
    if (ready !== undefined) break;
    if (child.exitCode !== null || Date.now() > until) {
      throw new Error(`the API server ${name} is not ready:\n${readFileSync(log, 'utf8').slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    connection,
    as: (token) => {
      const other = createConnection({
        server: endpoint.server,
        credentials: async () => ({ ca, headers: { authorization: `Bearer ${token}` } }),
      });
      others.push(other);
      return other;
    },
    client: createClient(connection),
    kubeconfig,
    stop: async () => {
      for (const each of [connection, ...others]) each.close();
      child.kill('SIGKILL');
      await ended;
    },
  };
}
