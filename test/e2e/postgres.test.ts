import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { issueAuthority } from '../../src/admission/certificate.ts';
import type { AppBinding } from '../../src/api/app-binding.ts';
import { APP_BINDINGS, FUNCTIONS, TASKS } from '../../src/api/resources.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { persistentVolumeClaims } from '../../src/kube/resource.ts';
import { client, useNamespace } from './cluster.ts';
import { kubectl, tryKubectl } from './kubectl.ts';
import { leaks } from './leaks.ts';
import { backupSession, repository } from './objects.ts';
import { PASSWORD, type PostgresServer, SERVER, startAnother, startPostgres } from './postgres-server.ts';

/* A real server of PostgreSQL, dumped and restored with the objects of the samples: by the catalog as it is, and by tools of others. */

const namespace = useNamespace('e2e-postgres');

type Sample = ApiObject & { spec: Record<string, unknown> };

const textOf = (file: string) => readFileSync(new URL(`../samples/${file}`, import.meta.url), 'utf8');

/** The sample `file`, the repository of which is in the claim `backups` here. */
function sample(file: string): Sample {
  return parse(textOf(file));
}

let server: PostgresServer;

/** Where the volume of the claim `backups` is, on this machine. */
async function backupsFolder(): Promise<string> {
  const { spec } = await namespace.get<ApiObject & { spec: { volumeName: string } }>(
    persistentVolumeClaims,
    'backups',
  );
  const at = '{.spec.hostPath.path}{.spec.local.path}';
  return kubectl('get', 'pv', spec.volumeName, '-o', `jsonpath=${at}`);
}

/** What restic says of the Repository `name`. */
async function restic(name: string, ...command: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'restic',
    [`--repo=${await backupsFolder()}/${name}`, '--no-cache', '--no-lock', ...command],
    { env: { ...process.env, RESTIC_PASSWORD: namespace.password } },
  );
  return stdout;
}

/** The paths of the snapshots in the Repository `name`. */
async function dumpsIn(name: string): Promise<string[][]> {
  const snapshots = JSON.parse(await restic(name, 'snapshots', '--json')) as { paths: string[] }[];
  return snapshots.map(({ paths }) => paths);
}

interface Choice {
  repository?: string;
  task?: string;
  database?: string;
  /** The AppBinding. */
  target?: string;
}

function specOf(file: string, name: string, of: Choice): Sample {
  const { spec, ...rest } = sample(file);
  const { repository: at = name, task, database, target = SERVER } = of;
  const own = {
    ...spec,
    repository: { name: at },
    task: { ...(spec.task as object), ...(task !== undefined && { name: task }), inputs: {} },
    target: { ref: { ...(spec.target as { ref: object }).ref, name: target } },
  };
  if (database !== undefined) own.task.inputs = { database };
  return { ...rest, metadata: { name }, spec: own };
}

/** A configuration of the server into the Repository of the same name; of all databases where there is no `database`. */
const configuration = (name: string, of: Choice = {}): ApiObject => {
  const { spec, ...rest } = specOf('08-backup-postgres.yaml', name, of);
  return { ...rest, ...{ spec: { ...spec, schedule: '@yearly' } } };
};

/** A restore of what the server's configuration has in the Repository. */
const restore = (name: string, of: Choice): ApiObject => specOf('09-restore-postgres.yaml', name, of);

/** The AppBinding of the samples, which verifies no certificate; or another `name`, of the same server where it has the same Secret. */
async function bind(
  name = SERVER,
  clientConfig?: AppBinding['spec']['clientConfig'],
  secret = `${SERVER}-auth`,
): Promise<void> {
  const { spec, metadata, ...rest } = sample('07-app-binding.yaml');
  const object = {
    ...{ ...rest, metadata: { ...metadata, name, namespace: namespace.name } },
    spec: { ...spec, secret: { name: secret }, ...(clientConfig !== undefined && { clientConfig }) },
  };
  await client.apply(APP_BINDINGS, object, { fieldManager: 'e2e', force: true });
}

const service = { name: SERVER, port: 5432, scheme: 'postgresql' };
const bundle = (certificate: string) => Buffer.from(certificate).toString('base64');

