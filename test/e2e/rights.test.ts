import { beforeAll, describe, expect, it } from 'vitest';
import { BACKUP_SESSIONS } from '../../src/api/resources.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { leases, secrets } from '../../src/kube/resource.ts';
import { holdRestic } from './agent.ts';
import { type Pod, useNamespace } from './cluster.ts';
import { kubectl, tryKubectl } from './kubectl.ts';
import {
  backupConfiguration,
  backupSession,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';

/* What an agent may do, whose token any application in its pod could take; and what is refused at the door. */

const namespace = useNamespace('e2e-rights');
const names = ['honest', 'nosy'];
const account = `system:serviceaccount:${namespace.name}:default`;

beforeAll(async () => {
  for (const name of names) {
    await namespace.apply(
      repository(name),
      backupConfiguration(name),
      deployment(name, { seed: `echo precious > ${DATA}/file` }),
    );
  }
  await Promise.all(names.map((name) => namespace.settledWithSidecar(name)));
});

/** The API as the agent in `pod` sees it, with its own token. */
async function asAgentOf(pod: Pod): Promise<Client> {
  const read =
    "process.stdout.write(require('node:fs').readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token'))";
  const token = await namespace.node(pod, read);
  const endpoint = kubeconfigEndpoint();
  const { ca } = await endpoint.credentials(false);
  const credentials = { ...(ca !== undefined && { ca }), headers: { authorization: `Bearer ${token}` } };
  return createClient(createConnection({ server: endpoint.server, credentials: async () => credentials }));
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const outcome: unknown = await promise.then(
    () => 'it was not refused',
    (error: unknown) => error,
  );
  if (outcome instanceof ApiError) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

describe('the ServiceAccount of a workload with an agent', () => {
  it.each([
    ['yes', 'list', 'backupsessions.stash.appscode.com', ''],
    ['yes', 'get', 'repositories.stash.appscode.com', ''],
    ['yes', 'patch', 'backupsessions.stash.appscode.com', 'status'],
    ['no', 'create', 'backupsessions.stash.appscode.com', ''],
    ['no', 'patch', 'backupsessions.stash.appscode.com', ''],
    ['no', 'delete', 'restoresessions.stash.appscode.com', ''],
    ['no', 'patch', 'repositories.stash.appscode.com', ''],
    ['no', 'patch', 'repositories.stash.appscode.com', 'status'],
    ['no', 'get', 'secrets', ''],
    ['no', 'list', 'secrets', ''],
    ['no', 'update', 'leases.coordination.k8s.io', ''],
    ['no', 'get', 'pods', ''],
    ['no', 'create', 'events', ''],
    ['no', 'create', 'rolebindings.rbac.authorization.k8s.io', ''],
  ])('may, %s, %s %s %s', async (answer, verb, resource, subresource) => {
    const where = ['-n', namespace.name, ...(subresource === '' ? [] : ['--subresource', subresource])];
    const { stdout } = await tryKubectl(['auth', 'can-i', verb, resource, ...where, '--as', account]);
    expect(stdout).toBe(answer);
  });

  it('may do none of it in another namespace', async () => {
    for (const resource of ['backupsessions.stash.appscode.com', 'secrets']) {
      const { stdout } = await tryKubectl([
        'auth',
        'can-i',
        'get',
        resource,
        '-n',
        'default',
        '--as',
        account,
      ]);
      expect(stdout).toBe('no');
    }
  });
});

describe("an agent's token", () => {
  it('reports on the host of its own pod alone, and on nothing else of the session', async () => {
    const [honest, nosy] = (await Promise.all(names.map((name) => namespace.podOf(name)))) as [Pod, Pod];
    const restic = await holdRestic(namespace, honest, 'backup');
    await namespace.apply(backupSession('honest-first', 'honest'));
    await restic.held;
    const [own, foreign] = await Promise.all([asAgentOf(honest), asAgentOf(nosy)]);
    const lie = (client: Client, status: object) =>
      client.mergePatch(
        BACKUP_SESSIONS,
        'honest-first',
        namespace.name,
        { status },
        { subresource: 'status' },
      );

    const succeeded = [{ host: 'host-0', phase: 'Succeeded' }];
    expect(await refusal(lie(foreign, { hosts: succeeded }))).toMatchObject({ status: 403 });
    expect(await refusal(lie(own, { phase: 'Succeeded' }))).toMatchObject({ status: 403 });
    const stat = {
      ...{ hostname: 'host-1', directory: DATA, snapshot: 'f00', totalSize: '1 B', uploaded: '1 B' },
      ...{ totalBytes: 1, uploadedBytes: 1, fileStats: { new: 1, changed: 0, unmodified: 0 } },
    };
    expect(await refusal(lie(own, { stats: [stat] }))).toMatchObject({ status: 403 });
    expect(await refusal(own.get(secrets, 'backup-secret', namespace.name))).toMatchObject({ status: 403 });
    expect(await refusal(own.list(leases, { namespace: namespace.name }))).toMatchObject({ status: 403 });

    await restic.release();
    const { status } = await namespace.backupEnded('honest-first', 'Succeeded');
    expect(status?.hosts).toMatchObject([{ podUID: honest.metadata.uid }]);
  });
});

describe('a person', () => {
  /** All that the main job takes, as a List. */
  const all = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      repository('theirs'),
      backupConfiguration('theirs', { hooks: { preBackup: { exec: { command: ['sync'] } } } }),
      backupSession('theirs', 'theirs'),
      restoreSession('theirs', 'theirs'),
    ],
  };
  const written = ['repository', 'backupconfiguration', 'backupsession', 'restoresession'].map((kind) =>
    expect.stringMatching(new RegExp(`^${kind}\\..*/theirs created`)),
  );

  it.each([
    ['edit', written],
    ['view', []],
  ])('with the ClusterRole %s of a namespace', async (role, expected) => {
    const person = `has-${role}`;
    const [binding, user] = [`--clusterrole=${role}`, `--user=${person}`];
    await kubectl('create', 'rolebinding', person, '-n', namespace.name, binding, user);
    const apply = ['create', '--dry-run=server', '--as', person, '-n', namespace.name, '-f', '-'];
    const { stdout, stderr } = await tryKubectl(apply, JSON.stringify(all));
    expect(
      stdout.split('\n').filter((line) => line !== ''),
      stderr,
    ).toEqual(expected);
  });

  it('who may only write our objects is told what is missing', async () => {
    const kinds = ['repositories', 'backupconfigurations', 'backupsessions', 'restoresessions'];
    const resources = `--resource=${kinds.map((kind) => `${kind}.stash.appscode.com`).join()}`;
    const at = ['-n', namespace.name];
    await kubectl('create', 'role', 'writer', ...at, '--verb=create', resources);
    await kubectl('create', 'rolebinding', 'writer', ...at, '--role=writer', '--user=writer');
    const apply = ['create', '--dry-run=server', '--as', 'writer', ...at, '-f', '-'];
    const { stdout, stderr } = await tryKubectl(apply, JSON.stringify(all));
    expect(stdout).toBe('');
    expect(stderr).toMatch(/needs the right to get it; ask for that right/);
    expect(stderr).toMatch(/needs the verb "use" on it/);
  });
});

