import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  access,
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Agent, Spawn } from '../../src/agent/agent.ts';
import { runCheck, runRestore, runSidecar, spawnQuietly } from '../../src/agent/main.ts';
import { applyOwnNode } from '../../src/agent/own-node.ts';
import { CONFIGURATION_LABEL } from '../../src/api/annotations.ts';
import type { BackupConfiguration, RetentionPolicy } from '../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../src/api/backup-session.ts';
import type { Repository } from '../../src/api/repository.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { configurationHash } from '../../src/api/session-subject.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { createConnection, type Endpoint } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { customResourceDefinitions, namespaces } from '../../src/kube/resource.ts';
import { INCOMPLETE_TAG, tagsOf } from '../../src/restic/tags.ts';

/* The real agent, restic and API server; this test plays the operator and kubelet. */

const run = promisify(execFile);
const namespace = `agent-${randomBytes(4).toString('hex')}`;
const podUID = 'uid-of-the-pod';
let endpoint: Endpoint;
let client: Client;
const close: (() => void)[] = [];

beforeAll(async () => {
  endpoint = kubeconfigEndpoint();
  client = clientOf(endpoint);
  for (const file of await readdir('crds')) {
    for (const document of parseAllDocuments(await readFile(join('crds', file), 'utf8'))) {
      const crd: ApiObject = document.toJS();
      await client.apply(customResourceDefinitions, crd, { fieldManager: 'stash-operator', force: true });
      await eventually(async () => {
        const { status } = await client.get<
          ApiObject & { status?: { conditions?: { type: string; status: string }[] } }
        >(customResourceDefinitions, crd.metadata.name);
        const established = status?.conditions?.find(({ type }) => type === 'Established');
        return established?.status === 'True' ? true : undefined;
      });
    }
  }
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
  for (const each of close) each();
});

function clientOf(to: Endpoint): Client {
  const connection = createConnection(to);
  close.push(() => connection.close());
  return createClient(connection);
}

async function eventually<T>(look: () => Promise<T | undefined>, ms = 30_000): Promise<T> {
  const until = Date.now() + ms;
  for (;;) {
    const found = await look().catch((error: unknown) => {
      if (Date.now() > until) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let serial = 0;

/** What a pod has: a data directory, a repository's volume, a Secret; and the objects that go with them. */
interface Scene {
  root: string;
  data: string;
  repository: string;
  secret: string;
  agent: Agent;
  /** Commands of restic that were started, in order. */
  commands: string[];
  stop: AbortController;
}

async function scene(): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), 'stash-agent-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const repository = `repository-${++serial}`;
  const [data, mountPath, secret] = [
    join(root, 'data'),
    join(root, 'volume'),
    join(root, 'secrets', repository),
  ];
  for (const directory of [data, mountPath, secret]) await mkdir(directory, { recursive: true });
  await writeFile(join(secret, 'RESTIC_PASSWORD'), 'correct horse\n');
  await client.create(REPOSITORIES, {
    apiVersion: 'stash.appscode.com/v1alpha2',
    kind: 'Repository',
    metadata: { name: repository, namespace },
    spec: {
      backend: {
        local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath, subPath: 'shop' },
        storageSecretName: 'storage',
      },
    },
  } as ApiObject);
  const stop = new AbortController();
  const commands: string[] = [];
  const agent: Agent = {
    identity: { podName: 'web-1', podUID, namespace, nodeName: 'node' },
    directories: [data],
    paths: { secrets: join(root, 'secrets'), scratch: join(root, 'scratch') },
    client,
    clock: systemClock,
    random: Math.random,
    spawn: recording(spawnQuietly, commands),
    signal: stop.signal,
    logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    restic: 'restic',
    programPath: process.env.PATH ?? '',
    environment: {},
    secretWaitMs: 0,
  };
  return { root, data, repository, secret, agent, commands, stop };
}

function recording(real: Spawn, commands: string[]): Spawn {
  return (command, args, env) => {
    commands.push(args[0] ?? '');
    return real(command, args, env);
  };
}

async function configure(
  { repository }: Scene,
  directories: string[],
  retentionPolicy?: Partial<RetentionPolicy>,
  exclude?: string[],
): Promise<string> {
  const name = `configuration-${++serial}`;
  await client.create(BACKUP_CONFIGURATIONS, {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: { name, namespace },
    spec: {
      schedule: '@daily',
      repository: { name: repository },
      target: {
        ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        directories,
        ...(exclude !== undefined && { exclude }),
      },
      ...(retentionPolicy !== undefined && { retentionPolicy }),
    },
  } as ApiObject);
  return name;
}

async function session(configuration: string): Promise<string> {
  const name = `session-${++serial}`;
  await client.create(BACKUP_SESSIONS, {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupSession',
    metadata: { name, namespace, labels: { [CONFIGURATION_LABEL]: configuration } },
    spec: { backupConfiguration: { name: configuration } },
  } as ApiObject);
  return name;
}

type Status = Record<string, unknown>;

/** The operator's own fields of a status, as it applies them. */
async function operate(
  resource: Resource,
  name: string,
  status: Status,
  manager = 'stash-operator',
): Promise<void> {
  const object = {
    apiVersion: `${resource.group}/${resource.version}`,
    kind: resource.kind,
    metadata: { name, namespace },
    status,
  };
  await client.apply(resource, object, { fieldManager: manager, force: true, subresource: 'status' });
}

function running(more: Status = {}): Status {
  return {
    phase: 'Running',
    startTime: instant(0),
    deadline: instant(3_600_000),
    hosts: [{ host: 'host-0', podName: 'web-1', podUID }],
    ...more,
  };
}

function instant(fromNow: number): string {
  return new Date(Date.now() + fromNow).toISOString();
}

function startSidecar(of: Scene, configurations: string[], agent: Partial<Agent> = {}): Promise<number> {
  const ended = runSidecar({ ...of.agent, ...agent, configurations });
  onTestFinished(async () => {
    of.stop.abort();
    await ended;
  });
  return ended;
}

type Host = NonNullable<NonNullable<BackupSession['status']>['hosts']>[number];

async function hostOf(name: string): Promise<Host | undefined> {
  const { status } = await client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
  return status?.hosts?.[0];
}

async function settled(name: string): Promise<BackupSession & { host: Host }> {
  return eventually(async () => {
    const found = await client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
    const host = found.status?.hosts?.[0];
    return host?.phase === 'Succeeded' || host?.phase === 'Failed' ? { ...found, host } : undefined;
  });
}

/** A whole session: created, started, done. */
async function backUp(configuration: string, more: Status = {}): Promise<BackupSession & { host: Host }> {
  const name = await session(configuration);
  await operate(BACKUP_SESSIONS, name, running(more));
  return settled(name);
}

async function fill(directory: string, files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
}

async function restic({ root, secret }: Scene, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    RESTIC_REPOSITORY: join(root, 'volume', 'shop'),
    RESTIC_PASSWORD_FILE: join(secret, 'RESTIC_PASSWORD'),
    RESTIC_CACHE_DIR: join(root, 'cache'),
  };
  return (await run('restic', args, { env })).stdout;
}

