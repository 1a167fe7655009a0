import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiVersionOf, REPOSITORIES } from '../../../src/api/resources.ts';
import { SIDECAR } from '../../../src/injection/layout.ts';
import { deployments, pods } from '../../../src/kube/resource.ts';
import { client, identities, type Pod, until, useNamespace } from '../cluster.ts';
import { kubectl } from '../kubectl.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  repository,
  restoreSession,
} from '../objects.ts';

/* What an administrator may switch on: sidecars that are native, and repositories on a hostPath. */

const namespace = useNamespace('e2e-operator-options');
const seed = `[ -e ${DATA}/file ] || echo precious > ${DATA}/file`;
/** On the node, which is the machine of the test. */
const folder = mkdtempSync(join(tmpdir(), 'stash-host-path-'));
const path = '/spec/template/spec/containers/0/args';

/** The operator with these arguments, once no other is left to answer a review. */
async function restartOperator(args: string[]): Promise<void> {
  const patch = JSON.stringify([{ op: 'replace', path, value: ['serve', ...args] }]);
  const stash = ['-n', 'stash-system', 'deployment/stash'];
  await kubectl('patch', ...stash, '--type=json', '-p', patch);
  await kubectl('rollout', 'status', ...stash, '--timeout=240s');
  const labelSelector = 'app.kubernetes.io/component=operator';
  await until('the old operators to be gone', namespace.name, async () => {
    const left = await client.list<Pod>(pods, { namespace: 'stash-system', labelSelector });
    return left.length === 2 ? true : undefined;
  });
}

const namesOf = (list: readonly { name: string }[] = []) => list.map(({ name }) => name);
const templateOf = async (name: string) => (await namespace.deployment(name)).spec.template.spec;
const classOf = ({ status }: Pod) => (status as Pod['status'] & { qosClass: string }).qosClass;
const startedBefore = ({ status }: Pod) =>
  status.initContainerStatuses?.find(({ name }) => name === SIDECAR)?.state?.running !== undefined;

/** The pods of the Deployment `name`, once it has a native sidecar. */
async function settledNative(name: string): Promise<Pod[]> {
  await namespace.until(`the native sidecar in ${name}`, async () => {
    const { initContainers } = await templateOf(name);
    return namesOf(initContainers).includes(SIDECAR) ? true : undefined;
  });
  return namespace.settled(name);
}

let classic: Pod[];

beforeAll(async () => {
  await namespace.apply(
    repository('classic'),
    backupConfiguration('classic'),
    deployment('classic', { seed }),
  );
  classic = await namespace.settledWithSidecar('classic');
  await restartOperator(['--native-sidecar', '--allow-host-path']);
});

afterAll(async () => {
  await restartOperator([]);
  rmSync(folder, { recursive: true, force: true });
});

describe('a native sidecar', () => {
  it('is put into nothing that stands, and into the next template that its owner changes', async () => {
    const before = await namespace.deployment('classic');
    // The new leader looks at every workload as it begins; a touch of the object passes through the webhook.
    await sleep(5_000);
    await namespace.patch(deployments, 'classic', { metadata: { labels: { touched: 'yes' } } });
    expect((await namespace.deployment('classic')).spec).toEqual(before.spec);
    expect(identities(await namespace.settled('classic'))).toEqual(identities(classic));

    const template = { metadata: { annotations: { 'example.com/release': '2' } } };
    await namespace.patch(deployments, 'classic', { spec: { template } });
    const [pod] = await settledNative('classic');
    expect(namesOf(pod?.spec.containers)).toEqual(['busybox']);
  });

  it('backs up and restores a Guaranteed pod, which is ready and stays Guaranteed', async () => {
    const name = 'native';
    const container = { resources: { limits: { cpu: '50m', memory: '32Mi' } } };
    await namespace.apply(claim('native-data'), deployment(name, { seed, container, claim: 'native-data' }));
    expect((await namespace.settled(name)).map(classOf)).toEqual(['Guaranteed']);
    await namespace.apply(repository(name), backupConfiguration(name));
    const [pod] = (await settledNative(name)) as [Pod];
    expect([classOf(pod), startedBefore(pod)]).toEqual(['Guaranteed', true]);

    await namespace.apply(backupSession('native-first', name));
    const { status } = await namespace.backupEnded('native-first', 'Succeeded');
    expect(status?.stats?.[0]?.fileStats).toMatchObject({ new: 1 });
    await namespace.sh(pod, `echo lost > ${DATA}/file`);
    await namespace.apply(restoreSession('native-back', name));
    await namespace.restoreEnded('native-back', 'Succeeded');
    const [restored] = (await settledNative(name)) as [Pod];
    expect(await namespace.sh(restored, `cat ${DATA}/file`)).toBe('precious');
    expect([classOf(restored), startedBefore(restored)]).toEqual(['Guaranteed', true]);
    expect(namesOf(restored.spec.initContainers)).toEqual(['stash-restore', SIDECAR]);

    // It is a sidecar like any other: the next backup goes through it.
    await namespace.apply(backupSession('native-second', name));
    await namespace.backupEnded('native-second', 'Succeeded');
  });
});

describe('a repository on a hostPath', () => {
  it('is backed up into and restored from, and is a directory of the node', async () => {
    const name = 'on-node';
    const local = { hostPath: { path: folder, type: 'DirectoryOrCreate' }, subPath: 'repository' };
    await namespace.apply(
      deployment(name, { seed }),
      {
        apiVersion: apiVersionOf(REPOSITORIES),
        kind: REPOSITORIES.kind,
        metadata: { name },
        ...{ spec: { backend: { local, storageSecretName: 'backup-secret' } } },
      },
      backupConfiguration(name),
    );
    const [pod] = (await settledNative(name)) as [Pod];
    await namespace.sh(pod, `echo twice > ${DATA}/another`);
    await namespace.apply(backupSession('on-node-first', name));
    await namespace.backupEnded('on-node-first', 'Succeeded');
    expect(readdirSync(join(folder, 'repository'))).toEqual(expect.arrayContaining(['config', 'snapshots']));

    // Its data is in an emptyDir, so that the pod of the restore begins without.
    await namespace.apply(restoreSession('on-node-back', name));
    await namespace.restoreEnded('on-node-back', 'Succeeded');
    const [restored] = (await namespace.settled(name)) as [Pod];
    expect(restored.metadata.uid).not.toBe(pod.metadata.uid);
    expect(await namespace.sh(restored, `cat ${DATA}/another`)).toBe('twice');
  });
});
