import { issueAuthority, issueLeaf, type KeyPair } from '../../src/admission/certificate.ts';
import { versions } from '../cluster/versions.ts';
import type { Namespace } from './cluster.ts';
import { kubectl, tryKubectl } from './kubectl.ts';

/** The name of the pod, of its Service, and of the AppBinding of the samples. */
export const SERVER = 'quick-postgres';

/** Of the server's superuser; it must not be seen anywhere. */
export const PASSWORD = 'nobody-knows-the-password-of-the-server';

const hour = 3_600_000;

/** Makes a server in the folder `$1` of /data, with the password `$POSTGRES_PASSWORD`. */
const MAKE = `
set -e
umask 077
echo "$POSTGRES_PASSWORD" > "/data/$1.password"
initdb --no-sync --pgdata="/data/$1" --username=postgres --pwfile="/data/$1.password" --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C
echo 'hostssl all all all scram-sha-256' >> "/data/$1/pg_hba.conf"
`;

/** Answers connections from elsewhere by password and with TLS alone; within its container anyone may do anything. */
const OPTIONS = [
  ...["-c listen_addresses='*'", '-c unix_socket_directories=/data', '-c fsync=off'],
  ...['-c ssl=on', '-c ssl_cert_file=/data/server.crt', '-c ssl_key_file=/data/server.key'],
].join(' ');

const START = `
set -- cluster
${MAKE}
echo "$CERTIFICATE" > /data/server.crt
echo "$KEY" > /data/server.key
exec postgres -D /data/cluster ${OPTIONS}
`;

/** A real server of PostgreSQL in a namespace. */
export interface PostgresServer {
  /** Who vouches for its certificate, which has the name of its Service in full, and no other. */
  authority: KeyPair;
  /** Runs `script` beside the server. */
  sh(script: string): Promise<string>;
  /** Runs `statements` in `database`. */
  sql(database: string, statements: string): Promise<void>;
  /** What a dump says, without the word that each has at random, so that nothing in it can end it. */
  dump(command: string): Promise<string[]>;
}

export async function startPostgres({ name: namespace }: Namespace): Promise<PostgresServer> {
  const authority = await issueAuthority(Date.now(), hour);
  const leaf = await issueLeaf(authority, [`${SERVER}.${namespace}.svc`], Date.now(), hour);
  const items = objectsOf(leaf);
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const applied = await tryKubectl(['apply', '-n', namespace, '-f', '-'], list);
  if (applied.status !== 0) throw new Error(applied.stderr);
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', `pod/${SERVER}`, '--timeout=300s');
  const at = ['-n', namespace, SERVER, '--'];
  const sh = (script: string) =>
    kubectl('exec', ...at, 'sh', '-ec', `export PGHOST=/data PGUSER=postgres; ${script}`);
  return {
    authority,
    sh,
    sql: async (database, statements) => {
      const psql = [
        'psql',
        '--host=/data',
        '--username=postgres',
        '--quiet',
        '--set=ON_ERROR_STOP=1',
        database,
      ];
      const { status, stderr } = await tryKubectl(['exec', '-i', ...at, ...psql], statements);
      if (status !== 0) throw new Error(stderr);
    },
    dump: async (command) =>
      (await sh(command)).split('\n').filter((line) => !/^\\(un)?restrict /.test(line)),
  };
}

/**
 * Starts another server, with data and a password of its own, beside `server`. It is reached by a Service `name`, at a port of that
 * number, and its password is in the Secret `<name>-auth`.
 */
export async function startAnother(
  { name: namespace }: Namespace,
  server: PostgresServer,
  name: string,
  port: number,
): Promise<void> {
  const password = `nobody-knows-the-password-of-${name}`;
  const items = [secretOf(name, password), serviceOf(name, port)];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const applied = await tryKubectl(['apply', '-n', namespace, '-f', '-'], list);
  if (applied.status !== 0) throw new Error(applied.stderr);
  await server.sh(`
    POSTGRES_PASSWORD=${password}
    set -- ${name}
    ${MAKE}
    pg_ctl start --wait --pgdata=/data/${name} --log=/data/${name}.log --options="-p ${port} ${OPTIONS}"
  `);
}

const secretOf = (name: string, password: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `${name}-auth` },
  stringData: { POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: password },
});

const serviceOf = (name: string, port: number): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: SERVER }, ports: [{ port }] },
});

function objectsOf({ certificate, key }: KeyPair): object[] {
  return [
    secretOf(SERVER, PASSWORD),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${SERVER}-tls` },
      stringData: { CERTIFICATE: certificate, KEY: key },
    },
    serviceOf(SERVER, 5432),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: SERVER, labels: { app: SERVER } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'postgres',
            image: `localhost/postgresql:${versions.postgres}`,
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', START],
            envFrom: [{ secretRef: { name: `${SERVER}-auth` } }, { secretRef: { name: `${SERVER}-tls` } }],
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
            // A busy machine starts no program within the second that is the default, and a server that is not ready has no endpoint.
            readinessProbe: {
              exec: { command: ['pg_isready', '--host=127.0.0.1'] },
              ...{ periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 10 },
            },
          },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  ];
}
