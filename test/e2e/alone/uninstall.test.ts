import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HELD_REPLICAS_ANNOTATION,
  INJECTED_ANNOTATION,
  REQUESTED_ANNOTATION,
} from '../../../src/api/annotations.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../../src/api/resources.ts';
import { createClient } from '../../../src/kube/client.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { createConnection } from '../../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../../src/kube/object.ts';
import {
  deployments,
  mutatingWebhookConfigurations,
  namespaces,
  persistentVolumeClaims,
  pods,
  roleBindings,
  secrets,
  validatingWebhookConfigurations,
} from '../../../src/kube/resource.ts';

/* The last of all: it takes Stash away, and brings it back. */

const path = (relative: string) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const client = createClient(createConnection(kubeconfigEndpoint()));
const namespace = 'uninstall';

type Loose = ApiObject & { spec?: unknown; status?: unknown };
interface Deployment extends ApiObject {
  spec: {
    replicas: number;
    template: {
      metadata: { annotations?: Record<string, string> };
      spec: { containers: Named[]; initContainers?: Named[] };
    };
  };
  status?: { readyReplicas?: number };
}
interface Named {
  name: string;
}
interface Pod extends ApiObject {
  spec: { containers: Named[]; initContainers?: Named[] };
  status: { phase: string };
}