/** Enough for restic to be busy for a while. */
async function writeMuch(directory: string): Promise<void> {
  for (let file = 0; file < 8; file++) await writeFile(join(directory, `much-${file}`), randomBytes(50e6));
}

describe('a backup', () => {
  test('makes the repository the first time, and not the second, and tells what it did', async () => {
    const of = await scene();
    await fill(of.data, { a: 'one', b: 'two'.repeat(1000), c: '' });
    const configuration = await configure(of, [of.data]);
    startSidecar(of, [configuration]);

    const first = await backUp(configuration, { initializer: 'host-0' });
    expect(first.host).toMatchObject({ host: 'host-0', podName: 'web-1', podUID, phase: 'Succeeded' });
    expect(first.host.repositoryID).toMatch(/^[0-9a-f]{64}$/);
    expect(first.host).not.toHaveProperty('reason');
    expect(first.host).not.toHaveProperty('progress');
    expect(Date.parse(first.host.completionTime ?? '')).toBeGreaterThanOrEqual(
      Date.parse(first.host.startTime ?? ''),
    );
    expect(first.status?.stats).toEqual([
      {
        hostname: 'host-0',
        directory: of.data,
        snapshot: expect.stringMatching(/^[0-9a-f]{8}$/),
        totalSize: '2.933 KiB',
        totalBytes: 3003,
        uploaded: expect.stringMatching(/^[0-9.]+ (KiB|B)$/),
        uploadedBytes: expect.any(Number),
        fileStats: { new: 3, changed: 0, unmodified: 0 },
      },
    ]);
    expect(of.commands).toEqual(['cat', 'init', 'backup']);

    await fill(of.data, { b: 'other' });
    const second = await backUp(configuration);
    expect(second.status?.stats?.[0]?.fileStats).toEqual({ new: 0, changed: 1, unmodified: 2 });
    expect(second.host).not.toHaveProperty('repositoryID');
    expect(of.commands).toEqual(['cat', 'init', 'backup', 'backup']);
    expect(JSON.parse(await restic(of, 'snapshots', '--json'))).toHaveLength(2);
    const managers = second.metadata as unknown as { managedFields: { manager: string }[] };
    expect(managers.managedFields.map(({ manager }) => manager)).toContain('stash-agent-host-0');
  });

  test('begins within three seconds of its session', async () => {
    const of = await scene();
    await fill(of.data, { a: 'one' });
    const configuration = await configure(of, [of.data]);
    let began = 0;
    const spawnAt: Spawn = (command, args, env) => {
      began ||= Date.now();
      return of.agent.spawn(command, args, env);
    };
    startSidecar(of, [configuration], { spawn: spawnAt });
    const name = await session(configuration);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const started = Date.now();
    await operate(BACKUP_SESSIONS, name, running());
    await settled(name);
    expect(began).toBeGreaterThanOrEqual(started);
    expect(began - started).toBeLessThan(3_000);
  });

  test.each<[string, string, RegExp, (of: Scene) => Promise<unknown>]>([
    [
      'a wrong password',
      'WrongPassword',
      /RESTIC_PASSWORD/,
      (of) => writeFile(join(of.secret, 'RESTIC_PASSWORD'), 'wrong battery'),
    ],
    [
      'a Secret that is missing',
      'SecretMissing',
      /Secret storage of Repository .* is missing/,
      (of) => rm(of.secret, { recursive: true }),
    ],
    [
      'a Secret without the password',
      'SecretIncomplete',
      /lacks the key RESTIC_PASSWORD, .* its keys are PASSWORD, USER/,
      async (of) => {
        await rm(join(of.secret, 'RESTIC_PASSWORD'));
        await fill(of.secret, { PASSWORD: 'secret word', USER: 'secret word' });
      },
    ],
    [
      'a repository that vanished',
      'RepositoryNotFound',
      /not made anew/,
      (of) => rm(join(of.root, 'volume', 'shop'), { recursive: true }),
    ],
    [
      'a volume that is not mounted',
      'RepositoryNotMounted',
      /roll the workload out/,
      (of) => rm(join(of.root, 'volume'), { recursive: true }),
    ],
    [
      'a directory that is gone',
      'DirectoryNotFound',
      /no such directory/,
      (of) => rm(of.data, { recursive: true }),
    ],
  ])('over %s fails and says so, and the sidecar goes on', async (_, reason, message, spoil) => {
    const of = await scene();
    await fill(of.data, { a: 'one' });
    await mkdir(join(of.root, 'volume', 'shop'));
    await restic(of, 'init');
    const configuration = await configure(of, [of.data]);
    startSidecar(of, [configuration]);
    await spoil(of);
    const failed = await backUp(configuration);
    expect(failed.host).toMatchObject({ phase: 'Failed', reason, message: expect.stringMatching(message) });
    expect(failed.host.message).not.toMatch(/horse|battery|secret word/);
    expect(failed.status?.stats).toBeUndefined();

    // kubelet brings a Secret that was mended into the pod.
    if (!['SecretMissing', 'SecretIncomplete', 'WrongPassword'].includes(reason)) return;
    await mkdir(of.secret, { recursive: true });
    await writeFile(join(of.secret, 'RESTIC_PASSWORD'), 'correct horse\n');
    expect((await backUp(configuration)).host.phase).toBe('Succeeded');
  });

  test('waits a while for a Secret that is on its way, and says so', async () => {
    const of = await scene();
    await rm(of.secret, { recursive: true });
    const configuration = await configure(of, [of.data]);
    startSidecar(of, [configuration], { secretWaitMs: 60_000 });
    const name = await session(configuration);
    await operate(BACKUP_SESSIONS, name, running({ initializer: 'host-0' }));
    const waiting = await eventually(async () => {
      const host = await hostOf(name);
      return host?.reason === 'SecretMissing' ? host : undefined;
    });
    expect(waiting).toMatchObject({
      phase: 'Running',
      message: expect.stringMatching(/^Waiting: Secret storage/),
    });
    await mkdir(of.secret);
    await writeFile(join(of.secret, 'RESTIC_PASSWORD'), 'correct horse\n');
    const { host } = await settled(name);
    expect(host.phase).toBe('Succeeded');
    expect(host).not.toHaveProperty('reason');
  });

  /**
   * A backup under way of two directories by a restic that is a user who may not read the file `locked` in the first.
   *
   * @param instead - what is run in the place of restic
   */
  async function unreadable(instead: (real: Spawn, next: string) => Spawn = (real) => real) {
    const of = await scene();
    const next = join(of.root, 'next');
    const directories = [of.data, next];
    await mkdir(next);
    await fill(of.data, { a: 'one', locked: 'two' });
    await fill(next, { b: 'three' });
    await chmod(join(of.data, 'locked'), 0);
    const configuration = await configure(of, directories);
    await run('chmod', ['755', of.root, ...directories]);
    await chmod(join(of.root, 'volume'), 0o777);
    const asNobody: Spawn = (command, args, env) =>
      spawn(command, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], uid: 65534, gid: 65534 });
    startSidecar(of, [configuration], {
      directories,
      spawn: recording(instead(asNobody, next), of.commands),
      restic: await reachable(of),
    });
    // In a pod the agent is that user itself: here what it made is given to everybody.
    await eventually(() => access(join(of.root, 'scratch', 'cache')).then(() => true));
    for (const name of ['tmp', 'cache']) await chmod(join(of.root, 'scratch', name), 0o777);
    const name = await session(configuration);
    await operate(BACKUP_SESSIONS, name, running({ initializer: 'host-0' }));
    const snapshots = async (...ids: string[]): Promise<Listed[]> =>
      JSON.parse(await restic(of, 'snapshots', '--json', ...ids));
    return { of, next, configuration, name, snapshots };
  }

  interface Listed {
    short_id: string;
    paths: string[];
    tags: string[];
  }

  const isMarked = ({ tags }: Listed) => tags.includes(INCOMPLETE_TAG);

  test('of files that cannot be read is Failed, names them, and all directories have snapshots, those marked incomplete', async () => {
    const { of, next, configuration, name, snapshots } = await unreadable();
    const { host, status } = await settled(name);
    expect(host.message).toContain('1 file or directory could not be read');
    expect(host).toMatchObject({ phase: 'Failed', reason: 'SomeFilesUnreadable' });
    expect(host.message).toContain(join(of.data, 'locked'));
    const listed = await snapshots();
    expect(listed.map((each) => [each.paths, isMarked(each)])).toEqual([
      [[of.data], true],
      [[next], false],
    ]);
    const [first, second] = listed.map(({ short_id }) => short_id);
    expect(status?.stats).toMatchObject([
      { directory: of.data, snapshot: first },
      { directory: next, snapshot: second },
    ]);
    expect(of.commands).toEqual(['cat', 'init', 'backup', 'backup', 'tag']);

    await chmod(join(of.data, 'locked'), 0o644);
    const good = await backUp(configuration);
    expect(good.host.phase).toBe('Succeeded');
    expect((await snapshots(good.status?.stats?.[0]?.snapshot ?? '')).map(isMarked)).toEqual([false]);
  });

  test('says so until a snapshot that is not complete is marked, and where it could not be', async () => {
    const { of, next, name, snapshots } = await unreadable((real, beside) => (command, args, env) => {
      if (!args.includes('tag')) return real(command, args, env);
      return real(
        'sh',
        ['-c', `until [ -e ${beside}/go ]; do sleep 0.1; done; echo no tags today >&2; exit 11`],
        env,
      );
    });
    const waiting = await eventually(async () => {
      const host = await hostOf(name);
      return host?.reason === 'NotMarkedIncomplete' ? host : undefined;
    });
    // It is told before the next directory is backed up.
    const first = (await snapshots())[0]?.short_id;
    expect(waiting.phase).toBe('Running');
    expect(waiting.message).toContain(`Snapshot ${first} is not complete and not marked so yet`);
    await writeFile(join(next, 'go'), '');
    const { host, status } = await settled(name);
    const second = (await snapshots())[1]?.short_id;
    expect(host).toMatchObject({ phase: 'Failed', reason: 'NotMarkedIncomplete' });
    for (const part of [
      join(of.data, 'locked'),
      `restic forget ${first}`,
      'locked by another',
      'no tags today',
    ]) {
      expect(host.message).toContain(part);
    }
    expect(status?.stats).toMatchObject([
      { directory: of.data, snapshot: first },
      { directory: next, snapshot: second },
    ]);
  });

  test('that is cancelled marks what it has that is not complete', async () => {
    const { of, name, snapshots } = await unreadable((real, next) => (command, args, env) => {
      return args.includes(next) ? real('sleep', ['60'], env) : real(command, args, env);
    });
    await eventually(async () => (of.commands.length === 4 ? true : undefined));
    await client.mergePatch(BACKUP_SESSIONS, name, namespace, { spec: { cancel: true } });
    expect((await settled(name)).host).toMatchObject({ phase: 'Failed', reason: 'Cancelled' });
    expect((await snapshots()).map(isMarked)).toEqual([true]);
  });

  test.each([
    ['the directory', (of: Scene) => of.data],
    ['its name, wherever it is', () => 'data'],
    ['one above it', (of: Scene) => of.root],
  ])(
    'of which an exclude matches %s is Failed, and its snapshot is marked incomplete',
    async (_, pattern) => {
      const of = await scene();
      await fill(of.data, { a: 'one' });
      const configuration = await configure(of, [of.data], undefined, ['*.tmp', pattern(of)]);
      startSidecar(of, [configuration]);
      const failed = await backUp(configuration, { initializer: 'host-0' });
      expect(failed.host).toMatchObject({
        phase: 'Failed',
        reason: 'DirectoryNotInSnapshot',
        message: expect.stringContaining(`(*.tmp; ${pattern(of)})`),
      });
      const listed: Listed[] = JSON.parse(await restic(of, 'snapshots', '--json'));
      expect(listed.map(({ tags }) => tags.at(-1))).toEqual([INCOMPLETE_TAG]);
      expect(of.commands).toEqual(['cat', 'init', 'backup', 'ls', 'tag']);
    },
  );

  test('of a directory that is empty, or from which all is excluded, is none of a directory that is missing', async () => {
    const of = await scene();
    await fill(of.data, { 'a.tmp': 'one' });
    const configuration = await configure(of, [of.data], undefined, ['*.tmp']);
    startSidecar(of, [configuration]);
    expect((await backUp(configuration, { initializer: 'host-0' })).host.phase).toBe('Succeeded');
    await rm(join(of.data, 'a.tmp'));
    expect((await backUp(configuration)).host.phase).toBe('Succeeded');
    expect(of.commands).toEqual(['cat', 'init', 'backup', 'ls', 'backup', 'ls']);
  });

  test('of a directory that is not mounted here is Failed before anything is run', async () => {
    const of = await scene();
    const configuration = await configure(of, [of.data, '/etc']);
    startSidecar(of, [configuration]);
    const failed = await backUp(configuration, { initializer: 'host-0' });
    expect(failed.host).toMatchObject({
      reason: 'DirectoryNotMounted',
      message: expect.stringMatching(/^\/etc: not mounted/),
    });
    expect(of.commands).toEqual([]);
  });

  test('waits for the host that makes the repository', async () => {
    const of = await scene();
    await restic(of, 'init');
    await fill(of.data, { a: 'one' });
    const configuration = await configure(of, [of.data]);
    startSidecar(of, [configuration]);
    const name = await session(configuration);
    const hosts = [
      { host: 'host-1', podName: 'web-2', podUID: 'another' },
      { host: 'host-0', podName: 'web-1', podUID },
    ];
    await operate(BACKUP_SESSIONS, name, running({ initializer: 'host-1', hosts }));
    await eventually(async () => {
      const { status } = await client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
      return status?.hosts?.[1]?.phase === 'Running' ? true : undefined;
    });
    expect(of.commands).toEqual([]);
    await operate(
      BACKUP_SESSIONS,
      name,
      { hosts: [{ host: 'host-1', repositoryID: 'abc' }] },
      'stash-agent-host-1',
    );
    await eventually(async () => {
      const { status } = await client.get<BackupSession>(BACKUP_SESSIONS, name, namespace);
      return status?.hosts?.[1]?.phase === 'Succeeded' ? true : undefined;
    });
    expect(of.commands).toEqual(['backup']);
  });

  test('leaves alone a session of another pod, and one that is over', async () => {
    const of = await scene();
    await fill(of.data, { a: 'one' });
    const configuration = await configure(of, [of.data]);
    const others = await session(configuration);
    await operate(BACKUP_SESSIONS, others, running({ hosts: [{ host: 'host-0', podUID: 'another' }] }));
    const over = await session(configuration);
    await operate(BACKUP_SESSIONS, over, running({ phase: 'Failed' }));
    startSidecar(of, [configuration]);
    await backUp(configuration, { initializer: 'host-0' });
    expect(await hostOf(others)).toEqual({ host: 'host-0', podUID: 'another' });
    expect(await hostOf(over)).toEqual({ host: 'host-0', podName: 'web-1', podUID });
    expect(of.commands).toEqual(['cat', 'init', 'backup']);
  });

  test('that an agent before the restart of its container was at is Failed, and what stands is kept', async () => {
    const of = await scene();
    const configuration = await configure(of, [of.data]);
    const name = await session(configuration);
    await operate(BACKUP_SESSIONS, name, running());
    await operate(
      BACKUP_SESSIONS,
      name,
      { hosts: [{ host: 'host-0', phase: 'Running', startTime: instant(0) }] },
      'stash-agent-host-0',
    );
    const flawed = await session(configuration);
    await operate(BACKUP_SESSIONS, flawed, running());
    const said = { reason: 'NotMarkedIncomplete', message: 'Snapshot 01234567 is not complete' };
    await operate(
      BACKUP_SESSIONS,
      flawed,
      { hosts: [{ host: 'host-0', phase: 'Running', ...said }] },
      'stash-agent-host-0',
    );
    startSidecar(of, [configuration]);
    const { host } = await settled(name);
    expect(host).toMatchObject({
      phase: 'Failed',
      reason: 'AgentRestarted',
      startTime: expect.any(String),
      podUID,
    });
    const { host: later } = await settled(flawed);
    expect(later).toMatchObject({ phase: 'Failed', reason: said.reason });
    expect(later.message).toBe(`${said.message}. ${host.message}`);
    expect(of.commands).toEqual([]);
  });
});

