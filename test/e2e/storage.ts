import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { issueAuthority, issueLeaf } from '../../src/admission/certificate.ts';
import { layout } from '../cluster/layout.ts';
import { kubectl, tryKubectl } from './kubectl.ts';

/**
 * Servers of storage on the node, each a process, with certificates of an authority that only CA_CERT_DATA tells of. Pods reach them by
 * the names of Services without pods.
 *
 * restic asks Azure at ACCOUNT.blob.SUFFIX, so that the account is a Service, `blob` its namespace, and the suffix the cluster's.
 */
export const ACCOUNT = 'devstoreaccount1';
const NAMESPACE = 'blob';
const SUFFIX = 'svc.cluster.local';
const GOOGLE = 'storage.googleapis.com';
const hour = 3_600_000;

/** Azurite's own, which is published. */
const AZURITE_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const ports = { s3: 7070, rest: 7071, [ACCOUNT]: 7072, token: 7073, google: 443 };

export interface Storage {
  /** What makes pods find Google's name at the fake one. */
  hostAliases: { ip: string; hostnames: string[] }[];
  /** Of each backend: its part of a Repository, and the keys of its Secret but RESTIC_PASSWORD. */
  backends: Record<'s3' | 'gcs' | 'azure' | 'rest', { backend: object; keys: Record<string, string> }>;
  stop(): Promise<void>;
}

export async function startStorage(): Promise<Storage> {
  const folder = mkdtempSync(join(tmpdir(), 'stash-storage-'));
  const nameOf = (service: string) => `${service}.${NAMESPACE}.${SUFFIX}`;
  const authority = await issueAuthority(Date.now(), hour);
  const names = [...['s3', 'rest', ACCOUNT, 'token'].map(nameOf), GOOGLE];
  const leaf = await issueLeaf(authority, names, Date.now(), hour);
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  writeFileSync(cert, leaf.certificate);
  writeFileSync(key, leaf.key);
  for (const data of ['s3/shop', 'rest', 'azure', 'google/shop'])
    mkdirSync(join(folder, data), { recursive: true });
  const sha = createHash('sha1').update('rest-password').digest('base64');
  writeFileSync(join(folder, 'htpasswd'), `shop:{SHA}${sha}\n`);

  const at = layout.nodeAddress;
  const children = [
    start(folder, 'versitygw', [
      ...['--port', `${at}:${ports.s3}`, '--cert', cert, '--key', key, '--quiet'],
      ...['--access', 'shop-access', '--secret', 'shop-secret-key', 'posix', join(folder, 's3')],
    ]),
    start(folder, 'rest-server', [
      ...['--listen', `${at}:${ports.rest}`, '--path', join(folder, 'rest')],
      ...['--tls', '--tls-cert', cert, '--tls-key', key, '--htpasswd-file', join(folder, 'htpasswd')],
    ]),
    start(folder, 'azurite-blob', [
      ...['--blobHost', at, '--blobPort', String(ports[ACCOUNT]), '--location', join(folder, 'azure')],
      ...['--cert', cert, '--key', key, '--disableTelemetry', '--skipApiVersionCheck', '--silent'],
    ]),
    start(folder, 'fake-gcs-server', [
      ...['-scheme', 'https', '-host', at, '-port', String(ports.google)],
      ...['-cert-location', cert, '-private-key-location', key, '-public-host', GOOGLE],
      ...['-backend', 'filesystem', '-filesystem-root', join(folder, 'google')],
      ...['-external-url', `https://${GOOGLE}`, '-log-level', 'warn'],
    ]),
  ];
  const tokens = await startTokenServer(leaf);
  await Promise.all(Object.values(ports).map((port) => untilListening(folder, port, children)));
  const services = ['s3', 'rest', ACCOUNT, 'token'] as const;
  const manifests = services.flatMap((name) => serviceFor(name, ports[name]));
  await kubectl('create', 'namespace', NAMESPACE);
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  const applied = await tryKubectl(['apply', '-f', '-'], JSON.stringify(list));
  if (applied.status !== 0) throw new Error(applied.stderr);

  const tls = { CA_CERT_DATA: authority.certificate };
  const azure = {
    AZURE_ACCOUNT_NAME: ACCOUNT,
    AZURE_ACCOUNT_KEY: AZURITE_KEY,
    AZURE_ENDPOINT_SUFFIX: `${SUFFIX}:${ports[ACCOUNT]}`,
  };
  await makeContainer(folder, authority.certificate, azure);
  return {
    hostAliases: [{ ip: at, hostnames: [GOOGLE] }],
    backends: {
      s3: {
        backend: {
          s3: {
            endpoint: `https://${nameOf('s3')}:${ports.s3}`,
            bucket: 'shop',
            prefix: 'a/b',
            maxConnections: 3,
          },
        },
        keys: { ...tls, AWS_ACCESS_KEY_ID: 'shop-access', AWS_SECRET_ACCESS_KEY: 'shop-secret-key' },
      },
      gcs: {
        backend: { gcs: { bucket: 'shop', prefix: 'default/deployment/gcs' } },
        keys: {
          ...tls,
          GOOGLE_PROJECT_ID: 'shop',
          GOOGLE_SERVICE_ACCOUNT_JSON_KEY: serviceAccountKey(
            `https://${nameOf('token')}:${ports.token}/token`,
          ),
        },
      },
      azure: {
        // Without a tier, restic 0.18 sends an empty header, which Azure takes and Azurite does not.
        backend: { azure: { container: 'shop', prefix: 'default', accessTier: 'Hot' } },
        keys: { ...tls, ...azure },
      },
      rest: {
        backend: { rest: { url: `https://${nameOf('rest')}:${ports.rest}/shop/` } },
        keys: { ...tls, REST_SERVER_USERNAME: 'shop', REST_SERVER_PASSWORD: 'rest-password' },
      },
    },
    stop: async () => {
      for (const child of children) child.kill();
      tokens.close();
      tokens.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
      await kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
    },
  };
}

