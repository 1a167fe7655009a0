import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ask } from './apiClient.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { ClusterFailure } from './failure.ts';

const namespace = 'local-path-storage';
const provisioner = 'rancher.io/local-path';

/**
 * Two StorageClasses: `standard`, the default, whose volumes belong to their node and take ReadWriteOnce alone,
 * like most clusters'; and `shared`, whose volumes any pod may mount (ReadWriteMany).
 */
export async function startStorage(state: string, ask: Ask): Promise<Daemon> {
  const folder = join(state, 'volumes');
  const config = join(state, 'local-path.json');
  writeFileSync(
    config,
    JSON.stringify({
      storageClassConfigs: {
        standard: {
          nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [join(folder, 'node')] }],
        },
        shared: { sharedFileSystemPath: join(folder, 'shared') },
      },
    }),
  );
  const pod = join(state, 'local-path-pod.json');
  writeFileSync(pod, JSON.stringify(helperPod));

  await create(ask, '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  await create(ask, `/api/v1/namespaces/${namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-path-config' },
    data: {
      setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
      teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
    },
  });
  await create(ask, '/apis/storage.k8s.io/v1/storageclasses', storageClass('standard', true));
  await create(ask, '/apis/storage.k8s.io/v1/storageclasses', storageClass('shared', false));

  const kubeconfig = join(state, 'admin.kubeconfig');
  return startDaemon(state, 'local-path-provisioner', {
    args: [
      'start',
      ...['--kubeconfig', kubeconfig, '--namespace', namespace, '--provisioner-name', provisioner],
      ...['--config', config, '--helper-pod-file', pod, '--helper-image', 'docker.io/library/busybox:latest'],
      ...['--service-account-name', 'default', '--configmap-name', 'local-path-config'],
    ],
    env: { KUBECONFIG: kubeconfig },
  });
}

const helperPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'helper-pod' },
  spec: {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    containers: [
      { name: 'helper-pod', image: 'docker.io/library/busybox:latest', imagePullPolicy: 'IfNotPresent' },
    ],
  },
};

function storageClass(name: string, isDefault: boolean) {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
    provisioner,
    volumeBindingMode: isDefault ? 'WaitForFirstConsumer' : 'Immediate',
    reclaimPolicy: 'Delete',
  };
}

async function create(ask: Ask, path: string, object: unknown): Promise<void> {
  const answer = await ask('POST', path, object);
  if (answer.status === 201 || answer.status === 409) return;
  throw new ClusterFailure(`POST ${path} was answered with ${answer.status}: ${answer.body}`);
}
