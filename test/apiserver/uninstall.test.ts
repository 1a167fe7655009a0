import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import {
  AGENT_ROLE,
  HELD_REPLICAS_ANNOTATION,
  HOLD_FINALIZER,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  TRIGGER_ACCOUNT,
} from '../../src/api/annotations.ts';
import type { BackupConfiguration } from '../../src/api/backup-configuration.ts';
import { KINDS } from '../../src/api/kinds.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  FUNCTIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
  TASKS,
} from '../../src/api/resources.ts';
import { applyCatalog, readCatalog } from '../../src/controllers/catalog.ts';
import { makeTriggerAccount } from '../../src/controllers/trigger-account.ts';
import { timekeeper } from '../../src/controllers/trigger-job.ts';
import { inject } from '../../src/injection/inject.ts';
import { injectionOptions } from '../../src/injection/options.ts';
import type { Wanted } from '../../src/injection/wanted.ts';
import { type Client, createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { FIELD_MANAGER } from '../../src/kube/field-managers.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import {
  cronJobs,
  daemonSets,
  deployments,
  namespaces,
  roleBindings,
  secrets,
  serviceAccounts,
  statefulSets,
} from '../../src/kube/resource.ts';
import { DEFINITIONS, OWN_PARTS, REGISTRATIONS } from '../../src/kubectl/installation.ts';
import { uninstall } from '../../src/kubectl/uninstall.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);
const namespace = `uninstall-${Date.now()}`;
const kubectl = (...args: string[]) => execFileSync('kubectl', args, { encoding: 'utf8', stdio: 'pipe' });

type Loose = ApiObject & { spec?: unknown };

const deployment = (name: string, replicas: number): Loose => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [{ name: 'app', image: 'a', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
});

const repository = {
  name: 'backups',
  secretName: 'storage',
  local: { persistentVolumeClaim: { claimName: 'backups' }, mountPath: '/backups' },
};
const repositoryObject: Loose = {
  apiVersion: 'stash.appscode.com/v1alpha2',
  kind: 'Repository',
  metadata: { name: 'backups', namespace },
  spec: {
    backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'storage' },
  },
};
const wanted: Wanted = {
  backups: [{ name: 'nightly', repository, directories: ['/data'] }],
  restores: [{ name: 'again', repository, directories: ['/data'] }],
};

/** A session in the middle of which the operator went away, and its configuration. */

const held: Loose[] = [
  {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupConfiguration',
    metadata: { name: 'nightly', namespace, finalizers: [HOLD_FINALIZER] },
    spec: { schedule: '@daily', repository: { name: 'backups' }, task: { name: 'cluster-backup' } },
  },
  {
    apiVersion: 'stash.appscode.com/v1beta1',
    kind: 'BackupSession',
    metadata: { name: 'held', namespace, finalizers: [HOLD_FINALIZER] },
    spec: { backupConfiguration: { name: 'nightly' } },
  },
];
const resourceOf = ({ kind }: Loose): Resource =>
  kind === 'BackupSession' ? BACKUP_SESSIONS : BACKUP_CONFIGURATIONS;

const restoreSession: Loose = {
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'RestoreSession',
  metadata: { name: 'of-undone', namespace },
  spec: {
    repository: { name: 'backups' },
    target: { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'undone' }, directories: ['/data'] },
  },
};

const functionOfSomebody: Loose = {
  apiVersion: 'stash.appscode.com/v1beta1',
  kind: 'Function',
  metadata: { name: 'of-somebody' },
  spec: { image: 'tool:v1' },
};

const names = ['one', 'two', 'emptied', 'undone'];
const specs = async () =>
  Promise.all(names.map(async (name) => (await client.get<Loose>(deployments, name, namespace)).spec));

let owners: unknown[];
let injected: unknown[];