/** A restic that another user can reach. */
async function reachable({ root }: Scene): Promise<string> {
  const { stdout } = await run('which', ['restic']);
  const copy = join(root, 'restic');
  await run('cp', ['-L', stdout.trim(), copy]);
  await chmod(copy, 0o755);
  return copy;
}

describe('a backup that is stopped', () => {
  async function inTheMiddle(more: () => Status = () => ({})) {
    const of = await scene();
    await restic(of, 'init');
    await writeMuch(of.data);
    const configuration = await configure(of, [of.data]);
    const ended = startSidecar(of, [configuration]);
    const name = await session(configuration);
    await operate(BACKUP_SESSIONS, name, running(more()));
    await eventually(async () => (of.commands.includes('backup') ? true : undefined));
    return { of, name, ended, configuration };
  }

  test('by cancel is Failed, and leaves no lock and no snapshot', async () => {
    const { of, name } = await inTheMiddle();
    await client.mergePatch(BACKUP_SESSIONS, name, namespace, { spec: { cancel: true } });
    expect((await settled(name)).host).toMatchObject({ phase: 'Failed', reason: 'Cancelled' });
    expect((await restic(of, 'list', 'locks')).trim()).toBe('');
    expect(JSON.parse(await restic(of, 'snapshots', '--json'))).toEqual([]);
  });

  test('by its deadline is Failed', async () => {
    const { name } = await inTheMiddle(() => ({ deadline: instant(1_000) }));
    expect((await settled(name)).host).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  test('by the end of its pod is Failed, and the agent exits with 0 within 20 s', async () => {
    const { of, name, ended } = await inTheMiddle();
    const began = Date.now();
    of.stop.abort();
    expect(await ended).toBe(0);
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(await hostOf(name)).toMatchObject({ phase: 'Failed', reason: 'Terminated' });
    expect((await restic(of, 'list', 'locks')).trim()).toBe('');
  });

  test('by the end of its session says nothing more, and the next one runs', async () => {
    const { of, name, configuration } = await inTheMiddle();
    await operate(BACKUP_SESSIONS, name, { phase: 'Failed' });
    await rm(of.data, { recursive: true });
    await mkdir(of.data);
    expect((await backUp(configuration)).host.phase).toBe('Succeeded');
    expect((await hostOf(name))?.phase).not.toBe('Succeeded');
  });

  test('while it waits for its turn is Failed at once', async () => {
    const { name, configuration } = await inTheMiddle();
    const next = await session(configuration);
    await operate(BACKUP_SESSIONS, next, running());
    const queued = await eventually(async () => {
      const host = await hostOf(next);
      return host?.heartbeatTime === undefined ? undefined : host;
    });
    expect(queued).toMatchObject({ reason: 'Queued', message: expect.stringContaining(name) });
    expect(queued).not.toHaveProperty('phase');
    await client.mergePatch(BACKUP_SESSIONS, next, namespace, { spec: { cancel: true } });
    expect((await settled(next)).host).toMatchObject({ phase: 'Failed', reason: 'Cancelled' });
    expect((await settled(name)).host.phase).toBe('Succeeded');
  });
});

test('the result of a backup survives an outage of the API server', async () => {
  const of = await scene();
  await writeMuch(of.data);
  await restic(of, 'init');
  const proxy = await startProxy(new URL(endpoint.server));
  const configuration = await configure(of, [of.data]);
  startSidecar(of, [configuration], { client: clientOf(proxy.endpoint) });
  const name = await session(configuration);
  await operate(BACKUP_SESSIONS, name, running());
  await eventually(async () => (of.commands.includes('backup') ? true : undefined));
  await proxy.cut();
  await eventually(async () => {
    const snapshots: unknown[] = JSON.parse(await restic(of, 'snapshots', '--json'));
    return snapshots.length === 1 ? true : undefined;
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await hostOf(name))?.phase).not.toBe('Succeeded');
  await proxy.mend();
  const { host, status } = await settled(name);
  expect(host.phase).toBe('Succeeded');
  expect(status?.stats).toHaveLength(1);
});

/** A way to the API server that can be cut. */
async function startProxy(to: URL) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(Number(to.port), to.hostname);
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on('error', () => {}).on('close', () => sockets.delete(each));
    }
    socket.pipe(onward).pipe(socket);
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  onTestFinished(() => (server.listening ? cut() : undefined));
  const through: Endpoint = {
    server: `https://127.0.0.1:${port}`,
    credentials: async (renew) => ({
      ...(await endpoint.credentials(renew)),
      // TLS takes no address for a name.
      ...(/^[0-9.]+$/.test(to.hostname)
        ? { checkServerIdentity: () => undefined }
        : { servername: to.hostname }),
    }),
  };
  return { endpoint: through, cut, mend: () => listen(port) };
}

