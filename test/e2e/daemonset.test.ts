import { describe, expect, it } from 'vitest';
import { SIDECAR } from '../../src/injection/layout.ts';
import { snapshots } from './agent.ts';
import { type Pod, useNamespace } from './cluster.ts';
import { kubectl } from './kubectl.ts';
import { backupConfiguration, backupSession, DATA, repository, restoreSession } from './objects.ts';
import { applyWorkload, daemonSet, settledPods, targetOf } from './workload-kinds.ts';

const demo = useNamespace('daemonset');
const name = 'node-data';
const target = targetOf('DaemonSet', name);

describe('a DaemonSet', () => {
  it('is backed up and restored in each of its pods, as the node that it is on', async () => {
    const node = (await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).trim();
    await applyWorkload(demo, daemonSet(name));
    await settledPods(demo, 'DaemonSet', name, 1);
    await demo.apply(repository(name), backupConfiguration(name, { target }));
    const [pod] = (await settledPods(demo, 'DaemonSet', name, 1, SIDECAR)) as [Pod];
    await demo.sh(pod, `head -c 100000 /dev/urandom > ${DATA}/random`);
    const before = await demo.sh(pod, `cd ${DATA}; sha256sum *`);

    await demo.apply(backupSession('first', name));
    const backup = await demo.backupEnded('first', 'Succeeded');
    expect(backup.status?.hosts?.map(({ host, podName }) => [host, podName])).toEqual([
      [node, pod.metadata.name],
    ]);
    expect((await snapshots(demo, pod, { name })).map(({ hostname }) => hostname)).toEqual([node]);

    await demo.apply(restoreSession('back', name, { target }));
    const restore = await demo.restoreEnded('back', 'Succeeded');
    expect(restore.status?.hosts?.map(({ host, phase }) => [host, phase])).toEqual([[node, 'Succeeded']]);
    const [restored] = (await settledPods(demo, 'DaemonSet', name, 1, SIDECAR)) as [Pod];
    // Its emptyDir is another.
    expect(restored.metadata.uid).not.toBe(pod.metadata.uid);
    expect(await demo.sh(restored, `cd ${DATA}; sha256sum *`)).toBe(before);
  });
});
