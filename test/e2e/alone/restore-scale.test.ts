import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HELD_REPLICAS_ANNOTATION } from '../../../src/api/annotations.ts';
import { RESTORE_SESSIONS } from '../../../src/api/resources.ts';
import type { RestoreSession } from '../../../src/api/restore-session.ts';
import { deployments } from '../../../src/kube/resource.ts';
import { client, type Pod, useNamespace } from '../cluster.ts';
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
import { targetOf } from '../workload-kinds.ts';

/* A Deployment whose pods write into one claim all the time, and take their time to end. */

const demo = useNamespace('restore-scale');
const name = 'shop';
const slow = 10;
const writes = `echo "$(hostname)" >> ${DATA}/log`;
const target = { ...targetOf('Deployment', name), directories: [`${DATA}`] };
const container = {
  command: [
    'sh',
    '-c',
    `trap 'for i in $(seq ${slow - 2}); do ${writes}; sleep 1; done; exit' TERM; while true; do ${writes}; sleep 0.2; done`,
  ],
};
const shop = () =>
  deployment(name, { replicas: 3, claim: 'data', container, pod: { terminationGracePeriodSeconds: slow } });

const replicas = async () => (await demo.deployment(name)).spec.replicas;
const held = async () => (await demo.deployment(name)).metadata.annotations?.[HELD_REPLICAS_ANNOTATION];
const scaledToZero = () =>
  demo.until('zero replicas', async () => ((await replicas()) === 0 ? true : undefined));
const scaledBack = (count = 3) =>
  demo.until(`${count} replicas, and nothing left to say of them`, async () =>
    (await replicas()) === count && (await held()) === undefined ? true : undefined,
  );
const session = (of: string) => demo.get<RestoreSession>(RESTORE_SESSIONS, of);

beforeAll(async () => {
  await demo.apply(claim('data'), shop());
  await demo.settled(name);
  await demo.apply(repository(name), backupConfiguration(name, { target }));
  const [pod] = (await demo.settledWithSidecar(name)) as [Pod];
  await demo.sh(pod, `echo precious > ${DATA}/file`);
  await demo.apply(backupSession('first', name));
  await demo.backupEnded('first', 'Succeeded');
});

afterEach(async () => {
  await demo.apply(shop());
  await demo.settled(name);
});

describe('a restore into the claim of a Deployment', () => {
  it('waits until no old pod writes any more, and gives the replicas back', async () => {
    const old = (await demo.settled(name)).map(({ metadata }) => metadata.name);
    await demo.sh((await demo.podOf(name)) as Pod, `echo lost > ${DATA}/file`);
    await demo.apply(restoreSession('back', name, { target }));
    await scaledToZero();
    expect((await session('back')).status).toMatchObject({ phase: 'Pending', replicas: 3 });
    const { status } = await demo.restoreEnded('back', 'Succeeded');
    expect(status).toMatchObject({ replicas: 3 });
    expect(status?.hosts).toHaveLength(1);
    await scaledBack();
    const [pod] = (await demo.settled(name)) as [Pod];
    expect(await demo.sh(pod, `cat ${DATA}/file`)).toBe('precious');
    // restic has put the log as it was in the backup; what stands behind that was written after the restore.
    const current = (await demo.podsOf(name)).map(({ metadata }) => metadata.name);
    const log = (await demo.sh(pod, `cat ${DATA}/log`)).split('\n');
    const firstNew = log.findIndex((line) => current.includes(line));
    expect(firstNew).toBeGreaterThan(0);
    expect(log.slice(firstNew).filter((line) => old.includes(line))).toEqual([]);
    const events = await kubectl('get', 'events', '-n', demo.name, '-o', 'jsonpath={.items[*].reason}');
    expect(events).toContain('ScaledToZero');
    expect(events).toContain('ReplicasGivenBack');
  });

  it('gives the replicas back where it is cancelled meanwhile', async () => {
    await demo.apply(restoreSession('cancelled', name, { target }));
    await scaledToZero();
    await demo.patch(RESTORE_SESSIONS, 'cancelled', { spec: { cancel: true } });
    await demo.restoreEnded('cancelled', 'Failed');
    await scaledBack();
  });

  it('gives the replicas back where it is deleted meanwhile', async () => {
    await demo.apply(restoreSession('deleted', name, { target }));
    await scaledToZero();
    await client.delete(RESTORE_SESSIONS, 'deleted', demo.name);
    await scaledBack();
  });

  it('leaves the number that somebody scales to meanwhile', async () => {
    await demo.apply(restoreSession('scaled', name, { target }));
    await scaledToZero();
    await demo.patch(deployments, name, { spec: { replicas: 2 } });
    await demo.restoreEnded('scaled', 'Succeeded');
    await scaledBack(2);
  });

  it('gives the replicas back where the operator is killed meanwhile', async () => {
    await demo.apply(restoreSession('orphaned', name, { target }));
    await scaledToZero();
    await kubectl('delete', 'pods', '-n', 'stash-system', '--all', '--grace-period=0', '--force');
    await client.delete(RESTORE_SESSIONS, 'orphaned', demo.name);
    await scaledBack();
  });
});

describe('a Deployment whose pods have each an emptyDir', () => {
  const other = 'separate';

  it('is neither backed up nor restored into as long as there are several, and is where there is one', async () => {
    const into = targetOf('Deployment', other);
    const seed = `echo precious > ${DATA}/file`;
    await demo.apply(deployment(other, { seed }));
    await demo.settled(other);
    await demo.apply(repository(other), backupConfiguration(other, { target: into }));
    await demo.settledWithSidecar(other);
    await demo.apply(backupSession('other', other));
    await demo.backupEnded('other', 'Succeeded');

    await demo.apply(deployment(other, { replicas: 2, seed }));
    await demo.settled(other);
    await demo.apply(backupSession('one-of-two', other));
    const failed = await demo.backupEnded('one-of-two', 'Failed');
    expect(failed.status?.conditions?.[0]).toMatchObject({ reason: 'SeparateVolumes' });
    await demo.apply(restoreSession('of-several', other, { target: into }));
    const refused = await demo.restoreEnded('of-several', 'Failed');
    expect(refused.status?.conditions?.[0]).toMatchObject({ reason: 'SeparateVolumes' });
    expect(refused.status?.conditions?.[0]?.message).toContain('emptyDir');

    await demo.apply(deployment(other, { replicas: 1 }));
    await demo.settled(other);
    await demo.apply(restoreSession('of-one', other, { target: into }));
    await demo.restoreEnded('of-one', 'Succeeded');
    const [pod] = (await demo.settled(other)) as [Pod];
    expect(await demo.sh(pod, `cat ${DATA}/file`)).toBe('precious');
    expect((await session('of-one')).status?.replicas).toBeUndefined();
  });
});