describe('retention', () => {
  test('keeps what the policy says of its own configuration, and nothing else is touched', async () => {
    const of = await scene();
    await restic(of, 'init');
    const kept = await configure(of, [of.data], { keepLast: 2 });
    const other = await configure(of, [of.data]);
    startSidecar(of, [kept, other]);
    for (const [index, configuration] of [other, kept, other, kept, other, kept].entries()) {
      await fill(of.data, { a: String(index) });
      expect((await backUp(configuration)).host.phase).toBe('Succeeded');
    }
    const last = await backUp(kept);
    await operate(BACKUP_SESSIONS, last.metadata.name, running({ retention: { host: 'host-0' } }));
    const host = await eventually(async () => {
      const found = await hostOf(last.metadata.name);
      return found?.retention?.phase === 'Succeeded' || found?.retention?.phase === 'Failed'
        ? found
        : undefined;
    });
    expect(host).toMatchObject({
      phase: 'Succeeded',
      podUID,
      completionTime: last.host.completionTime,
      retention: { phase: 'Succeeded', kept: 2, removed: 2 },
    });
    const { status } = await client.get<BackupSession>(BACKUP_SESSIONS, last.metadata.name, namespace);
    expect(status?.stats).toEqual(last.status?.stats);
    const left: { tags: string[] }[] = JSON.parse(await restic(of, 'snapshots', '--json'));
    const tagged = (name: string) => left.filter(({ tags }) => tags.includes(`configuration=${name}`)).length;
    expect([tagged(kept), tagged(other)]).toEqual([2, 3]);
    expect(of.commands.filter((command) => command === 'forget')).toHaveLength(1);
  });
});