async function until<T>(what: string, look: () => Promise<T | undefined>, seconds = 240): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not seen within ${seconds} s`);
    await sleep(250);
  }
}

const isGone = async (resource: Resource, name: string, at?: string) => {
  try {
    await client.get(resource, name, at);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
};

interface Outcome {
  status: number | null;
  out: string;
  error: string;
}

/** A program; ended without mercy once it has printed `killAt`. */
function run(program: string, args: string[], killAt?: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let error = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      if (killAt !== undefined && out.includes(killAt)) child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      error += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, error }));
  });
}

const uninstall = (args: string[] = [], killAt?: string) =>
  run(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path('src/main.ts'), 'uninstall', ...args],
    killAt,
  );

const object = (resource: Resource, name: string, spec: unknown): Loose => ({
  apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
  kind: resource.kind,
  metadata: { name, namespace },
  spec,
});

/** Its pods take so long to end, in seconds, that uninstallation finds the Deployment scaled to zero. */
const SLOW = 20;

const deployment = (name: string, claim?: string) =>
  object(deployments, name, {
    replicas: claim === undefined ? 1 : 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: claim === undefined ? 1 : SLOW,
        containers: [
          {
            name: 'busybox',
            image: 'busybox',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', 'exec sleep 86400'],
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
        volumes: [
          claim === undefined
            ? { name: 'data', emptyDir: {} }
            : { name: 'data', persistentVolumeClaim: { claimName: claim } },
        ],
      },
    },
  });

const target = (name: string) => ({
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', name },
  directories: ['/data'],
});
const names = ['web', 'restored', 'bystander', 'emptied'];
const get = (name: string) => client.get<Deployment>(deployments, name, namespace);
const specs = async () => Promise.all(names.map(async (name) => (await get(name)).spec));
const isCarrying = async (name: string) =>
  (await get(name)).spec.template.metadata.annotations?.[INJECTED_ANNOTATION] !== undefined
    ? true
    : undefined;

let owners: unknown[];

beforeAll(async () => {
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const name of names) {
    await client.create(deployments, deployment(name, name === 'emptied' ? 'data' : undefined));
  }
  await client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'storage', namespace },
    ...{ stringData: { RESTIC_PASSWORD: 'a password' } },
  });
  for (const claim of ['backups', 'data']) {
    await client.create(
      persistentVolumeClaims,
      object(persistentVolumeClaims, claim, {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      }),
    );
  }
  owners = await specs();
  await client.create(
    REPOSITORIES,
    object(REPOSITORIES, 'backups', {
      backend: { local: { persistentVolumeClaim: { claimName: 'backups' } }, storageSecretName: 'storage' },
    }),
  );
  await client.create(
    BACKUP_CONFIGURATIONS,
    object(BACKUP_CONFIGURATIONS, 'web', {
      schedule: '@yearly',
      repository: { name: 'backups' },
      target: target('web'),
    }),
  );
  await client.create(
    RESTORE_SESSIONS,
    object(RESTORE_SESSIONS, 'restored', { repository: { name: 'backups' }, target: target('restored') }),
  );
  await until('the sidecar', () => isCarrying('web'));
  await until('the init container', () => isCarrying('restored'));
});

afterAll(async () => {
  await client.delete(namespaces, namespace);
});

describe('stash uninstall', () => {
  it('changes nothing in a dry run, and says what it would do', async () => {
    const { status, out, error } = await uninstall(['--dry-run', '--purge']);
    expect([status, error]).toEqual([0, '']);
    for (const line of [
      'Deployment uninstall/web',
      'scale Deployment stash-system/stash',
      'Namespace stash-system',
    ])
      expect(out).toContain(line);
    expect(out).not.toContain('bystander');
    expect(await isCarrying('web')).toBe(true);
    expect(await isGone(mutatingWebhookConfigurations, 'stash')).toBe(false);
  });

  it('asks before it purges, and does nothing where nobody can answer', async () => {
    const { status, out, error } = await uninstall(['--purge']);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain('there is no terminal; say --yes');
    expect(await isCarrying('web')).toBe(true);
  });

  it('may be killed in the midst, with sessions running: the cluster works, and the next run ends it', async () => {
    await until('its pods', async () =>
      (await get('emptied')).status?.readyReplicas === 2 ? true : undefined,
    );
    await client.create(
      RESTORE_SESSIONS,
      object(RESTORE_SESSIONS, 'emptied', { repository: { name: 'backups' }, target: target('emptied') }),
    );
    await until('zero replicas', async () => ((await get('emptied')).spec.replicas === 0 ? true : undefined));
    await client.create(
      BACKUP_SESSIONS,
      object(BACKUP_SESSIONS, 'running', { backupConfiguration: { name: 'web' } }),
    );
    await uninstall([], 'scale Deployment');
    expect((await get('emptied')).spec.replicas, 'what the restore took is given back').toBe(2);
    await client.create(deployments, deployment('meanwhile'));
    await uninstall([], 'take what is of Stash out of');
    await client.create(deployments, deployment('later'));

    const { status, out, error } = await uninstall();
    expect([status, error]).toEqual([0, '']);
    expect(out.trim().split('\n').at(-1)).toBe('Stash is uninstalled');
    expect(await specs()).toEqual(owners);
    for (const name of names) {
      const { annotations } = (await get(name)).metadata;
      expect(annotations).not.toHaveProperty([REQUESTED_ANNOTATION]);
      expect(annotations).not.toHaveProperty([HELD_REPLICAS_ANNOTATION]);
    }
  });

  it('has left no registration, no right and no operator', async () => {
    expect(await isGone(mutatingWebhookConfigurations, 'stash')).toBe(true);
    expect(await isGone(validatingWebhookConfigurations, 'stash')).toBe(true);
    expect(await isGone(namespaces, 'stash-system')).toBe(true);
    expect(await client.list(roleBindings, { namespace })).toEqual([]);
    const { out } = await run('kubectl', ['get', 'clusterroles,clusterrolebindings', '-o', 'name']);
    expect(out).not.toContain('stash');
  });

  it('has left Repositories, configurations and sessions, none of them running, and the claim', async () => {
    expect(await client.list(REPOSITORIES, { namespace })).toHaveLength(1);
    expect(await client.list(BACKUP_CONFIGURATIONS, { namespace })).toHaveLength(1);
    expect(await client.list(RESTORE_SESSIONS, { namespace })).toHaveLength(2);
    const [session] = await client.list<Loose>(BACKUP_SESSIONS, { namespace });
    expect(session?.metadata.name).toBe('running');
    expect(await isGone(persistentVolumeClaims, 'backups', namespace)).toBe(false);
  });

  it('leaves no pod with anything of ours, and none that hangs', async () => {
    await until('pods as their owners wrote them', async () => {
      const all = await client.list<Pod>(pods, { namespace });
      const plain = all.every(
        ({ spec, status }) =>
          status.phase === 'Running' &&
          spec.containers.length === 1 &&
          (spec.initContainers ?? []).length === 0,
      );
      return plain && all.length === names.length + 3 ? true : undefined;
    });
  });

  it('does nothing when it is run once more', async () => {
    expect(await uninstall()).toEqual({ status: 0, out: 'Stash is uninstalled\n', error: '' });
  });

  it('is undone by an installation: the configurations that stand hold again', async () => {
    const manifest = path('manifests/install.yaml');
    const applied = await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', manifest]);
    expect(applied).toMatchObject({ status: 0 });
    const rollout = ['-n', 'stash-system', 'rollout', 'status', 'deployment/stash', '--timeout=240s'];
    expect(await run('kubectl', rollout)).toMatchObject({ status: 0 });
    await until('the registrations', async () =>
      (await isGone(validatingWebhookConfigurations, 'stash')) ? undefined : true,
    );
    await until('the sidecar', () => isCarrying('web'));
    expect(await isCarrying('bystander')).toBeUndefined();
  });
});