describe('what is wrong is refused by kubectl apply', () => {
  it.each([
    {
      what: 'a schedule that is none',
      object: backupConfiguration('wrong', { schedule: '61 * * * *' }),
      says: /spec\.schedule.*61/s,
    },
    {
      what: 'a retention policy that keeps nothing',
      object: backupConfiguration('wrong', { retentionPolicy: { prune: true } }),
      says: /keeps nothing would remove every snapshot; set keepLast/,
    },
    {
      what: 'a directory that is no absolute path',
      object: backupConfiguration('wrong', {
        target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'wrong' }, directories: ['data'] },
      }),
      says: /spec\.target\.directories.*data/s,
    },
    {
      what: 'a field that there is not',
      object: backupConfiguration('wrong', { shedule: '@daily' }),
      says: /unknown field "spec\.shedule"/,
    },
    {
      what: 'a name that no object can have',
      object: backupSession('wrong', 'No_Such_Name'),
      says: /spec\.backupConfiguration\.name.*No_Such_Name/,
    },
  ])('$what', async ({ object, says }) => {
    const { status, stderr } = await tryKubectl(
      ['apply', '-n', namespace.name, '-f', '-'],
      JSON.stringify(object),
    );
    expect(stderr).toMatch(says);
    expect(status).toBe(1);
  });
});
