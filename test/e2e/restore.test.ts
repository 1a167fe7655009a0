import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESTORE_SESSIONS } from '../../src/api/resources.ts';
import { RESTORE } from '../../src/injection/layout.ts';
import { holdRestic } from './agent.ts';
import { identities, type Pod, useNamespace } from './cluster.ts';
import { tryKubectl } from './kubectl.ts';
import { leaks } from './leaks.ts';
import {
  backupConfiguration,
  backupSession,
  claim,
  DATA,
  deployment,
  repository,
  restoreSession,
} from './objects.ts';

/* What a restore brings back, what it leaves, and what comes after it. */

const namespace = useNamespace('e2e-restore');
const name = 'stash-demo';

const make = `set -e; cd ${DATA}
mkdir -p deep/er empty; echo precious > file; echo secret > deep/er/hidden; : > deep/nothing
ln -s ../file deep/link; ln file hard; printf 'odd\\n' > 'a "name" with $all'
truncate -s 8M hole
mkdir shared; chown 33:4242 shared deep/nothing; chmod 2775 shared; chmod 6755 deep/nothing
chmod 0600 deep/er/hidden; chmod 4755 file; chmod 1777 empty; chown 1234:4321 deep deep/er/hidden; chown -h 99:99 deep/link
touch -d '2001-02-03 04:05:06' file deep empty deep/er/hidden; chmod 0751 .; chown 1000:1000 .; touch -d '2010-11-12 13:14:15' .`;
/** What makes a file what it is: type, mode, owner, time, where a link leads, content. */
const list = `cd ${DATA} && find . ! -name added -exec stat -c '%F %a %u:%g %y %N' {} + | sort && find . -type f ! -name added -exec sha256sum {} + | sort`;

const podOf = () => namespace.podOf(name);
/** How many times it was rolled out. */
const revision = async () =>
  (await namespace.deployment(name)).metadata.annotations?.['deployment.kubernetes.io/revision'];

let before: string;

beforeAll(async () => {
  await namespace.apply(
    claim('demo-data'),
    repository('stash-backup-repo'),
    backupConfiguration(name, { repository: { name: 'stash-backup-repo' } }),
    deployment(name, { claim: 'demo-data' }),
  );
  const [pod] = (await namespace.settledWithSidecar(name)) as [Pod];
  await namespace.sh(pod, make);
  before = await namespace.sh(pod, list);
  await namespace.apply(backupSession('good', name));
  await namespace.backupEnded('good', 'Succeeded');
});

describe('a restore', () => {
  it('brings back data, modes, owners and times, and leaves what the snapshot does not have', async () => {
    await namespace.sh(
      await podOf(),
      `cd ${DATA}; rm -rf deep hole hard shared; echo broken > file; chmod 0700 .; chown 5:5 file .; echo new > added`,
    );
    const sample = await readFile(new URL('samples/04-restore-workload.yaml', import.meta.url), 'utf8');
    const here = sample.replace('namespace: demo', `namespace: ${namespace.name}`);
    expect(await tryKubectl(['create', '-f', '-'], here)).toMatchObject({ status: 0, stderr: '' });
    const session = await namespace.restoreEnded('recovery-database-demo', 'Succeeded');
    const backup = await namespace.backup('good');
    expect(session.status?.stats).toMatchObject([
      { hostname: 'host-0', directory: DATA, snapshot: backup.status?.stats?.[0]?.snapshot },
    ]);
    const [pod] = (await namespace.settled(name)) as [Pod];
    expect(await namespace.sh(pod, list)).toBe(before);
    expect(
      await namespace.sh(pod, `cd ${DATA}; cat added; [ file -ef hard ] && echo one; du -k hole | cut -f1`),
    ).toBe('new\none\n0');
  });

  it('is followed by no rollout of its own, and by pods that start at once', async () => {
    const [revisionBefore, podsBefore] = [await revision(), await namespace.podsOf(name)];
    await sleep(3000);
    expect(await revision()).toBe(revisionBefore);
    expect(identities(await namespace.podsOf(name))).toEqual(identities(podsBefore));

    const [old] = podsBefore as [Pod];
    const deletedAt = performance.now();
    await namespace.sh(old, `echo after > ${DATA}/file`);
    // The init container is still in its template, and finds that its session is over.
    await namespace.deletePod(old, { gracePeriodSeconds: 0 });
    const [next] = (await namespace.settled(name)) as [Pod];
    expect((performance.now() - deletedAt) / 1000, 'seconds until the next pod is ready').toBeLessThan(100);
    expect(await namespace.sh(next, `cat ${DATA}/file`), 'nothing was restored again').toBe('after');
  });

  it('that is cancelled is Failed with Cancelled, and the workload starts with what is there', async () => {
    await namespace.apply(restoreSession('unwanted', name, { repository: { name: 'stash-backup-repo' } }));
    // As soon as it runs: what tells the test of it tells the operator too, which lets it begin.
    const { pod, restic } = await namespace.until('the init container to run', async () => {
      const next = (await namespace.podsOf(name)).find(({ spec }) =>
        JSON.stringify(spec).includes('unwanted'),
      );
      if (next === undefined) return undefined;
      const waiting = await holdRestic(namespace, next, 'restore', RESTORE).catch(() => undefined);
      return waiting && { pod: next, restic: waiting };
    });
    await restic.held;
    await namespace.patch(RESTORE_SESSIONS, 'unwanted', { spec: { cancel: true } });
    // The agent looks every two seconds; what it sends to restic reaches it when it goes on.
    await sleep(10_000);
    await restic.release();
    const session = await namespace.restoreEnded('unwanted', 'Failed');
    expect(session.status?.conditions).toMatchObject([{ reason: 'Cancelled' }]);
    const [running] = (await namespace.settled(name)) as [Pod];
    expect(running.metadata.uid).toBe(pod.metadata.uid);
    expect(running.status.initContainerStatuses).toMatchObject([{ state: { terminated: { exitCode: 0 } } }]);
    expect(await namespace.sh(running, `cat ${DATA}/file`)).toBe('after');
  });

  it('shows the password nowhere', async () => {
    expect(await leaks(namespace, [namespace.password])).toEqual([]);
  });
});
