import { oneBackend, remoteBackends, storageSecretName } from './backends.ts';
import { conditionsOf } from './fields.ts';
import { integrity, integrityCheck } from './integrity.ts';
import { hostPathVolumeSource, nfsVolumeSource } from './kubernetes-types.ts';
import type { KubernetesObject } from './object.ts';
import {
  bool,
  count,
  instant,
  isUnchanged,
  object,
  objectName,
  optional,
  type Rule,
  type Static,
  text,
} from './schema.ts';

const path = {
  maxLength: 1024,
  rules: [
    {
      rule: "!self.matches('(^|/)[.][.](/|$)')",
      message: 'a path is written without ".."; name the directory itself',
      holds: (self: string) => !/(^|\/)[.][.](\/|$)/.test(self),
    },
  ],
};

/* A volume that Kubernetes refuses, or cannot mount, would keep the pods of a workload from starting. */

const VOLUMES = ['persistentVolumeClaim', 'nfs', 'hostPath'];

const oneVolume: Rule = {
  rule: `[${VOLUMES.map((name) => `has(self.${name})`).join(', ')}].exists_one(named, named)`,
  message: `a repository is on one volume; name exactly one of ${VOLUMES.join(', ')}`,
  holds: (self: Record<string, unknown>) => VOLUMES.filter((name) => self[name] !== undefined).length === 1,
};

const nfsIsWhole: Rule = {
  rule: "!has(self.nfs) || (self.nfs.server != '' && self.nfs.path.startsWith('/'))",
  message: 'an export has a server and a path from the root; write nfs.server and nfs.path',
  holds: ({ nfs }: { nfs?: { server: string; path: string } }) =>
    nfs === undefined || (nfs.server !== '' && nfs.path.startsWith('/')),
};

const hostPathStartsPods: Rule = {
  rule: "!has(self.hostPath) || (self.hostPath.path.matches('^/[^/]') && !self.hostPath.path.matches('(^|/)[.][.](/|$)') && (!has(self.hostPath.type) || self.hostPath.type in ['', 'DirectoryOrCreate']))",
  message:
    'pods start on any node with a hostPath from the root, without "..", of the type DirectoryOrCreate; write such a one',
  holds: ({ hostPath }: { hostPath?: { path: string; type?: string } }) =>
    hostPath === undefined ||
    (/^\/[^/]/.test(hostPath.path) &&
      !/(^|\/)[.][.](\/|$)/.test(hostPath.path) &&
      ['', 'DirectoryOrCreate'].includes(hostPath.type ?? '')),
};

const local = object(
  {
    persistentVolumeClaim: optional(
      object(
        {
          claimName: objectName({ description: 'Name of the claim, in the namespace of the Repository.' }),
          readOnly: optional(
            bool({ description: 'Mounts the claim read-only: good for restores, not for backups.' }),
          ),
        },
        { description: 'The claim whose volume holds the repository.' },
      ),
    ),
    nfs: optional(nfsVolumeSource),
    hostPath: optional(hostPathVolumeSource),
    mountPath: optional(
      text({
        description:
          'Where the volume is mounted in the agent; /stash/repositories/NAME where nothing is said. It must not meet a directory of the workload that is backed up.',
        hint: 'write an absolute path, such as /backup',
        pattern: '^(/[^/]+)+/?$',
        ...path,
      }),
    ),
    subPath: optional(
      text({
        description: 'The directory in the volume that holds the repository; its root where nothing is said.',
        hint: 'write a relative path, such as backups/shop',
        pattern: '^[^/]+(/[^/]+)*/?$',
        ...path,
      }),
    ),
  },
  {
    description:
      'A repository on a volume of the cluster: exactly one of persistentVolumeClaim, nfs and hostPath. A hostPath has to be allowed by the administrator of Stash; each node has one of its own.',
    rules: [oneVolume, nfsIsWhole, hostPathStartsPods],
  },
);

const spec = object(
  {
    backend: object(
      {
        local: optional(local),
        ...remoteBackends,
        storageSecretName,
      },
      {
        description:
          'Where the snapshots live: exactly one of local, s3, gcs, azure, b2, swift and rest. It cannot be changed: make another Repository instead.',
        rules: [
          oneBackend,
          {
            rule: 'self == oldSelf',
            message:
              'the backend of a Repository cannot be changed, since its snapshots would be lost from view; make another Repository',
            holds: isUnchanged,
          },
        ],
      },
    ),
    integrityCheck: optional(integrityCheck),
  },
  { description: 'What the Repository should be.' },
);

const status = object(
  {
    observedGeneration: optional(count({ description: 'The generation that this status is about.' })),
    repositoryID: optional(
      text({
        description:
          'The id that restic gave the repository. Once it stands here, the repository is never made anew.',
        maxLength: 128,
      }),
    ),
    firstBackupTime: optional(
      instant({ description: 'When the first backup into the repository was complete.' }),
    ),
    lastBackupTime: optional(
      instant({ description: 'When the last backup into the repository was complete.' }),
    ),
    snapshotCount: optional(count({ description: 'Snapshots in the repository, as of the last check.' })),
    size: optional(
      text({ description: 'What the repository takes of its storage, as of the last check.', maxLength: 32 }),
    ),
    sizeBytes: optional(count({ description: 'The same in bytes.' })),
    lastCheckTime: optional(instant({ description: 'When the last check of its integrity ended.' })),
    integrity: optional(integrity),
    conditions: optional(
      conditionsOf(
        'Ready: whether agents can be given the repository. Integrity: whether the last check found nothing wrong.',
      ),
    ),
  },
  { description: 'What is known of the repository; written by the operator.' },
);

export const repository = { spec, status };

export type RepositorySpec = Static<typeof spec>;
export type RepositoryStatus = Static<typeof status>;
export type Repository = KubernetesObject<RepositorySpec, RepositoryStatus>;

/** Conditions of a Repository. */
export const REPOSITORY_READY = 'Ready';
