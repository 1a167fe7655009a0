import { beforeAll, describe, expect, it } from 'vitest';
import { BACKUP_CONFIGURATIONS, BACKUP_SESSIONS } from '../../../src/api/resources.ts';
import type { ApiObject } from '../../../src/kube/object.ts';
import { leases, pods } from '../../../src/kube/resource.ts';
import { holdRestic, snapshots } from '../agent.ts';
import { client, identities, until, useNamespace } from '../cluster.ts';
import { backupConfiguration, backupSession, DATA, deployment, repository } from '../objects.ts';

/* What happens to a session in whose middle something happens. */

const namespace = useNamespace('e2e-interruption');
const names = ['failover', 'killed', 'terminated', 'cancelled', 'overdue'];

beforeAll(async () => {
  const seed = `dd if=/dev/urandom of=${DATA}/data bs=1M count=8`;
  for (const name of names) {
    // Together, so that no workload is rolled out for it.
    await namespace.apply(repository(name), backupConfiguration(name));
    const pod = name === 'terminated' ? { terminationGracePeriodSeconds: 30 } : {};
    const command = ['sh', '-c', `${seed}; trap exit TERM; sleep 86400 & wait`];
    await namespace.apply(deployment(name, { pod, container: { command } }));
  }
  await Promise.all(names.map((name) => namespace.settledWithSidecar(name)));
});

/** Begins a backup of the Deployment `name`, and holds restic in the midst of it. */
async function heldBackup(name: string, session: string) {
  const pod = await namespace.podOf(name);
  const restic = await holdRestic(namespace, pod, 'backup');
  await namespace.apply(backupSession(session, name));
  await restic.held;
  return { pod, restic };
}

async function backUp(name: string, session: string) {
  await namespace.apply(backupSession(session, name));
  return namespace.backupEnded(session, 'Succeeded');
}

const leader = async () => {
  const { spec } = await client.get<ApiObject & { spec: { holderIdentity?: string } }>(
    leases,
    'stash-operator',
    'stash-system',
  );
  return spec.holderIdentity?.split('_')[0] ?? '';
};

describe.concurrent('a session', () => {
  it('ends well, with one snapshot, where the leading operator is replaced in the midst of it', async () => {
    const { pod, restic } = await heldBackup('failover', 'handed-over');
    const before = await leader();
    await client.delete(pods, before, 'stash-system');
    await until('another leader', 'stash-system', async () => {
      const now = await leader();
      return now !== '' && now !== before ? now : undefined;
    });
    await restic.release();
    const session = await namespace.backupEnded('handed-over', 'Succeeded');
    expect(session.status?.hosts).toMatchObject([{ host: 'host-0', podUID: pod.metadata.uid }]);
    const made = await snapshots(namespace, pod, { name: 'failover' });
    expect(made.map(({ short_id }) => short_id)).toEqual([session.status?.stats?.[0]?.snapshot]);
  });

  it('is Failed with PodGone soon after its pod was killed, and the next one succeeds', async () => {
    const { pod } = await heldBackup('killed', 'without-pod');
    const killedAt = performance.now();
    await namespace.deletePod(pod, { gracePeriodSeconds: 0 });
    const session = await namespace.backupEnded('without-pod', 'Failed');
    expect((performance.now() - killedAt) / 1000, 'seconds').toBeLessThan(80);
    expect(session.status?.conditions).toMatchObject([
      {
        type: 'Succeeded',
        status: 'False',
        reason: 'PodGone',
        message: expect.stringContaining(pod.metadata.name),
      },
    ]);
    const next = await backUp('killed', 'after-the-kill');
    expect(next.status?.hosts?.[0]?.podUID).not.toBe(pod.metadata.uid);
  });

  it('is Failed by its agent where its pod is deleted, and the next one succeeds', async () => {
    const { pod, restic } = await heldBackup('terminated', 'in-a-drain');
    await namespace.deletePod(pod);
    await restic.release();
    const session = await namespace.backupEnded('in-a-drain', 'Failed');
    expect(session.status?.hosts).toMatchObject([{ phase: 'Failed', reason: 'Terminated' }]);
    await backUp('terminated', 'after-the-drain');
  });

  it('is Failed with Cancelled where it is cancelled, has no snapshot, and leaves the pod alone', async () => {
    const { pod, restic } = await heldBackup('cancelled', 'unwanted');
    await namespace.patch(BACKUP_SESSIONS, 'unwanted', { spec: { cancel: true } });
    await restic.release();
    const session = await namespace.backupEnded('unwanted', 'Failed');
    expect(session.status?.conditions).toMatchObject([{ reason: 'Cancelled' }]);
    expect(await snapshots(namespace, pod, { name: 'cancelled' })).toEqual([]);
    expect(identities(await namespace.podsOf('cancelled'))).toEqual(identities([pod]));
    await backUp('cancelled', 'wanted');
  });

  it('is Failed with DeadlineExceeded after its timeout, though restic does not listen, and the next one can go on', async () => {
    // The repository is made in time.
    await backUp('overdue', 'before');
    await namespace.patch(BACKUP_CONFIGURATIONS, 'overdue', { spec: { timeout: '30s' } });
    const { pod } = await heldBackup('overdue', 'too-long');
    const session = await namespace.backupEnded('too-long', 'Failed');
    const { startTime = '', completionTime = '', conditions } = session.status ?? {};
    expect(conditions).toMatchObject([
      { reason: 'DeadlineExceeded', message: expect.stringContaining('timeout') },
    ]);
    // 30 s of timeout, 20 s for restic to end by itself, and some for the rest.
    expect((Date.parse(completionTime) - Date.parse(startTime)) / 1000, 'seconds').toBeLessThan(75);
    expect(await snapshots(namespace, pod, { name: 'overdue' })).toHaveLength(1);
    await namespace.patch(BACKUP_CONFIGURATIONS, 'overdue', { spec: { timeout: '1h' } });
    await backUp('overdue', 'in-time');
    expect(identities(await namespace.podsOf('overdue'))).toEqual(identities([pod]));
  });
});