beforeAll(async () => {
  server = await startPostgres(namespace);
  await bind();
  await server.sql(
    'postgres',
    `CREATE ROLE clerk LOGIN PASSWORD 'clerks-own';
     CREATE DATABASE "my-postgres" OWNER clerk;
     CREATE DATABASE second;`,
  );
  await server.sql(
    'my-postgres',
    String.raw`CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL, at timestamptz DEFAULT now());
     ALTER TABLE notes OWNER TO clerk;
     INSERT INTO notes (text) SELECT 'note ' || n || E'\n\\connect second\tÄ' FROM generate_series(1, 5000) AS n;
     CREATE VIEW long_notes AS SELECT * FROM notes WHERE length(text) > 20;
     GRANT SELECT ON long_notes TO clerk;
     SELECT lo_from_bytea(4711, decode(repeat('00ff', 50000), 'hex'));`,
  );
  await server.sql('second', `CREATE TABLE second AS SELECT n FROM generate_series(1, 100) AS n;`);
});

describe('a database of a server', () => {
  it('is as it was once it was dropped and restored', async () => {
    await namespace.apply(
      repository('stash-backup-repo'),
      sample('08-backup-postgres.yaml'),
      backupSession('one', 'database-backup-demo'),
    );
    const { status } = await namespace.backupEnded('one', 'Succeeded');
    expect(status?.stats).toMatchObject([{ hostname: 'host-0', directory: '/my-postgres.sql' }]);
    const before = await server.dump('pg_dump --create my-postgres');
    expect(before).toContain('CREATE VIEW public.long_notes AS');

    await server.sql('postgres', 'DROP DATABASE "my-postgres"');
    await namespace.apply(sample('09-restore-postgres.yaml'));
    await namespace.restoreEnded('database-recovery-demo', 'Succeeded');
    expect(await server.dump('pg_dump --create my-postgres')).toEqual(before);
  });

  it('is restored into another server, by an AppBinding of its own, and stays as it is in its own', async () => {
    await startAnother(namespace, server, 'elsewhere', 5433);
    const address = { service: { ...service, name: 'elsewhere', port: 5433 }, insecureSkipTLSVerify: true };
    await bind('elsewhere', address, 'elsewhere-auth');
    const of = { repository: 'moved', database: 'my-postgres' };
    await namespace.apply(repository('moved'), configuration('moved', of), backupSession('moved', 'moved'));
    await namespace.backupEnded('moved', 'Succeeded', 120);
    const before = await server.dump('pg_dump --create my-postgres');
    const psql = 'PGPORT=5433 psql --no-align --tuples-only --command';
    expect(await server.sh(`${psql} 'SELECT datname FROM pg_database'`)).not.toContain('my-postgres');

    // Roles are of a server, and not in the dump of a database.
    await server.sh(`${psql} 'CREATE ROLE clerk'`);
    const { spec, ...rest } = restore('moved', { target: 'elsewhere' }) as Sample;
    await namespace.apply({
      ...rest,
      ...{ spec: { ...spec, source: { kind: 'AppBinding', name: SERVER } } },
    });
    const { status } = await namespace.restoreEnded('moved', 'Succeeded', 120);
    expect(status?.stats).toMatchObject([{ hostname: 'host-0', directory: '/my-postgres.sql' }]);
    expect(await server.dump('PGPORT=5433 pg_dump --create my-postgres')).toEqual(before);
    expect(await server.dump('pg_dump --create my-postgres')).toEqual(before);
  });

  it('is waited for where its server is not to be reached yet', async () => {
    await kubectl('create', '-n', namespace.name, 'service', 'clusterip', 'late', '--tcp=5432');
    await bind('late', { service: { ...service, name: 'late' }, insecureSkipTLSVerify: true });
    const of = { repository: 'late', target: 'late', database: 'second' };
    await namespace.apply(repository('late'), configuration('late', of), backupSession('late', 'late'));
    const logs = ['logs', '-n', namespace.name, 'job/late', '--all-containers'];
    const label = (app: string) =>
      kubectl('label', '-n', namespace.name, 'pod', SERVER, `app=${app}`, '--overwrite');
    await namespace.until('the dump waits for the server', async () => {
      const { stdout } = await tryKubectl(logs);
      return stdout.includes('the server does not answer yet') || undefined;
    });
    // The Service takes pods of that label.
    await label('late');
    try {
      await namespace.backupEnded('late', 'Succeeded');
    } finally {
      await label(SERVER);
    }
  });

  it('has no snapshot where its server dies in the middle of the dump', async () => {
    await server.sql(
      'second',
      `CREATE TABLE big AS SELECT md5(n::text) AS text FROM generate_series(1, 2000000) AS n;`,
    );
    await namespace.apply(repository('second'), configuration('second', { database: 'second' }));
    const question = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY public.big%'";
    // A backend that is killed takes the whole server with it, which starts again.
    const killed = server.sh(
      `while pid=$(psql --no-align --tuples-only --command="${question}" postgres); [ -z "$pid" ]; do :; done; kill -9 $pid; echo $pid`,
    );
    await namespace.apply(backupSession('second', 'second'));
    const { status } = await namespace.backupEnded('second', 'Failed');
    expect(await killed).toMatch(/^\d+$/);
    expect(status?.hosts).toMatchObject([{ host: 'host-0', phase: 'Failed', reason: 'DumpFailed' }]);
    expect(status?.stats ?? []).toEqual([]);
    expect(await dumpsIn('second')).toEqual([]);
    await server.sh('until pg_isready --quiet; do sleep 0.2; done');
    await server.sql('second', 'DROP TABLE big');
  });
});

