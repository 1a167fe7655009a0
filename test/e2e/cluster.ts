import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import type { BackupSession } from '../../src/api/backup-session.ts';
import {
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { isOver, type SessionPhase } from '../../src/api/sessions.ts';
import { SIDECAR } from '../../src/injection/layout.ts';
import { createClient, type DeleteOptions } from '../../src/kube/client.ts';
import { found, isNotFound } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { deployments, namespaces, persistentVolumeClaims, pods, secrets } from '../../src/kube/resource.ts';
import { diagnosis } from './diagnosis.ts';
import { kubectl } from './kubectl.ts';
import { claim, type PodSpec, passwordSecret, type Workload } from './objects.ts';

export const client = createClient(createConnection(kubeconfigEndpoint()));

/** Who applies the objects of the tests. */
const fieldManager = 'e2e';

const serviceAccounts: Resource = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};

const resources = [
  REPOSITORIES,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  RESTORE_SESSIONS,
  deployments,
  persistentVolumeClaims,
  secrets,
];

const pollMs = 150;
/** What takes a few seconds may take minutes where the machine is busy with other things. */
const usualSeconds = 180;

/**
 * What `look` finds, as soon as it finds something; an object that is not there yet is nothing.
 *
 * @param namespace - what is told of where it is not seen in time
 * @throws {Error} that tells what was not seen, and what there is instead
 */