describe('a configuration whose target is another by now', () => {
  test('has nothing backed up for a session of before, and nothing forgotten', async () => {
    const of = await scene();
    await restic(of, 'init');
    const name = await configure(of, [of.data], { keepLast: 1 });
    const change = (spec: object) => client.mergePatch(BACKUP_CONFIGURATIONS, name, namespace, { spec });
    const { spec } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name, namespace);
    const began = { configurationHash: configurationHash({ spec }) };
    startSidecar(of, [name]);
    await change({ schedule: '@hourly', retentionPolicy: { keepLast: 2 } });
    const good = await backUp(name, began);
    expect(good.host.phase).toBe('Succeeded');

    await change({ target: { ref: { name: 'other' } } });
    const failed = {
      reason: 'ConfigurationChanged',
      message: expect.stringContaining('start another session'),
    };
    expect((await backUp(name, began)).host).toMatchObject({ phase: 'Failed', ...failed });
    await operate(BACKUP_SESSIONS, good.metadata.name, running({ ...began, retention: { host: 'host-0' } }));
    const retention = await eventually(async () => {
      const found = (await hostOf(good.metadata.name))?.retention;
      return found?.phase === 'Failed' ? found : undefined;
    });
    expect(retention).toMatchObject(failed);
    expect(of.commands.filter((command) => command === 'backup')).toHaveLength(1);
    expect(of.commands).not.toContain('forget');
  });
});