describe('a whole server, whose certificate is verified', () => {
  it('is restored into one that has none of its databases, and one that has any stays as it is', async () => {
    await bind('verified', { service, caBundle: bundle(server.authority.certificate) });
    const verified = { repository: 'all', target: 'verified' };
    await namespace.apply(repository('all'), configuration('all', verified), backupSession('all', 'all'));
    await namespace.backupEnded('all', 'Succeeded');
    expect(await dumpsIn('all')).toEqual([['/all-databases.sql']]);
    const before = await server.dump('pg_dumpall');
    expect(before).toEqual(
      expect.arrayContaining(['CREATE ROLE clerk;', expect.stringMatching(/^CREATE DATABASE second /)]),
    );

    await server.sql('postgres', `DROP DATABASE "my-postgres"; ALTER ROLE clerk PASSWORD 'changed since';`);
    const changed = await server.dump('pg_dumpall');
    await namespace.apply(restore('refused', verified));
    const { status } = await namespace.restoreEnded('refused', 'Failed');
    expect(status?.hosts).toMatchObject([
      { reason: 'DatabaseExists', message: expect.stringMatching(/ database second already/) },
    ]);
    expect(await server.dump('pg_dumpall')).toEqual(changed);

    await server.sql('postgres', 'DROP DATABASE second; DROP ROLE clerk;');
    await namespace.apply(restore('all', verified));
    await namespace.restoreEnded('all', 'Succeeded');
    expect(await server.dump('pg_dumpall')).toEqual(before);
  });

  it('is not dumped where another authority is to vouch for it, or it has another name', async () => {
    const other = await issueAuthority(Date.now(), 3_600_000);
    await bind('other-authority', { service, caBundle: bundle(other.certificate) });
    await bind('other-name', {
      url: `postgresql://${SERVER}:5432/?sslmode=verify-full`,
      caBundle: bundle(server.authority.certificate),
    });
    const refusals = {
      'other-authority': /certificate verify failed/,
      'other-name': /does not match host name "quick-postgres"/,
    };
    await namespace.apply(repository('other'));
    for (const name of Object.keys(refusals)) {
      const of = { repository: 'other', target: name };
      await namespace.apply(configuration(name, of), backupSession(name, name));
    }
    for (const [name, said] of Object.entries(refusals)) {
      const { status } = await namespace.backupEnded(name, 'Failed', 240);
      expect(status?.hosts).toMatchObject([
        { reason: 'DatabaseUnreachable', message: expect.stringMatching(said) },
      ]);
    }
  });
});