export async function until<T>(
  what: string,
  namespace: string,
  look: () => Promise<T | undefined>,
  seconds = usualSeconds,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look().catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not seen within ${seconds} s.\n${await diagnosis(client, namespace)}`);
    }
    await sleep(pollMs);
  }
}

/**
 * What `write` answers. While an operator is replaced, the API server may still call the one that is gone, and refuses what nobody
 * answered for: that is written again.
 */
export async function admitted<T>(write: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!String(error).includes('failed calling webhook') || performance.now() > deadline) throw error;
    }
    await sleep(pollMs);
  }
}

export interface Pod extends ApiObject {
  spec: PodSpec;
  status: {
    phase: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  name: string;
  restartCount: number;
  state?: { running?: object; terminated?: { exitCode: number } };
}

/** One namespace of the cluster, and what is done in it. */
export class Namespace {
  readonly name: string;
  /** Of the Secret `backup-secret`; it must not be seen anywhere. */
  readonly password: string;

  constructor(name: string) {
    this.name = name;
    // Nothing that YAML or JSON would write in another way.
    this.password = `nobody-knows-the-password-of-${name}`;
  }

  async apply(...objects: ApiObject[]): Promise<void> {
    for (const object of objects) {
      const resource = resources.find(({ kind }) => kind === object.kind);
      if (resource === undefined) throw new Error(`the fixture does not know the kind ${object.kind}`);
      const metadata = { ...object.metadata, namespace: this.name };
      await admitted(() => client.apply(resource, { ...object, metadata }, { fieldManager, force: true }));
    }
  }

  patch<T extends ApiObject>(resource: Resource, name: string, patch: Record<string, unknown>): Promise<T> {
    return admitted(() => client.mergePatch<T>(resource, name, this.name, patch, { fieldManager }));
  }

  get<T extends ApiObject>(resource: Resource, name: string): Promise<T> {
    return client.get<T>(resource, name, this.name);
  }

  list<T extends ApiObject>(resource: Resource, labelSelector?: string): Promise<T[]> {
    return client.list<T>(resource, {
      namespace: this.name,
      ...(labelSelector !== undefined && { labelSelector }),
    });
  }

  until<T>(what: string, look: () => Promise<T | undefined>, seconds?: number): Promise<T> {
    return until(what, this.name, look, seconds);
  }

  deployment(name: string): Promise<Workload> {
    return this.get<Workload>(deployments, name);
  }

  /** The pods of the Deployment `name` that are not being deleted. */
  async podsOf(name: string): Promise<Pod[]> {
    const all = await this.list<Pod>(pods, `app=${name}`);
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** The first pod of the Deployment `name`, which has to run. */
  async podOf(name: string): Promise<Pod> {
    return this.until(`a pod of ${name}`, async () => (await this.podsOf(name)).find(isReady));
  }

  /** The pods of the Deployment `name`, once they are all of its newest template, ready, and no others are left. */
  settled(name: string): Promise<Pod[]> {
    return this.until(`the rollout of ${name}`, async () => {
      const { metadata, spec, status } = await this.deployment(name);
      const isRolledOut =
        status?.observedGeneration === metadata.generation &&
        status?.updatedReplicas === spec.replicas &&
        status.readyReplicas === spec.replicas &&
        status.replicas === spec.replicas;
      if (!isRolledOut) return undefined;
      const all = await this.list<Pod>(pods, `app=${name}`);
      return all.length === spec.replicas && all.every(isReady) ? all : undefined;
    });
  }

  /** The pods of the Deployment `name`, once it has, or has no longer, the sidecar. */
  async settledWithSidecar(name: string, isThere = true): Promise<Pod[]> {
    await this.until(`the sidecar ${isThere ? 'in' : 'out of'} ${name}`, async () => {
      const { containers } = (await this.deployment(name)).spec.template.spec;
      return containers.some((container) => container.name === SIDECAR) === isThere ? true : undefined;
    });
    return this.settled(name);
  }

  /** The BackupSession `name`, once it is over. @throws {Error} where it did not end as `phase` */
  backupEnded(name: string, phase: SessionPhase, seconds?: number): Promise<BackupSession> {
    return this.#ended<BackupSession>(BACKUP_SESSIONS, name, phase, seconds);
  }

  /** The RestoreSession `name`, once it is over. @throws {Error} where it did not end as `phase` */
  restoreEnded(name: string, phase: SessionPhase, seconds?: number): Promise<RestoreSession> {
    return this.#ended<RestoreSession>(RESTORE_SESSIONS, name, phase, seconds);
  }

  async deletePod(pod: Pod, options: DeleteOptions = {}): Promise<void> {
    await client.delete(pods, pod.metadata.name, this.name, options);
  }

  /** Runs `script` in busybox' sh. */
  sh(pod: Pod, script: string): Promise<string> {
    return kubectl('exec', '-n', this.name, pod.metadata.name, '-c', 'busybox', '--', 'sh', '-c', script);
  }

  backup(name: string): Promise<BackupSession> {
    return this.get<BackupSession>(BACKUP_SESSIONS, name);
  }

  /** Runs `script` in the Node of the agent's container. */
  node(pod: Pod, script: string, container = SIDECAR, ...args: string[]): Promise<string> {
    const at = ['-n', this.name, pod.metadata.name, '-c', container];
    return kubectl('exec', ...at, '--', 'node', '-e', script, '--', ...args);
  }

  async #ended<T extends BackupSession | RestoreSession>(
    resource: Resource,
    name: string,
    phase: SessionPhase,
    seconds: number | undefined,
  ): Promise<T> {
    const session = await this.until(
      `the end of ${resource.kind} ${name}`,
      async () => {
        const now = await this.get<T>(resource, name);
        return isOver(now) ? now : undefined;
      },
      seconds,
    );
    if (session.status?.phase === phase) return session;
    throw new Error(
      `${resource.kind} ${name} is ${session.status?.phase}, not ${phase}.\n${await diagnosis(client, this.name)}`,
    );
  }
}

/** A namespace of the test file's own, with what most need in it: a claim `backups`, and the Secret `backup-secret`. */
export function useNamespace(name: string, labels: Record<string, string> = {}): Namespace {
  const namespace = new Namespace(name);
  beforeAll(async () => {
    await client.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels },
    });
    // No pod can be created before.
    await namespace.until('the default ServiceAccount', () => namespace.get(serviceAccounts, 'default'));
    await namespace.apply(claim('backups'), passwordSecret('backup-secret', namespace.password));
  });
  afterAll(async () => {
    // A test may have deleted it.
    await found(client.delete(namespaces, name));
  });
  return namespace;
}

export function isReady(pod: Pod): boolean {
  return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** What tells whether a pod was replaced, or a container of it restarted. */
export function identities(of: Pod[]): string[] {
  return of
    .map(({ metadata, status }) => {
      const restarts = (status.containerStatuses ?? []).map(
        ({ name, restartCount }) => `${name} restarted ${restartCount} times`,
      );
      return [metadata.uid, ...restarts.sort()].join(', ');
    })
    .sort();
}