beforeAll(async () => {
  await applyDefinitions(client, await readDefinitions(path('crds')), { fieldManager: 'stash-operator' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  // Of an operator that ran here before and does not answer any more.
  for (const { resource, name } of REGISTRATIONS) {
    if (await isThere(resource, name)) await client.delete(resource, name);
  }
  // What other files of this layer left would be given back too, and sessions that run would be waited for.
  for (const resource of [
    BACKUP_SESSIONS,
    RESTORE_SESSIONS,
    deployments,
    statefulSets,
    daemonSets,
    TASKS,
    FUNCTIONS,
  ]) {
    for (const { metadata } of await client.list(resource)) {
      await client.delete(resource, metadata.name, metadata.namespace);
    }
  }
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  for (const { metadata } of await client.list(roleBindings, { labelSelector })) {
    await client.delete(roleBindings, metadata.name, metadata.namespace);
  }
  await vi.waitFor(() => client.apply(REPOSITORIES, repositoryObject, { fieldManager: 'test' }), {
    timeout: 20_000,
    interval: 200,
  });
  kubectl('apply', '--server-side', '--force-conflicts', '-f', path('manifests/install.yaml'));
  const images = { stash: 'stash:test', 'stash-postgres': 'stash-postgres:test' };
  await applyCatalog(
    { client, clock: systemClock, fieldManager: 'stash-operator', log: pino({ level: 'silent' }) },
    await readCatalog(path('manifests/catalog'), images),
    AbortSignal.timeout(30_000),
  );
  await client.apply(FUNCTIONS, functionOfSomebody, { fieldManager: 'test' });
  for (const object of held) await client.create(resourceOf(object), object);
  await client.create(RESTORE_SESSIONS, restoreSession);
  await client.mergePatch(
    RESTORE_SESSIONS,
    'of-undone',
    namespace,
    { status: { phase: 'Failed', replicas: 2, completionTime: '2026-11-22T18:00:00Z' } },
    { subresource: 'status' },
  );
  // From now on nobody answers for Functions and Tasks.
  kubectl('apply', '-f', path('webhook-config'));
  // Somebody's own: the namespace is not ours to delete then.
  await client.apply(
    secrets,
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'of-somebody', namespace: 'stash-system' } },
    { fieldManager: 'test' },
  );
  for (const name of names) await client.create(deployments, deployment(name, 2));
  owners = await specs();
  for (const name of names) {
    const found = await client.get<Loose>(deployments, name, namespace);
    const { workload } = inject(
      found,
      wanted,
      injectionOptions({ image: 'stash:test', nativeSidecar: true }),
    );
    await client.replace(deployments, workload);
  }
  await client.mergePatch(deployments, 'emptied', namespace, {
    metadata: {
      annotations: {
        [HELD_REPLICAS_ANNOTATION]: JSON.stringify({ session: 'uid', replicas: 2, isHeld: true }),
      },
    },
    spec: { replicas: 0 },
  });
  // As a `kubectl rollout undo` leaves it that took the annotation away: the session remembers.
  await client.mergePatch(
    deployments,
    'undone',
    namespace,
    { spec: { replicas: 0 } },
    { fieldManager: FIELD_MANAGER },
  );
  injected = await specs();
  await client.create(roleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${AGENT_ROLE}-default`, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    ...{
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: AGENT_ROLE },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    },
  });
  // A CronJob that keeps time, of a configuration that stays.
  const { metadata, ...cronJob } = timekeeper(
    {
      metadata: { name: 'nightly', namespace },
      spec: { schedule: '* * * * *', startingDeadline: '1h', paused: false },
    } as BackupConfiguration,
    injectionOptions({ image: 'stash:test', nativeSidecar: false }),
  );
  const { ownerReferences: _, ...owned } = metadata;
  await client.create(cronJobs, { ...cronJob, metadata: owned });
  await client.create(cronJobs, { ...cronJob, metadata: { name: 'of-somebody', namespace } });
  await makeTriggerAccount(client, namespace);
});

afterAll(async () => {
  // Others may come after this file.
  await applyDefinitions(client, await readDefinitions(path('crds')), { fieldManager: 'stash-operator' });
  await client.delete(secrets, 'of-somebody', 'stash-system');
  await client.delete(namespaces, namespace);
  connection.close();
});

class BrokenOff extends Error {}

/** A client that is broken off at its `writes`th write. */
function mortal(writes: number): Client {
  let left = writes;
  const count =
    <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> => {
      left--;
      return left < 0 ? Promise.reject(new BrokenOff('broken off')) : verb(...args);
    };
  return {
    ...client,
    mergePatch: count(client.mergePatch) as Client['mergePatch'],
    jsonPatch: count(client.jsonPatch) as Client['jsonPatch'],
    delete: count(client.delete),
  };
}

async function run(as: Client, options: { dryRun?: boolean; purge?: boolean } = {}): Promise<string[]> {
  const said: string[] = [];
  const { dryRun = false, purge = false } = options;
  await uninstall({
    client: as,
    clock: systemClock,
    namespace: 'stash-system',
    dryRun,
    purge,
    say: (text) => said.push(text),
  });
  return said;
}

const isThere = async (resource: Resource, name: string, at?: string) => {
  try {
    await client.get(resource, name, at);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
};

describe('an installation', () => {
  it('stands as it was after a dry run, which says all that would be done', async () => {
    const said = await run(mortal(0), { dryRun: true, purge: true });
    expect(said.filter((line) => line.includes(`Deployment ${namespace}/`))).toHaveLength(names.length);
    expect(said).toContain('delete ClusterRole stash-operator');
    expect(said).toContain('delete Task volume-backup');
    expect(said).not.toContain('delete Function of-somebody');
    expect(said).toContain('delete CustomResourceDefinition repositories.stash.appscode.com');
    expect(await specs()).toEqual(injected);
  });

  it('is taken away in steps, each of which may be the last: the cluster works after it, and the next run goes on', async () => {
    let runs = 0;
    for (let isDone = false; !isDone; runs++) {
      isDone = await run(mortal(1)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof Error && /broken off/.test(error.message)) return false;
          throw error;
        },
      );
      for (const [index, spec] of (await specs()).entries()) {
        expect([owners[index], injected[index]]).toContainEqual(spec);
      }
      // Where anything is taken away of what answers, nobody asks for it any more.
      const isOperatorThere = await isThere(deployments, 'stash', 'stash-system');
      const isRegistered = await Promise.all(
        REGISTRATIONS.map(({ resource, name }) => isThere(resource, name)),
      );
      if (!isOperatorThere) expect(isRegistered).toEqual([false, false]);
      if (isRegistered.includes(false)) expect(await specs()).toEqual(owners);
      await client.create(deployments, deployment(`new-${runs}`, 1));
    }
    expect(runs).toBeGreaterThan(10);
    expect(await specs()).toEqual(owners);
    for (const { resource, name } of [...OWN_PARTS, ...REGISTRATIONS]) {
      expect(await isThere(resource, name, resource.namespaced ? 'stash-system' : undefined), name).toBe(
        false,
      );
    }
    for (const object of held) {
      const { metadata } = await client.get(resourceOf(object), object.metadata.name, namespace);
      expect(metadata.finalizers ?? []).not.toContain(HOLD_FINALIZER);
    }
    expect(await client.list(roleBindings, { namespace })).toEqual([]);
    expect(await client.list(TASKS)).toEqual([]);
    expect((await client.list(FUNCTIONS)).map(({ metadata }) => metadata.name)).toEqual(['of-somebody']);
    expect(await isThere(cronJobs, 'nightly', namespace)).toBe(false);
    expect(await isThere(serviceAccounts, TRIGGER_ACCOUNT, namespace)).toBe(false);
    expect(await isThere(cronJobs, 'of-somebody', namespace)).toBe(true);
  });

  it('leaves a namespace in which others live, and all Repositories', async () => {
    const said = await run(client);
    expect(said).toEqual([
      'the namespace stash-system is left: it has a Secret of-somebody that is not of the installation',
    ]);
    expect(await isThere(REPOSITORIES, 'backups', namespace)).toBe(true);
  });

  it('goes with its kinds where it is purged, and then nothing is left to say', async () => {
    const said = await run(client, { purge: true });
    expect(said.filter((line) => line.startsWith('delete CustomResourceDefinition'))).toHaveLength(
      KINDS.length,
    );
    for (const { plural, group } of KINDS) {
      expect(await isThere(DEFINITIONS, `${plural}.${group}`)).toBe(false);
    }
    expect(await run(client, { purge: true })).toHaveLength(1);
  });
});