describe('a restore', () => {
  async function restoreSession({ repository, data }: Scene, spec: object = {}): Promise<string> {
    const name = `restore-${++serial}`;
    await client.create(RESTORE_SESSIONS, {
      apiVersion: 'stash.appscode.com/v1beta1',
      kind: 'RestoreSession',
      metadata: { name, namespace },
      spec: {
        repository: { name: repository },
        target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, directories: [data] },
        ...spec,
      },
    } as ApiObject);
    return name;
  }

  function startRestore(of: Scene, sessions: string[], owner = { uid: 0, gids: [0] }): Promise<number> {
    return runRestore({ ...of.agent, sessions, owner });
  }

  async function read(name: string): Promise<RestoreSession> {
    return client.get<RestoreSession>(RESTORE_SESSIONS, name, namespace);
  }

  async function backedUp(): Promise<Scene> {
    const of = await scene();
    await makeOddTree(of.data);
    await restic(of, 'init');
    await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), '--', of.data);
    return of;
  }

  function tagsOfData({ data: directory }: Scene): string[] {
    const subject = { namespace, configuration: 'any', kind: 'Deployment', name: 'web', directory };
    return tagsOf(subject).map((tag) => `--tag=${tag}`);
  }

  test('brings everything back as it was, and the directory itself', async () => {
    const of = await backedUp();
    const before = await describeTree(of.data);
    await rm(of.data, { recursive: true });
    await mkdir(of.data);
    const name = await restoreSession(of);
    const ended = startRestore(of, [name]);
    await operate(RESTORE_SESSIONS, name, running());
    expect(await ended).toBe(0);
    expect(await describeTree(of.data)).toEqual(before);
    const { status } = await read(name);
    expect(status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded', podUID, podName: 'web-1' });
    expect(status?.hosts?.[0]).not.toHaveProperty('reason');
    expect(status?.stats).toMatchObject([
      {
        hostname: 'host-0',
        directory: of.data,
        snapshotTime: expect.any(String),
        restoredFiles: expect.any(Number),
      },
    ]);
    expect(status?.stats?.[0]?.restoredBytes).toBeGreaterThan(0);
    expect(of.commands).toEqual(['snapshots', 'restore', 'ls']);
    // The volume stays with the pod for as long as that runs.
    expect(await readdir(join(of.agent.paths.scratch, 'cache'))).toEqual([]);
  });

  test('that may not set setgid says so of the directory itself, where chmod(2) only leaves it out', async () => {
    const { root } = await scene();
    const shared = join(root, 'shared');
    await mkdir(shared);
    await chown(shared, 33, 4242);
    const node = { uid: 33, gid: 4242, mode: 0o2775 };
    const module = JSON.stringify(join(process.cwd(), 'src/agent/own-node.ts'));
    const script = `console.log(JSON.stringify(await (await import(${module})).applyOwnNode(${JSON.stringify(shared)}, ${JSON.stringify({ node })})))`;
    const program = [process.execPath, '--input-type=module', `--eval=${script}`];
    const { stdout } = await run('setpriv', ['--bounding-set=-fsetid', '--', ...program]);
    expect(JSON.parse(stdout)).toEqual([`the mode 2775 of ${shared}`]);
    expect(await applyOwnNode(shared, { node })).toEqual([]);
    expect((await lstat(shared)).mode & 0o7777).toBe(0o2775);
  });

  test('by a user who may not give files away says whose owners are lost', async () => {
    const of = await scene();
    await fill(of.data, { ours: 'a', theirs: 'b', 'of their group': 'c' });
    await chown(of.data, 1000, 1000);
    await chown(join(of.data, 'ours'), 1000, 3000);
    await chown(join(of.data, 'of their group'), 1000, 2000);
    await restic(of, 'init');
    await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), '--', of.data);
    const name = await restoreSession(of);
    await operate(RESTORE_SESSIONS, name, running());
    expect(await startRestore(of, [name], { uid: 1000, gids: [1000, 3000] })).toBe(0);
    const host = (await read(name)).status?.hosts?.[0];
    expect(host).toMatchObject({ phase: 'Succeeded', reason: 'OwnershipNotKept' });
    expect(host?.message).toContain(
      'as user 1000 and could not give back the owners of 2 files and directories',
    );
  });

  describe('that says what it takes', () => {
    /** Three snapshots: of the morning and of the noon by host-0, and a later one of another target by host-1. */
    async function history(): Promise<Scene & { ids: string[] }> {
      const of = await scene();
      await restic(of, 'init');
      const other = { namespace: 'elsewhere', configuration: 'nightly', kind: 'StatefulSet', name: 'old' };
      const foreign = tagsOf({ ...other, directory: of.data }).map((tag) => `--tag=${tag}`);
      const states: [string, string, string[]][] = [
        ['2026-01-01 06:00:00', 'host-0', tagsOfData(of)],
        ['2026-01-01 12:00:00', 'host-0', tagsOfData(of)],
        ['2026-01-01 18:00:00', 'host-1', foreign],
      ];
      for (const [time, host, tags] of states) {
        await fill(of.data, { state: time, 'a.sql': time });
        await restic(of, 'backup', `--time=${time}`, `--host=${host}`, ...tags, '--', of.data);
      }
      const all: { id: string; time: string }[] = JSON.parse(await restic(of, 'snapshots', '--json'));
      return { ...of, ids: all.sort((a, b) => a.time.localeCompare(b.time)).map(({ id }) => id) };
    }

    const local = (time: string) => new Date(time).toISOString();

    const cases: [string, (ids: string[]) => object, string][] = [
      ['the newest of its own target, where nothing is said', () => ({}), '2026-01-01 12:00:00'],
      [
        'the newest before an instant',
        () => ({ rules: [{ before: local('2026-01-01 12:00:00') }] }),
        '2026-01-01 06:00:00',
      ],
      [
        'a snapshot by its short id',
        ([first = '']) => ({ rules: [{ targetHosts: ['host-0'], snapshots: [first.slice(0, 8)] }] }),
        '2026-01-01 06:00:00',
      ],
      [
        'the newest of those that are named',
        ([first = '', second = '']) => ({ rules: [{ snapshots: [second, first] }] }),
        '2026-01-01 12:00:00',
      ],
      [
        'those of another host of another target in another namespace',
        () => ({
          source: { namespace: 'elsewhere', kind: 'StatefulSet', name: 'old' },
          rules: [{ sourceHost: 'host-1' }],
        }),
        '2026-01-01 18:00:00',
      ],
      [
        'those of a configuration that is there no more',
        ([, , third = '']) => ({
          source: { namespace: 'elsewhere', backupConfiguration: 'nightly' },
          rules: [{ snapshots: [third] }],
        }),
        '2026-01-01 18:00:00',
      ],
    ];
    test.each(cases)('takes %s', async (_, spec, state) => {
      const of = await history();
      const name = await restoreSession(of, spec(of.ids));
      await operate(RESTORE_SESSIONS, name, running());
      await startRestore(of, [name]);
      expect((await read(name)).status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded' });
      expect(await readFile(join(of.data, 'state'), 'utf8')).toBe(state);
    });

    test('restores a part, or exactly, and spares lost+found', async () => {
      const of = await history();
      await fill(of.data, { state: 'now', 'a.sql': 'now', added: 'now' });
      await mkdir(join(of.data, 'lost+found'));
      await chmod(of.data, 0o700);
      const part = await restoreSession(of, { include: ['*.sql'] });
      await operate(RESTORE_SESSIONS, part, running());
      await startRestore(of, [part]);
      expect(await readFile(join(of.data, 'state'), 'utf8')).toBe('now');
      expect(await readFile(join(of.data, 'a.sql'), 'utf8')).toBe('2026-01-01 12:00:00');
      expect((await lstat(of.data)).mode & 0o777).toBe(0o700);
      const exact = await restoreSession(of, { mode: 'Exact' });
      await operate(RESTORE_SESSIONS, exact, running());
      await startRestore(of, [exact]);
      expect((await readdir(of.data)).sort()).toEqual(['a.sql', 'lost+found', 'state']);
    });

    test('restores exactly but for what the backup had excluded', async () => {
      const of = await scene();
      await restic(of, 'init');
      await mkdir(join(of.data, 'cache'));
      await fill(of.data, { kept: '', state: 'then', 'cache/warm': 'then', 'a.tmp': 'then' });
      const excludes = [`${of.data}/cache`, '*.tmp'].map((pattern) => `--exclude=${pattern}`);
      await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), ...excludes, '--', of.data);
      await fill(of.data, { state: 'now', added: 'now' });
      for (const spec of [{ include: ['*'] }, { exclude: ['state'] }, {}]) {
        await fill(of.data, { added: 'now' });
        const name = await restoreSession(of, { mode: 'Exact', ...spec });
        await operate(RESTORE_SESSIONS, name, running());
        await startRestore(of, [name]);
        expect((await read(name)).status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded' });
        expect((await readdir(of.data)).sort()).toEqual(['a.tmp', 'cache', 'kept', 'state']);
      }
      expect(await readFile(join(of.data, 'cache', 'warm'), 'utf8')).toBe('then');

      await rm(join(of.data, 'cache'), { recursive: true });
      const taken = ['*.log', '!keep.log'].map((pattern) => `--exclude=${pattern}`);
      await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), ...taken, '--', of.data);
      const unclear = await restoreSession(of, { mode: 'Exact', include: ['/state'] });
      await operate(RESTORE_SESSIONS, unclear, running());
      await startRestore(of, [unclear]);
      const host = (await read(unclear)).status?.hosts?.[0];
      expect(host).toMatchObject({ phase: 'Failed', reason: 'ExcludesNotSpared' });
      expect(host?.message).toContain('(*.log, !keep.log)');
    });

    test('is Failed where nothing matches, or nothing was made before, and touches nothing', async () => {
      const of = await history();
      await fill(of.data, { state: 'now' });
      const wrong: [object, string, string][] = [
        [{ include: ['/nowhere'] }, 'NothingRestored', 'has no file that matches /nowhere in '],
        [
          { rules: [{ before: local('2026-01-01 05:00:00') }], mode: 'Exact' },
          'NoSnapshot',
          `(host-0) before ${local('2026-01-01 05:00:00').replace('.000', '')}; the newest of what it has: `,
        ],
        [{ rules: [{ snapshots: ['00000000'] }] }, 'NoSnapshot', 'web among 00000000; the newest'],
      ];
      for (const [spec, reason, message] of wrong) {
        const name = await restoreSession(of, spec);
        await operate(RESTORE_SESSIONS, name, running());
        await startRestore(of, [name]);
        const host = (await read(name)).status?.hosts?.[0];
        expect(host).toMatchObject({ phase: 'Failed', reason });
        expect(host?.message).toContain(message);
      }
      expect(await readFile(join(of.data, 'state'), 'utf8')).toBe('now');
    });
  });

  test.each([{}, { include: ['file'] }])(
    'makes directories above that are missing as they were: %j',
    async (spec) => {
      const of = await scene();
      const [above, directory] = [join(of.data, 'a'), join(of.data, 'a', 'b')];
      await mkdir(directory, { recursive: true });
      await fill(directory, { file: 'x' });
      await restic(of, 'init');
      for (const [each, mode] of [
        [directory, 0o2750],
        [above, 0o751],
      ] as const) {
        await chown(each, 1001, 2001);
        await chmod(each, mode);
        await utimes(each, 1_000_000_000, 1_000_000_001);
      }
      const before = await describeTree(above);
      const ofDirectory = { ...of, data: directory, agent: { ...of.agent, directories: [directory] } };
      await restic(of, 'backup', '--host=host-0', ...tagsOfData(ofDirectory), '--', directory);
      await rm(above, { recursive: true });
      const name = await restoreSession(ofDirectory, spec);
      await operate(RESTORE_SESSIONS, name, running());
      expect(await startRestore(ofDirectory, [name])).toBe(0);
      expect((await read(name)).status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded' });
      expect(await describeTree(above)).toEqual(before);
      expect((await lstat(above)).mode & 0o7777).toBe(0o751);
    },
  );

  describe('of two directories, of which the first is empty in its snapshot,', () => {
    async function twoDirectories() {
      const of = await backedUp();
      const uploads = join(of.root, 'uploads');
      await mkdir(uploads);
      await chmod(uploads, 0o1733);
      const tags = tagsOfData({ ...of, data: uploads });
      // Restores are in the order of the snapshots.
      await restic(of, 'backup', '--time=2026-01-01 06:00:00', '--host=host-0', ...tags, '--', uploads);
      const directories = [uploads, of.data];
      const restored = async (spec: object) => {
        const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
        const name = await restoreSession(of, { target: { ref, directories }, ...spec });
        await operate(RESTORE_SESSIONS, name, running());
        expect(await startRestore({ ...of, agent: { ...of.agent, directories } }, [name])).toBe(0);
        return (await read(name)).status;
      };
      return { of, uploads, restored };
    }

    test('brings back both, and empties it where that is asked for, but of what is spared', async () => {
      const { of, uploads, restored } = await twoDirectories();
      const before = await describeTree(of.data);
      await rm(join(of.data, 'deep'), { recursive: true });
      await mkdir(join(uploads, 'lost+found'));
      await mkdir(join(uploads, 'stray', 'deep'), { recursive: true });
      await writeFile(Buffer.from([...Buffer.from(`${uploads}/no text `), 0xff]), '');
      await fill(uploads, { spared: '', unspared: '' });
      await chmod(uploads, 0o700);
      expect(await restored({})).toMatchObject({
        hosts: [{ phase: 'Succeeded' }],
        stats: [{ directory: uploads, restoredFiles: 0 }, { directory: of.data }],
      });
      expect(await describeTree(of.data)).toEqual(before);
      expect(await readdir(uploads)).toHaveLength(5);
      expect((await lstat(uploads)).mode & 0o7777).toBe(0o1733);

      const exact = await restored({ mode: 'Exact', exclude: ['/spared', 'random'] });
      expect(exact).toMatchObject({ hosts: [{ phase: 'Succeeded' }] });
      expect((await readdir(uploads)).sort()).toEqual(['lost+found', 'spared']);
    });

    test('is Failed where something should have been in it, and restores the other all the same', async () => {
      const { of, uploads, restored } = await twoDirectories();
      await rm(join(of.data, 'random'));
      const failed = await restored({ include: ['random'] });
      expect(failed?.hosts?.[0]).toMatchObject({ phase: 'Failed', reason: 'NothingRestored' });
      expect(failed?.hosts?.[0]?.message).toContain(`no file that matches random in ${uploads}, so`);
      expect(failed?.stats).toMatchObject([{ directory: of.data, restoredFiles: 1 }]);
      expect((await lstat(join(of.data, 'random'))).size).toBe(3_000_000);

      const excluded = await restored({ exclude: ['*'], mode: 'Exact' });
      expect(excluded?.hosts?.[0]).toMatchObject({ phase: 'Failed', reason: 'NothingRestored' });
      expect(excluded?.hosts?.[0]?.message).toContain(`no file that is not excluded by * in ${of.data}, so`);
      expect(excluded?.stats).toMatchObject([{ directory: uploads }]);
    });
  });

  test('takes no incomplete snapshot but the one that is named, and deletes nothing for its sake', async () => {
    const of = await scene();
    await fill(of.data, { a: 'one', b: 'two' });
    await restic(of, 'init');
    await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), '--', of.data);
    await rm(join(of.data, 'b'));
    await restic(of, 'backup', '--host=host-0', ...tagsOfData(of), `--tag=${INCOMPLETE_TAG}`, '--', of.data);
    const listed: { short_id: string }[] = JSON.parse(await restic(of, 'snapshots', '--json'));
    const [good, incomplete] = listed.map(({ short_id }) => short_id);
    const name = await restoreSession(of, { mode: 'Exact' });
    await operate(RESTORE_SESSIONS, name, running());
    expect(await startRestore(of, [name])).toBe(0);
    expect((await readdir(of.data)).sort()).toEqual(['a', 'b']);
    const { status } = await read(name);
    expect(status?.stats).toMatchObject([{ snapshot: good }]);
    expect(status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded', reason: 'IncompletePassedOver' });
    expect(status?.hosts?.[0]?.message).toContain(`the newer ${incomplete} of `);

    const named = await restoreSession(of, { mode: 'Exact', rules: [{ snapshots: [incomplete] }] });
    await operate(RESTORE_SESSIONS, named, running());
    expect(await startRestore(of, [named])).toBe(0);
    expect(await readdir(of.data)).toEqual(['a']);
    expect((await read(named)).status?.hosts?.[0]).not.toHaveProperty('reason');
  });

  test('without a snapshot is Failed, says what there is instead, and lets the workload run', async () => {
    const of = await scene();
    await restic(of, 'init');
    await fill(of.data, { a: 'one' });
    await restic(of, 'backup', '--host=host-0', '--', of.data);
    const name = await restoreSession(of);
    await operate(RESTORE_SESSIONS, name, running());
    expect(await startRestore(of, [name])).toBe(0);
    const host = (await read(name)).status?.hosts?.[0];
    expect(host).toMatchObject({ phase: 'Failed', reason: 'NoSnapshot' });
    expect(host?.message).toMatch(
      new RegExp(`Repository ${of.repository} has no snapshot of ${of.data} of Deployment`),
    );
    expect(host?.message).toContain(`the newest of what it has: ${of.data} (host-0, `);
  });

  test('waits while its session is not started, and goes when that is over, gone or done', async () => {
    const of = await backedUp();
    const [over, gone, done] = [await restoreSession(of), await restoreSession(of), await restoreSession(of)];
    const endings = [over, gone, done].map((name) => startRestore(of, [name]));
    const first = await Promise.race([
      ...endings,
      new Promise((resolve) => setTimeout(() => resolve('waiting'), 1_500)),
    ]);
    expect(first).toBe('waiting');
    await operate(RESTORE_SESSIONS, over, { phase: 'Failed' });
    await client.delete(RESTORE_SESSIONS, gone, namespace);
    await operate(
      RESTORE_SESSIONS,
      done,
      running({ hosts: [{ host: 'host-0', podUID, phase: 'Succeeded' }] }),
    );
    expect(await Promise.all(endings)).toEqual([0, 0, 0]);
    expect(of.commands).toEqual([]);
  });

  test('of a pod that is terminated is Failed and not tried again', async () => {
    const of = await backedUp();
    const name = await restoreSession(of);
    await operate(RESTORE_SESSIONS, name, running());
    of.stop.abort();
    expect(await startRestore(of, [name])).toBe(0);
    expect(of.commands).toEqual([]);
  });

  test('that was lost with its container is Failed', async () => {
    const of = await backedUp();
    const name = await restoreSession(of);
    await operate(RESTORE_SESSIONS, name, running());
    await operate(
      RESTORE_SESSIONS,
      name,
      { hosts: [{ host: 'host-0', phase: 'Running' }] },
      'stash-agent-host-0',
    );
    expect(await startRestore(of, [name])).toBe(0);
    expect((await read(name)).status?.hosts?.[0]).toMatchObject({
      phase: 'Failed',
      reason: 'AgentRestarted',
    });
  });
});