describe("the samples' own Functions and Tasks", () => {
  /** So that they do not stand in the place of the catalog's. */
  const own = (name: string) => `sample-${name}`;
  const images: Record<string, string> = {
    'appscodeci/postgresql-tool:v1': 'localhost/task-tool:1',
    'appscodeci/cluster-tool:v1': 'localhost/task-tool:1',
    'appscode/stash:0.9.0': 'stash:0.1.0',
  };
  const documents = (file: string) =>
    parseAllDocuments(textOf(file)).map((document) => document.toJS() as Sample);
  const functions = documents('17-functions.yaml').map(({ spec, metadata, ...rest }) => {
    const image = images[String(spec.image)];
    return { ...rest, metadata: { name: own(metadata.name) }, spec: { ...spec, image } };
  });
  const tasks = documents('18-tasks.yaml').map(({ spec, metadata, ...rest }) => {
    const steps = (spec.functions as { name: string }[]).map((each) => ({ ...each, name: own(each.name) }));
    return { ...rest, metadata: { name: own(metadata.name) }, spec: { functions: steps } };
  });

  beforeAll(async () => {
    for (const each of functions) await client.apply(FUNCTIONS, each, { fieldManager: 'e2e', force: true });
    for (const each of tasks) await client.apply(TASKS, each, { fieldManager: 'e2e', force: true });
  });

  afterAll(async () => {
    for (const { metadata } of tasks) await client.delete(TASKS, metadata.name);
    for (const { metadata } of functions) await client.delete(FUNCTIONS, metadata.name);
  });

  it("back up a database and the cluster by another's tools, and restore the database", async () => {
    const at = ['-n', namespace.name];
    await kubectl('create', ...at, 'serviceaccount', 'reader');
    const subject = `--serviceaccount=${namespace.name}:reader`;
    await kubectl('create', ...at, 'rolebinding', 'reader', '--clusterrole=view', subject);
    const { spec, ...rest } = sample('10-backup-cluster.yaml');
    const cluster = {
      ...{ ...rest, metadata: { name: 'sample-cluster' } },
      spec: {
        ...{ ...spec, schedule: '@yearly', repository: { name: 'sample-cluster' } },
        task: { name: own('cluster-backup') },
        runtimeSettings: { pod: { serviceAccountName: 'reader' } },
      },
    };
    await namespace.apply(
      ...[repository('sample'), repository('sample-cluster'), cluster],
      configuration('sample', { task: own('pg-backup'), database: 'my-postgres' }),
      ...[backupSession('sample', 'sample'), backupSession('sample-cluster', 'sample-cluster')],
    );
    const { status } = await namespace.backupEnded('sample', 'Succeeded');
    expect(status?.stats).toMatchObject([{ hostname: 'host-0', directory: '/my-postgres.sql' }]);
    const ofCluster = await namespace.backupEnded('sample-cluster', 'Succeeded');
    const directory = '/tmp/restic/cluster';
    expect(ofCluster.status?.stats).toMatchObject([{ hostname: 'host-0', directory }]);
    const objects = parse(await restic('sample-cluster', 'dump', 'latest', `${directory}/objects.yaml`)) as {
      items: ApiObject[];
    };
    expect(objects.items.map(({ metadata }) => metadata.name)).toContain(SERVER);

    const before = await server.dump('pg_dump --create my-postgres');
    expect(before).toContain('CREATE VIEW public.long_notes AS');
    await server.sql('postgres', 'DROP DATABASE "my-postgres"');
    await namespace.apply(restore('sample', { task: own('pg-recovery') }));
    const restored = await namespace.restoreEnded('sample', 'Succeeded');
    expect(restored.status?.stats).toMatchObject([
      { snapshot: status?.stats?.[0]?.snapshot, directory: '/my-postgres.sql' },
    ]);
    expect(await server.dump('pg_dump --create my-postgres')).toEqual(before);
  });
});

it('is nowhere told a password', async () => {
  expect(await leaks(namespace, [namespace.password, PASSWORD])).toEqual([]);
});
