import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { BACKUP_CONFIGURATIONS, RESTORE_SESSIONS } from '../../src/api/resources.ts';
import type { RestoreSession } from '../../src/api/restore-session.ts';
import { deployments, jobs } from '../../src/kube/resource.ts';
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

/* A PersistentVolumeClaim, with the objects of the samples, while a pod has it mounted: it is ReadWriteOnce, and stays in use. */

const namespace = useNamespace('e2e-volume');
const name = 'volume-backup-demo';
const stash = { repository: { name: 'stash-backup-repo' } };

const make = `set -e; cd ${DATA}
mkdir -p deep/er empty; echo precious > file; echo secret > deep/er/hidden; : > deep/nothing
ln -s ../file deep/link; ln file hard; printf 'odd\\n' > 'a "name" with $all'
chmod 0600 deep/er/hidden; chmod 4755 file; chmod 1777 empty; chown 1234:4321 deep deep/er/hidden; chown -h 99:99 deep/link
touch -d '2001-02-03 04:05:06' file deep empty deep/er/hidden; chmod 0751 .; chown 1000:1000 .; touch -d '2010-11-12 13:14:15' .`;
/** What makes a file what it is: type, mode, owner, time, where a link leads, content. */
const list = `cd ${DATA} && find . -exec stat -c '%F %a %u:%g %y %h %N' {} + | sort && find . -type f -exec sha256sum {} + | sort`;

/** Whoever has `demo-pvc` mounted. */
let holder: Pod;
let before: string;

/** The sample, as users write it, in this namespace. */
async function applySample(file: string): Promise<void> {
  const sample = await readFile(new URL(`../samples/${file}`, import.meta.url), 'utf8');
  const here = sample.replace('namespace: demo', `namespace: ${namespace.name}`);
  expect(await tryKubectl(['create', '-f', '-'], here)).toMatchObject({ status: 0, stderr: '' });
}

async function restoreInto(name: string, source: { kind: string; name: string }): Promise<RestoreSession> {
  const target = { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name }, mountPath: DATA };
  const hooks = { preRestore: freeze, postRestore: thaw };
  await namespace.apply(
    restoreSession(name, name, { ...stash, source, task: { name: 'volumeRecovery' }, target, hooks }),
  );
  return namespace.restoreEnded(name, 'Succeeded');
}

/** Hooks in whichever pod has the claim; the second one fails where the first has not run. */
const freeze = { exec: { command: ['touch', '/tmp/frozen'] } };
const thaw = { exec: { command: ['mv', '/tmp/frozen', '/tmp/thawed'] } };
const ranIn = ({ metadata }: Pod) => [
  { host: 'host-0', podUID: metadata.uid, phase: 'Succeeded' },
  { host: 'host-0', podUID: metadata.uid, phase: 'Succeeded' },
];

beforeAll(async () => {
  await namespace.apply(
    claim('demo-pvc'),
    claim('other'),
    claim('resting'),
    repository('stash-backup-repo'),
    deployment('holder', { claim: 'demo-pvc' }),
    deployment('other', { claim: 'other' }),
    deployment('resting', { claim: 'resting', replicas: 0 }),
  );
  [holder] = (await namespace.settled('holder')) as [Pod];
  await namespace.sh(holder, make);
  before = await namespace.sh(holder, list);
});

describe('a claim that is in use', () => {
  it('is backed up by a Job, and what is kept is what the policy says', async () => {
    await applySample('05-backup-pvc.yaml');
    await applySample('11-instant-backup.yaml');
    const session = await namespace.backupEnded('instant-volume-backup', 'Succeeded');
    expect(session.status?.hosts).toMatchObject([{ host: 'host-0', phase: 'Succeeded' }]);
    expect(session.status?.stats).toMatchObject([
      {
        hostname: 'host-0',
        directory: DATA,
        snapshot: expect.stringMatching(/^[0-9a-f]{8,64}$/),
        fileStats: { new: 5, changed: 0, unmodified: 0 },
      },
    ]);
    expect(findCondition(session.status?.conditions, 'RetentionApplied')).toMatchObject({
      status: 'True',
      message: 'snapshots kept: 1, removed: 0',
    });
    const retentionPolicy = { keepLast: 1, prune: true };
    const hooks = { preBackup: freeze, postBackup: thaw };
    await namespace.patch(BACKUP_CONFIGURATIONS, name, { spec: { retentionPolicy, hooks } });
    await namespace.apply(backupSession('second', name));
    const second = await namespace.backupEnded('second', 'Succeeded');
    expect(second.status?.hooks).toMatchObject(ranIn(holder));
    await namespace.sh(holder, 'rm /tmp/thawed');
    expect(second.status?.stats).toMatchObject([{ fileStats: { new: 0, changed: 0, unmodified: 5 } }]);
    expect(findCondition(second.status?.conditions, 'RetentionApplied')?.message).toBe(
      'snapshots kept: 1, removed: 1',
    );
  });

  it('gets back what was lost, by another Job, while it is in use', async () => {
    await namespace.sh(holder, `rm -rf ${DATA}/* && chmod 0700 ${DATA} && chown 5:5 ${DATA}`);
    await applySample('06-restore-pvc.yaml');
    const session = await namespace.restoreEnded('recovery-volume-demo', 'Succeeded');
    const backup = await namespace.backup('second');
    expect(session.status?.stats).toMatchObject([
      { hostname: 'host-0', directory: DATA, snapshot: backup.status?.stats?.[0]?.snapshot },
    ]);
    expect(await namespace.sh(holder, list)).toBe(before);
    // Whoever has the claim was left alone.
    expect(identities(await namespace.podsOf('holder'))).toEqual(identities([holder]));
    const job = await namespace.get(jobs, session.status?.job ?? '');
    expect(job.metadata.ownerReferences).toMatchObject([
      { kind: RESTORE_SESSIONS.kind, uid: session.metadata.uid, controller: true },
    ]);
  });
});

describe('another claim', () => {
  it('takes the data of the first', async () => {
    const [other] = (await namespace.settled('other')) as [Pod];
    const session = await restoreInto('other', { kind: 'PersistentVolumeClaim', name: 'demo-pvc' });
    expect(session.status?.hooks).toMatchObject(ranIn(other));
    expect(await namespace.sh(other, list)).toBe(before);
  });

  it('takes the data of a workload, while whoever has it is scaled to zero', async () => {
    await namespace.apply(backupConfiguration('holder', stash));
    await namespace.settledWithSidecar('holder');
    await namespace.apply(backupSession('of-workload', 'holder'));
    await namespace.backupEnded('of-workload', 'Succeeded');
    const session = await restoreInto('resting', { kind: 'Deployment', name: 'holder' });
    expect(session.status?.hooks).toMatchObject([{ reason: 'NoRunningPod' }, { reason: 'NoRunningPod' }]);
    await namespace.patch(deployments, 'resting', { spec: { replicas: 1 } });
    expect(await namespace.sh(await namespace.podOf('resting'), list)).toBe(before);
  });
});

it('shows the password nowhere', async () => {
  expect(await leaks(namespace, [namespace.password])).toEqual([]);
});
