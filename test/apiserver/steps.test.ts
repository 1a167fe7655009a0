import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import { spawnQuietly } from '../../src/agent/main.ts';
import { runPostBackup } from '../../src/agent/post-backup.ts';
import { runPostRecovery } from '../../src/agent/post-recovery.ts';
import { runPrepare } from '../../src/agent/prepare.ts';
import type { StepAgent } from '../../src/agent/step.ts';
import { runVolumeBackup } from '../../src/agent/volume-backup.ts';
import { runVolumeRecovery } from '../../src/agent/volume-recovery.ts';
import { CONFIGURATION_LABEL } from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import type { BackupSession } from '../../src/api/backup-session.ts';
import {
  apiVersionOf,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { configurationHash } from '../../src/api/session-subject.ts';
import { createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { namespaces } from '../../src/kube/resource.ts';
import { NOBODY } from '../../src/tasks/layout.ts';

/* The real steps of a Task, one after another as in the pod of a Job, with restic and an API server; this test plays the operator. */

const run = promisify(execFile);
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);
const namespace = `steps-${randomBytes(4).toString('hex')}`;
const podUID = 'uid-of-the-pod';
const name = 'nightly';

beforeAll(async () => {
  const crds = fileURLToPath(new URL('../../crds', import.meta.url));
  await applyDefinitions(client, await readDefinitions(crds), { fieldManager: 'stash-operator' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
  connection.close();
});

let serial = 0;

const create = (resource: Resource, own: string, spec: object) =>
  client.create(resource, {
    ...{ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name: own, namespace } },
    ...{ spec },
  });

const operate = (resource: Resource, own: string, status: object) =>
  client.apply(
    resource,
    {
      ...{ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name: own, namespace } },
      ...{ status },
    },
    { fieldManager: 'stash-operator', force: true, subresource: 'status' },
  );

/** A claim with data, a Repository, and a configuration of both. */
async function scene(configuration: object = {}) {
  const root = await mkdtemp(join(tmpdir(), 'stash-steps-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const own = `${name}-${++serial}`;
  const mountPath = join(root, 'claim');
  const outputDirectory = join(root, 'output');
  const secret = join(root, 'secrets', own);
  for (const directory of [mountPath, outputDirectory, secret, join(root, 'volume')]) {
    await mkdir(directory, { recursive: true });
  }
  await writeFile(join(secret, 'RESTIC_PASSWORD'), 'correct horse\n');
  await create(REPOSITORIES, own, {
    backend: {
      local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: join(root, 'volume') },
      storageSecretName: 'storage',
    },
  });
  const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data' }, mountPath };
  const task = { name: 'volume-backup' };
  await create(BACKUP_CONFIGURATIONS, own, {
    ...{ schedule: '@yearly', repository: { name: own }, target, task },
    ...configuration,
  });
  const agent: StepAgent = {
    identity: { podName: 'job-1', podUID, namespace, nodeName: 'node' },
    directories: [],
    paths: { secrets: join(root, 'secrets'), scratch: join(root, 'scratch') },
    client,
    clock: systemClock,
    random: Math.random,
    spawn: spawnQuietly,
    signal: new AbortController().signal,
    logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    restic: 'restic',
    programPath: process.env.PATH ?? '',
    environment: {},
    secretWaitMs: 0,
    terminationLog: join(root, 'termination-log'),
  };
  const restic = async (...args: string[]) =>
    (
      await run('restic', args, {
        env: {
          PATH: process.env.PATH,
          RESTIC_REPOSITORY: join(root, 'volume'),
          RESTIC_PASSWORD_FILE: join(secret, 'RESTIC_PASSWORD'),
          RESTIC_CACHE_DIR: join(root, 'cache'),
        },
      })
    ).stdout;
  const termination = () => readFile(agent.terminationLog, 'utf8');
  return { root, own, mountPath, outputDirectory, target, agent, restic, termination };
}

type Scene = Awaited<ReturnType<typeof scene>>;

const started = {
  phase: 'Running',
  startTime: new Date().toISOString(),
  deadline: new Date(Date.now() + 3_600_000).toISOString(),
  hosts: [{ host: 'host-0', podName: 'job-1', podUID }],
};

/** A BackupSession that runs, and was prepared. */
async function prepared({ own, agent }: Scene, status: object = { initializer: 'host-0' }): Promise<string> {
  const session = `session-${++serial}`;
  await create(BACKUP_SESSIONS, session, { backupConfiguration: { name: own } });
  await operate(BACKUP_SESSIONS, session, { ...started, ...status });
  expect(await runPrepare({ ...agent, kind: 'BackupSession', session })).toBe(0);
  return session;
}

const backup = async (session: string) =>
  (await client.get<BackupSession>(BACKUP_SESSIONS, session, namespace)).status;

async function restored(of: Scene, spec: object = {}, push?: { url: string }) {
  const session = `restore-${++serial}`;
  const { own, agent, mountPath, outputDirectory, target } = of;
  for (const file of await readdir(outputDirectory)) await rm(join(outputDirectory, file));
  await create(RESTORE_SESSIONS, session, {
    ...{ repository: { name: own }, target, task: { name: 'volume-recovery' } },
    ...spec,
  });
  await operate(RESTORE_SESSIONS, session, started);
  const owner = { uid: process.geteuid?.() ?? 0, gids: [process.getegid?.() ?? 0] };
  const codes = [
    await runPrepare({ ...agent, kind: 'RestoreSession', session }),
    await runVolumeRecovery({ ...agent, session, mountPath, outputDirectory, owner }),
    await runPostRecovery({ ...agent, session, outputDirectory, ...(push && { push }) }),
  ];
  return { codes, status: (await client.get<RestoreSession>(RESTORE_SESSIONS, session, namespace)).status };
}

/** A Pushgateway that takes nothing, and what it is told. */
async function pushgateway(onPush = () => {}) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(`${request.url} ${chunk.toString()}`));
    request.on('end', () => {
      onPush();
      response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, told: () => bodies.join('') };
}

/** One file, by restic alone. */
async function backUpFile({ mountPath, outputDirectory, restic }: Scene): Promise<void> {
  await writeFile(join(mountPath, 'file'), 'x');
  await writeFile(
    join(outputDirectory, 'output.json'),
    await restic('backup', '--json', '--host=host-0', mountPath),
  );
}

describe('the steps of a claim', () => {
  test('back it up, report it, apply the retention policy, and restore it as it was', async () => {
    const of = await scene({ retentionPolicy: { keepLast: 1 } });
    const { agent, mountPath, outputDirectory } = of;
    await writeFile(join(mountPath, 'kept'), 'as it was');
    const session = await prepared(of);
    expect((await backup(session))?.hosts?.[0]).toMatchObject({
      phase: 'Running',
      repositoryID: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await runVolumeBackup({ ...agent, session, mountPath, outputDirectory, uid: 0 })).toBe(0);
    await operate(BACKUP_SESSIONS, session, {
      ...{ ...started, initializer: 'host-0' },
      retention: { host: 'host-0' },
    });
    expect(await runPostBackup({ ...agent, session, outputDirectory })).toBe(0);
    const status = await backup(session);
    expect(status?.hosts?.[0]).toMatchObject({
      phase: 'Succeeded',
      retention: { phase: 'Succeeded', kept: 1, removed: 0 },
    });
    expect(status?.stats).toMatchObject([
      { hostname: 'host-0', directory: mountPath, totalBytes: 9, fileStats: { new: 1 } },
    ]);

    await chmod(mountPath, 0o700);
    await writeFile(join(mountPath, 'kept'), 'overwritten');
    await writeFile(join(mountPath, 'later'), 'not in the snapshot');
    const { codes, status: after } = await restored(of, { mode: 'Exact' });
    expect(codes).toEqual([0, 0, 0]);
    expect(after?.hosts?.[0]).toMatchObject({ phase: 'Succeeded' });
    expect(after?.stats).toMatchObject([{ directory: mountPath, restoredBytes: 9 }]);
    expect(await readdir(mountPath)).toEqual(['kept']);
    expect(await readFile(join(mountPath, 'kept'), 'utf8')).toBe('as it was');
  });

  test('restore a claim that was empty', async () => {
    const of = await scene();
    const { agent, mountPath, outputDirectory } = of;
    const session = await prepared(of);
    expect(await runVolumeBackup({ ...agent, session, mountPath, outputDirectory, uid: 0 })).toBe(0);
    expect(await runPostBackup({ ...agent, session, outputDirectory })).toBe(0);
    await writeFile(join(mountPath, 'later'), 'not in the snapshot');
    const { codes, status } = await restored(of, { mode: 'Exact' });
    expect(codes).toEqual([0, 0, 0]);
    expect(status?.hosts?.[0]).toMatchObject({ phase: 'Succeeded' });
    expect(await readdir(mountPath)).toEqual([]);
  });

  test('restore nothing where there is no snapshot, and say why in their termination message', async () => {
    const of = await scene();
    await prepared(of);
    const { codes } = await restored(of);
    expect(codes).toEqual([0, 1, 1]);
    expect(await of.termination()).toMatch(/^NothingRestored: no step of the Task/);
  });

  test('make no repository anew that was known', async () => {
    const of = await scene();
    const session = `session-${++serial}`;
    await create(BACKUP_SESSIONS, session, { backupConfiguration: { name: of.own } });
    await operate(BACKUP_SESSIONS, session, started);
    expect(await runPrepare({ ...of.agent, kind: 'BackupSession', session })).toBe(1);
    expect(await of.termination()).toMatch(/^RepositoryNotFound: /);
  });

  test('keep to the claim', async () => {
    const of = await scene();
    const session = await prepared(of);
    const { agent, outputDirectory, root } = of;
    const elsewhere = { ...agent, session, mountPath: join(root, 'other'), outputDirectory, uid: 0 };
    await client.mergePatch(BACKUP_CONFIGURATIONS, of.own, namespace, {
      spec: { target: { directories: [of.mountPath] } },
    });
    expect(await runVolumeBackup(elsewhere)).toBe(1);
    expect(await of.termination()).toMatch(/^DirectoryNotMounted: /);
  });
});

describe('every step of a backup', () => {
  const steps = ({ agent, mountPath, outputDirectory }: Scene) => [
    (session: string) => runPrepare({ ...agent, kind: 'BackupSession', session }),
    (session: string) => runVolumeBackup({ ...agent, session, mountPath, outputDirectory, uid: 0 }),
    (session: string) => runPostBackup({ ...agent, session, outputDirectory }),
  ];

  test('ends where the configuration has another target by now, and not where another schedule', async () => {
    const of = await scene();
    const { spec } = await client.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, of.own, namespace);
    const change = (changed: object) =>
      client.mergePatch(BACKUP_CONFIGURATIONS, of.own, namespace, { spec: changed });
    await change({ schedule: '@daily', retentionPolicy: { keepLast: 9 } });
    const session = await prepared(of, {
      initializer: 'host-0',
      configurationHash: configurationHash({ spec }),
    });
    await change({ target: { ref: { name: 'other' } } });
    for (const step of steps(of)) {
      expect(await step(session)).toBe(1);
      expect(await of.termination()).toMatch(/^ConfigurationChanged: .*start another session/);
    }
    expect(JSON.parse(await of.restic('snapshots', '--json'))).toEqual([]);
  });

  test('ends where the Repository is another of its name by now', async () => {
    const of = await scene();
    const { metadata } = await client.get(REPOSITORIES, of.own, namespace);
    const session = await prepared(of, {
      initializer: 'host-0',
      repository: { name: of.own, uid: metadata.uid },
    });
    await operate(BACKUP_SESSIONS, session, { ...started, repository: { name: of.own, uid: 'of-before' } });
    for (const step of steps(of)) {
      expect(await step(session)).toBe(1);
      expect(await of.termination()).toMatch(/^RepositoryReplaced: /);
    }
    expect(JSON.parse(await of.restic('snapshots', '--json'))).toEqual([]);
  });
});

describe('the steps of a claim that nobody has mounted', () => {
  /** All that they do in the repository and in the claim is done as nobody, who may enter whatever is here. */
  async function asNobody(): Promise<Scene> {
    const of = await scene();
    const { root, mountPath } = of;
    const scratch = { TMPDIR: join(root, 'tmp'), RESTIC_CACHE_DIR: join(root, 'own-cache') };
    for (const directory of Object.values(scratch)) await mkdir(directory);
    await run('chmod', ['755', root, mountPath]);
    await run('chmod', ['777', join(root, 'volume'), ...Object.values(scratch)]);
    // The one in the PATH may be in a directory of root's.
    const restic = join(root, 'restic');
    await run('sh', ['-c', 'cp -L "$(command -v restic)" "$0" && chmod 755 "$0"', restic]);
    const spawned: StepAgent['spawn'] = (command, args, env) =>
      spawn(command, args, {
        ...{ uid: NOBODY, gid: NOBODY, stdio: ['ignore', 'pipe', 'pipe'] },
        env: { ...env, ...scratch },
      });
    return { ...of, agent: { ...of.agent, restic, spawn: spawned } };
  }

  async function backedUp(of: Scene, isKnown = true) {
    const session = await prepared(of, isKnown ? {} : undefined);
    const { agent, mountPath, outputDirectory } = of;
    expect(await runVolumeBackup({ ...agent, session, mountPath, outputDirectory, uid: NOBODY })).toBe(0);
    expect(await runPostBackup({ ...agent, session, outputDirectory })).toBe(0);
    const { hosts = [], stats = [] } = (await backup(session)) ?? {};
    const listed = await of.restic('snapshots', '--json', stats[0]?.snapshot ?? '');
    const [snapshot] = JSON.parse(listed) as { tags: string[] }[];
    return { host: hosts[0], stats, isIncomplete: snapshot?.tags.includes('incomplete') };
  }

  test('fail a backup of files that root alone may read, name them, and mark the snapshot', async () => {
    const of = await asNobody();
    const at = (file: string) => join(of.mountPath, file);
    await writeFile(at('open'), 'x', { mode: 0o644 });
    expect(await backedUp(of, false)).toMatchObject({ host: { phase: 'Succeeded' }, isIncomplete: false });

    await writeFile(at('locked'), 'x', { mode: 0o600 });
    await mkdir(at('directory'), { mode: 0o700 });
    const some = await backedUp(of);
    const failed = { phase: 'Failed', reason: 'SomeFilesUnreadable' };
    expect(some).toMatchObject({
      host: failed,
      stats: [{ directory: of.mountPath, fileStats: { unmodified: 1 } }],
      isIncomplete: true,
    });
    const message = some.host?.message ?? '';
    expect(['locked', 'directory', 'open'].map((file) => message.includes(at(file)))).toEqual([
      true,
      true,
      false,
    ]);
    expect(message).toMatch(/as nobody \(65534\).*replicas: 0$/);

    await chmod(of.mountPath, 0o700);
    const none = await backedUp(of);
    expect(none).toMatchObject({ host: failed, isIncomplete: true });
    expect(none.host?.message).toContain(of.mountPath);
  });
});

describe('the last step of a backup', () => {
  test("takes what restic's own output names, and gives that snapshot its tags", async () => {
    const of = await scene();
    const session = await prepared(of);
    await writeFile(join(of.mountPath, 'dump.sql'), 'select 1');
    const output = await of.restic('backup', '--json', '--host=host-0', join(of.mountPath, 'dump.sql'));
    await writeFile(join(of.outputDirectory, 'output.json'), output);
    expect(await runPostBackup({ ...of.agent, session, outputDirectory: of.outputDirectory })).toBe(0);
    const [snapshot] = JSON.parse(await of.restic('snapshots', '--json')) as {
      short_id: string;
      tags: string[];
    }[];
    expect(snapshot?.tags).toContain(`target=${namespace}/PersistentVolumeClaim/data`);
    expect(await backup(session)).toMatchObject({
      hosts: [{ phase: 'Succeeded' }],
      stats: [{ snapshot: snapshot?.short_id, directory: join(of.mountPath, 'dump.sql'), totalBytes: 8 }],
    });
  });

  test.each<[string, RegExp, (of: Scene) => Promise<string>]>([
    ['nothing', /^NoSnapshotMade: no step of the Task names/, async () => 'dumping\n'],
    [
      'a snapshot that is not there',
      /^NoSnapshotMade: a step says that it made snapshot abcdef12/,
      async () => '{"message_type":"summary","snapshot_id":"abcdef12"}\n',
    ],
    [
      'a snapshot of another host',
      /^SnapshotOfOther: snapshot .* is of host elsewhere/,
      (of) => of.restic('backup', '--json', '--host=elsewhere', of.mountPath),
    ],
    [
      'a snapshot of another target',
      /^SnapshotOfOther: .* is of Deployment shop\/web/,
      (of) =>
        of.restic(
          ...['backup', '--json', '--host=host-0', '--tag=configuration=x', '--tag=directory=/d'],
          ...['--tag=target=shop/Deployment/web', of.mountPath],
        ),
    ],
  ])('refuses to call a backup good that names %s', async (_, message, made) => {
    const of = await scene();
    const session = await prepared(of);
    await writeFile(join(of.mountPath, 'file'), 'x');
    await writeFile(join(of.outputDirectory, 'output.json'), await made(of));
    expect(await runPostBackup({ ...of.agent, session, outputDirectory: of.outputDirectory })).toBe(1);
    expect(await of.termination()).toMatch(message);
    expect((await backup(session))?.hosts?.[0]?.phase).toBe('Running');
  });

  test('takes no snapshot for its own that the session just before has reported', async () => {
    const of = await scene();
    const first = await prepared(of);
    await backUpFile(of);
    expect(await runPostBackup({ ...of.agent, session: first, outputDirectory: of.outputDirectory })).toBe(0);
    await client.mergePatch(BACKUP_SESSIONS, first, namespace, {
      metadata: { labels: { [CONFIGURATION_LABEL]: of.own } },
    });
    const session = await prepared(of, {});
    const [newest] = JSON.parse(await of.restic('snapshots', '--json')) as { id: string }[];
    const line = JSON.stringify({ message_type: 'summary', snapshot_id: newest?.id });
    await writeFile(join(of.outputDirectory, 'output.json'), line);
    expect(await runPostBackup({ ...of.agent, session, outputDirectory: of.outputDirectory })).toBe(1);
    expect(await of.termination()).toMatch(`is what BackupSession ${first} made`);
    expect((await backup(session))?.hosts?.[0]?.phase).toBe('Running');
  });

  test('reports and marks an incomplete snapshot, and fails the host', async () => {
    const of = await scene();
    const session = await prepared(of);
    await writeFile(join(of.mountPath, 'file'), 'x');
    const output = await of.restic('backup', '--json', '--host=host-0', of.mountPath);
    const last = JSON.parse(output.trim().split('\n').at(-1) ?? '') as object;
    const line = JSON.stringify({ ...last, incomplete: 'SomeFilesUnreadable: 1 file could not be read' });
    await writeFile(join(of.outputDirectory, 'output.json'), line);
    await runPostBackup({ ...of.agent, session, outputDirectory: of.outputDirectory });
    expect(await backup(session)).toMatchObject({
      hosts: [{ phase: 'Failed', reason: 'SomeFilesUnreadable', message: '1 file could not be read' }],
      stats: [{ directory: of.mountPath }],
    });
    expect(await of.restic('snapshots', '--json', '--tag=incomplete')).toContain('"incomplete"');
  });

  test('pushes the outcome, and succeeds whether or not anybody takes it', async () => {
    const gateway = await pushgateway();
    const of = await scene();
    const session = await prepared(of);
    await backUpFile(of);
    const { agent, outputDirectory } = of;
    expect(await runPostBackup({ ...agent, session, outputDirectory, push: gateway })).toBe(0);
    expect(gateway.told()).toMatch(/^\/metrics\/job\/stash-backup\/instance@base64\/\S+ /);
    expect(gateway.told()).toMatch(/stash_task_backup_success\{.*\} 1\n/);
    expect((await backup(session))?.hosts?.[0]?.phase).toBe('Succeeded');
  });

  test.each<[string, (of: Scene) => Promise<Partial<StepAgent>>]>([
    [
      'it cannot open the repository',
      async ({ root }) => {
        await rm(join(root, 'secrets'), { recursive: true });
        return {};
      },
    ],
    [
      'it does not find a snapshot',
      async ({ outputDirectory }) => {
        const line = '{"message_type":"summary","snapshot_id":"abcdef12"}\n';
        await writeFile(join(outputDirectory, 'output.json'), line);
        return {};
      },
    ],
    [
      'its pod is terminated',
      async (of) => {
        await backUpFile(of);
        const stop = new AbortController();
        const spawn: StepAgent['spawn'] = (...command) => {
          stop.abort();
          return spawnQuietly(...command);
        };
        return { signal: stop.signal, spawn };
      },
    ],
  ])('pushes a failure where %s', async (_, hinder) => {
    const gateway = await pushgateway();
    const of = await scene();
    const session = await prepared(of);
    const agent = { ...of.agent, ...(await hinder(of)) };
    const { outputDirectory } = of;
    expect(await runPostBackup({ ...agent, session, outputDirectory, push: gateway })).toBe(1);
    expect(gateway.told()).toMatch(/stash_task_backup_success\{.*\} 0\n/);
    expect(gateway.told()).not.toContain('last_success');
  });

  test('pushes a success that no retention follows', async () => {
    const stop = new AbortController();
    const gateway = await pushgateway(() => stop.abort());
    const of = await scene({ retentionPolicy: { keepLast: 1 } });
    const session = await prepared(of);
    await backUpFile(of);
    const agent = { ...of.agent, signal: stop.signal };
    const { outputDirectory } = of;
    expect(await runPostBackup({ ...agent, session, outputDirectory, push: gateway })).toBe(1);
    expect(gateway.told()).toMatch(/stash_task_backup_success\{.*\} 1\n/);
    expect((await backup(session))?.hosts?.[0]?.phase).toBe('Succeeded');
  });
});

describe('the last step of a restore', () => {
  test('pushes a failure', async () => {
    const gateway = await pushgateway();
    const of = await scene();
    await prepared(of);
    const { codes } = await restored(of, {}, gateway);
    expect(codes).toEqual([0, 1, 1]);
    expect(gateway.told()).toMatch(/^\/metrics\/job\/stash-restore\//);
    expect(gateway.told()).toMatch(/stash_task_restore_success\{.*\} 0\n/);
  });
});