function start(folder: string, program: string, args: string[]): ChildProcess {
  const log = openSync(join(folder, `${program}.log`), 'a');
  return spawn(program, args, { stdio: ['ignore', log, log] });
}

async function untilListening(folder: string, port: number, children: ChildProcess[]): Promise<void> {
  const until = Date.now() + 30_000;
  while (!(await isListening(port))) {
    const dead = children.find(({ exitCode }) => exitCode !== null);
    if (dead !== undefined || Date.now() > until) {
      const [program = ''] = dead?.spawnargs ?? [];
      const log = program === '' ? '' : readFileSync(join(folder, `${program}.log`), 'utf8');
      throw new Error(`nothing listens at port ${port}: ${program} ${log}`);
    }
    await sleep(100);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, layout.nodeAddress);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** `restic init` makes the container `shop`, and a repository elsewhere in it. */
async function makeContainer(folder: string, authority: string, keys: Record<string, string>): Promise<void> {
  const ca = join(folder, 'ca.crt');
  writeFileSync(ca, authority);
  const env = { ...process.env, ...keys, RESTIC_CACERT: ca, RESTIC_PASSWORD: 'elsewhere' };
  const args = ['init', '--repo=azure:shop:/elsewhere', '--no-cache', '--option=azure.access-tier=Hot'];
  await promisify(execFile)('restic', args, { env, timeout: 30_000 });
}

/** A Service whose only endpoint is the node. */
function serviceFor(name: string, port: number): object[] {
  const metadata = { name, namespace: NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None', ports: [{ port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [layout.nodeAddress] }],
      ports: [{ port }],
    },
  ];
}

/** Where a service account's key is exchanged for a token, as its `token_uri` says. */
async function startTokenServer({ certificate, key }: { certificate: string; key: string }): Promise<Server> {
  const server = createServer({ cert: certificate, key }, (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'token', token_type: 'Bearer', expires_in: 3600 }));
  });
  await new Promise<void>((resolve) => server.listen(ports.token, layout.nodeAddress, resolve));
  return server;
}

function serviceAccountKey(tokenUri: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({
    type: 'service_account',
    project_id: 'shop',
    private_key_id: 'a key of the tests',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: 'shop@shop.iam.gserviceaccount.com',
    token_uri: tokenUri,
  });
}
