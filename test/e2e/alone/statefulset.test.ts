import { beforeAll, describe, expect, it } from 'vitest';
import { SIDECAR } from '../../../src/injection/layout.ts';
import { snapshots } from '../agent.ts';
import { type Pod, useNamespace } from '../cluster.ts';
import { kubectl } from '../kubectl.ts';
import { backupConfiguration, backupSession, DATA, repository, restoreSession } from '../objects.ts';
import { applyWorkload, settledPods, statefulSet, targetOf } from '../workload-kinds.ts';

/* A StatefulSet whose pods are counted from 2: each is a host of its own, backed up and restored by itself. */

const demo = useNamespace('statefulset');
const name = 'web';
const target = targetOf('StatefulSet', name);
const hosts = ['host-2', 'host-3', 'host-4'];

let list: Pod[];

/** What each pod has. */
const dataOf = (all: Pod[]) =>
  Promise.all(all.map((pod) => demo.sh(pod, `cat ${DATA}/own ${DATA}/sub/file`)));

beforeAll(async () => {
  await applyWorkload(demo, statefulSet(name, 3, 2));
  await settledPods(demo, 'StatefulSet', name, 3);
  await demo.apply(
    repository(name),
    backupConfiguration(name, { target, retentionPolicy: { keepLast: 1, prune: true } }),
  );
  list = await settledPods(demo, 'StatefulSet', name, 3, SIDECAR);
  for (const pod of list)
    await demo.sh(pod, `mkdir ${DATA}/sub; echo ${pod.metadata.uid} > ${DATA}/sub/file`);
});

describe('a StatefulSet', () => {
  let before: string[];

  it('is backed up by each of its pods, as host-<ordinal>, and retention is applied once for all', async () => {
    before = await dataOf(list);
    expect(new Set(before).size).toBe(3);
    for (const session of ['first', 'second']) {
      await demo.apply(backupSession(session, name));
      const { status } = await demo.backupEnded(session, 'Succeeded');
      expect(status?.hosts?.map(({ host, podName, phase }) => [host, podName, phase])).toEqual(
        list.map((pod, index) => [hosts[index], pod.metadata.name, 'Succeeded']),
      );
      expect(status?.stats?.map(({ hostname }) => hostname).sort()).toEqual(hosts);
      expect(status?.hosts?.filter(({ retention }) => retention !== undefined)).toHaveLength(1);
      expect(status?.initializer).toBe(session === 'first' ? 'host-2' : undefined);
    }
    const kept = await snapshots(demo, list[0] as Pod, { name });
    expect(kept.map(({ hostname }) => hostname).sort()).toEqual(hosts);
  });

  it('gets back in each pod what that pod had', async () => {
    for (const pod of list) await demo.sh(pod, `rm -rf ${DATA}/own ${DATA}/sub`);
    await demo.apply(restoreSession('back', name, { target }));
    const { status } = await demo.restoreEnded('back', 'Succeeded', 300);
    expect(status?.hosts?.map(({ host, phase }) => [host, phase])).toEqual(
      hosts.map((host) => [host, 'Succeeded']),
    );
    expect(status?.stats?.map(({ hostname }) => hostname).sort()).toEqual(hosts);
    expect(status?.replicas).toBeUndefined();
    expect(await dataOf(await settledPods(demo, 'StatefulSet', name, 3, SIDECAR))).toEqual(before);
  });

  it('fails a restore over the pod that never had a backup, and restores the others', async () => {
    await applyWorkload(demo, statefulSet(name, 4, 2));
    await settledPods(demo, 'StatefulSet', name, 4);
    await demo.apply(restoreSession('again', name, { target }));
    const { status } = await demo.restoreEnded('again', 'Failed', 300);
    expect(status?.stats?.map(({ hostname }) => hostname).sort()).toEqual(hosts);
    const [condition] = status?.conditions ?? [];
    expect(condition).toMatchObject({ type: 'Succeeded', status: 'False', reason: 'NoSnapshot' });
    expect(condition?.message).toContain('host-5');
    await applyWorkload(demo, statefulSet(name, 3, 2));
    await settledPods(demo, 'StatefulSet', name, 3);
  });

  it('is backed up as far as there are agents, and the session is not called good', async () => {
    const node = (await kubectl('get', 'nodes', '-o', 'name')).trim();
    await kubectl('cordon', node);
    try {
      const [, , last] = await settledPods(demo, 'StatefulSet', name, 3, SIDECAR);
      await demo.deletePod(last as Pod);
      await demo.apply(backupSession('partial', name));
      const { status } = await demo.backupEnded('partial', 'Failed', 300);
      expect(status?.hosts?.map(({ host, phase, reason }) => [host, phase, reason])).toEqual([
        ['host-2', 'Succeeded', undefined],
        ['host-3', 'Succeeded', undefined],
        ['host-4', 'Failed', 'NoAgent'],
      ]);
      expect(status?.stats?.map(({ hostname }) => hostname).sort()).toEqual(['host-2', 'host-3']);
      expect(status?.conditions?.[0]?.message).toContain('host-4: the agent in pod web-4 does not run');
    } finally {
      await kubectl('uncordon', node);
    }
  });
});