async function makeOddTree(directory: string): Promise<void> {
  const at = (...names: string[]): string => join(directory, ...names);
  await mkdir(at('deep', 'er'), { recursive: true });
  await mkdir(at('nothing in here'));
  await fill(directory, {
    empty: '',
    'with space, comma': 'a',
    '-rf': 'b',
    'new\nline': 'c',
    'ünïcode 文': 'd',
    '*?[x]"\'\\': 'e',
    $HOME: 'f',
  });
  await fill(at('deep', 'er'), { private: 'g', program: 'h' });
  await chmod(at('deep', 'er', 'private'), 0o600);
  await chmod(at('deep', 'er', 'program'), 0o4755);
  await chmod(at('deep'), 0o1777);
  await link(at('empty'), at('another name of empty'));
  await link(at('-rf'), at('deep', 'hard'));
  await symlink('../-rf', at('deep', 'soft'));
  await symlink('/nowhere', at('dangling'));
  const sparse = await open(at('sparse'), 'w');
  await sparse.write('end', 8 * 1024 * 1024);
  await sparse.close();
  await writeFile(at('random'), randomBytes(3_000_000));
  await chown(at('deep', 'er', 'private'), 1000, 2000);
  await chown(directory, 1001, 2001);
  await chmod(directory, 0o2750);
  await utimes(at('random'), 1_000_000_000.5, 1_000_000_001.25);
  await utimes(at('deep'), 1_000_000_000.5, 1_000_000_002.125);
  await utimes(directory, 1_000_000_000.5, 1_000_000_003.0625);
}

