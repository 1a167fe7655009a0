import type { KubernetesObject } from '../../src/api/object.ts';
import {
  apiVersionOf,
  BACKUP_CONFIGURATIONS,
  BACKUP_SESSIONS,
  REPOSITORIES,
  RESTORE_SESSIONS,
  type Resource,
} from '../../src/api/resources.ts';
import type { ApiObject } from '../../src/kube/object.ts';
import { deployments, persistentVolumeClaims, secrets } from '../../src/kube/resource.ts';

/* What the tests apply. Namespaces are put in as they are applied. */

/** Where the workloads of the tests have their data. */
export const DATA = '/source/data';

export interface Workload extends KubernetesObject {
  spec: {
    replicas: number;
    template: {
      metadata: { annotations?: Record<string, string>; labels: Record<string, string> };
      spec: PodSpec;
    };
  };
  status?: {
    replicas?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    observedGeneration?: number;
  };
}

export interface PodSpec {
  containers: { name: string; image: string }[];
  initContainers?: { name: string }[];
  volumes?: { name: string }[];
}

export interface DeploymentOptions {
  replicas?: number;
  /** A script that busybox' sh runs before the container sleeps. */
  seed?: string;
  /** The claim with the data; an emptyDir where it is left out. */
  claim?: string;
  /** Put over the pod's own. */
  pod?: object;
  /** Put over the container's own. */
  container?: object;
}

/** A busybox that has its data in a volume at {@link DATA}. */
export function deployment(name: string, options: DeploymentOptions = {}): ApiObject {
  const { replicas = 1, seed = 'true', claim } = options;
  return object(deployments, name, {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'busybox',
            image: 'busybox',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', `${seed}; exec sleep 86400`],
            volumeMounts: [{ name: 'source-data', mountPath: DATA }],
            ...options.container,
          },
        ],
        volumes: [
          claim === undefined
            ? { name: 'source-data', emptyDir: {} }
            : { name: 'source-data', persistentVolumeClaim: { claimName: claim } },
        ],
        ...options.pod,
      },
    },
  });
}

export function claim(name: string): ApiObject {
  return object(persistentVolumeClaims, name, {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  });
}

/** A storage Secret. */
export function passwordSecret(name: string, password: string): ApiObject {
  return {
    apiVersion: 'v1',
    kind: secrets.kind,
    metadata: { name },
    ...{ stringData: { RESTIC_PASSWORD: password } },
  };
}

/** In a directory of its own of the claim `backups`. */
export function repository(
  name: string,
  options: { secret?: string; claim?: string; subPath?: string } = {},
): ApiObject {
  return object(REPOSITORIES, name, {
    backend: {
      local: {
        persistentVolumeClaim: { claimName: options.claim ?? 'backups' },
        subPath: options.subPath ?? name,
      },
      storageSecretName: options.secret ?? 'backup-secret',
    },
  });
}

/** Of the Deployment of the same name into the Repository of the same name; its schedule is not due while a test runs. */
export function backupConfiguration(name: string, spec: object = {}): ApiObject {
  return object(BACKUP_CONFIGURATIONS, name, {
    schedule: '@yearly',
    repository: { name },
    target: targetOf(name),
    ...spec,
  });
}

export function backupSession(name: string, configuration: string): ApiObject {
  return object(BACKUP_SESSIONS, name, { backupConfiguration: { name: configuration } });
}

/** Into the Deployment `target`, from the Repository of the same name. */
export function restoreSession(name: string, target: string, spec: object = {}): ApiObject {
  return object(RESTORE_SESSIONS, name, { repository: { name: target }, target: targetOf(target), ...spec });
}

function targetOf(name: string) {
  return { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name }, directories: [DATA] };
}

function object(resource: Resource, name: string, spec: object): ApiObject & { spec: object } {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name }, spec };
}