/** Everything of a tree that a restore is to bring back, by path. */
async function describeTree(directory: string): Promise<Record<string, unknown>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = [directory, ...names.map((entry) => join(entry.parentPath, entry.name))].sort();
  const tree: Record<string, unknown> = {};
  const inodes: string[] = [];
  for (const path of paths) {
    const stat = await lstat(path);
    const { uid, gid, mode, mtimeMs, size, nlink, ino, blocks } = stat;
    if (!inodes.includes(String(ino))) inodes.push(String(ino));
    tree[relative(directory, path)] = {
      uid,
      gid,
      mode: mode.toString(8),
      mtimeMs: Math.round(mtimeMs * 1000) / 1000,
      ...(stat.isFile() && {
        size,
        nlink,
        sameAs: inodes.indexOf(String(ino)),
        isSparse: blocks * 512 < size / 2,
        content: (await readFile(path)).toString('base64').slice(0, 5_000_000),
      }),
      ...(stat.isSymbolicLink() && { to: await readlink(path) }),
    };
  }
  return tree;
}

describe('a check', () => {
  const appointed = (uid: string): Status => ({
    integrity: {
      jobName: 'check-1',
      scheduledTime: instant(0),
      startTime: instant(0),
      deadline: instant(3_600_000),
      podName: 'check-1-x',
      podUID: uid,
      phase: 'Running',
    },
  });
  const integrityOf = async (name: string) =>
    (await client.get<Repository>(REPOSITORIES, name, namespace)).status?.integrity;

  async function checkedScene(): Promise<Scene> {
    const found = await scene();
    await fill(found.data, { file: randomBytes(64).toString('hex') });
    const configuration = await configure(found, [found.data]);
    startSidecar(found, [configuration]);
    const first = await backUp(configuration, { initializer: 'host-0' });
    expect(first.host.phase).toBe('Succeeded');
    found.commands.length = 0;
    return found;
  }

  test('reports that the repository is sound, and what is in it, once this pod is the one that checks', async () => {
    const { agent, repository, commands } = await checkedScene();
    const ended = runCheck({ ...agent, repository });
    await operate(REPOSITORIES, repository, appointed('another'));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(commands).toEqual([]);
    await operate(REPOSITORIES, repository, appointed(podUID));
    expect(await ended).toBe(0);
    expect(commands).toEqual(['check', 'stats']);
    const integrity = await integrityOf(repository);
    expect(integrity).toMatchObject({ phase: 'Succeeded', snapshotCount: 1, jobName: 'check-1' });
    expect(integrity?.sizeBytes).toBeGreaterThan(100);
    expect(integrity?.completionTime).toBeDefined();
  });

  test('tells damage from a check that could not be made', async () => {
    const { agent, repository, root } = await checkedScene();
    await operate(REPOSITORIES, repository, appointed(podUID));
    const packs = join(root, 'volume', 'shop', 'data');
    const [pack = ''] = (await readdir(packs, { recursive: true })).filter((name) =>
      /[0-9a-f]{64}$/.test(name),
    );
    await chmod(join(packs, pack), 0o600);
    await rm(join(packs, pack));
    expect(await runCheck({ ...agent, repository })).toBe(0);
    const damaged = await integrityOf(repository);
    expect(damaged).toMatchObject({ phase: 'Failed', reason: 'Damaged' });
    expect(damaged?.message).toMatch(/^restic check found [1-9][0-9]* errors? in the repository/);

    await operate(REPOSITORIES, repository, appointed(podUID));
    await writeFile(join(agent.paths.secrets, repository, 'RESTIC_PASSWORD'), 'wrong\n');
    expect(await runCheck({ ...agent, repository })).toBe(0);
    expect(await integrityOf(repository)).toMatchObject({ phase: 'Failed', reason: 'WrongPassword' });
  });
});
