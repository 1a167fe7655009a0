import { beforeAll, describe, expect, it } from 'vitest';
import type { Repository } from '../../src/api/repository.ts';
import { REPOSITORIES } from '../../src/api/resources.ts';
import { pods } from '../../src/kube/resource.ts';
import { identities, type Pod, useNamespace } from './cluster.ts';
import { leaks } from './leaks.ts';
import {
  backupConfiguration,
  backupSession,
  DATA,
  deployment,
  passwordSecret,
  repository,
  restoreSession,
} from './objects.ts';
import { targetOf } from './workload-kinds.ts';

/* What cannot go well ends Failed, with a reason that a person understands, and the workload runs on all the while. */

const namespace = useNamespace('e2e-failures');
const wrong = 'a-password-that-opens-nothing';
const names = ['locked-out', 'secretless', 'late-secret', 'wiped', 'good', 'linked'];
/** Those that are restored, and never backed up. */
const restored = ['never-saved', 'restored-locked-out', 'restored-from-nowhere'];

/** Where the sidecar of the workload `linked` has its storage Secret. */
const throughLink = `${DATA}/link/linked`;

/** The pods of each workload as they were injected. */
const before = new Map<string, string[]>();

beforeAll(async () => {
  const secrets: Record<string, string> = {
    'locked-out': 'wrong-secret',
    secretless: 'no-secret',
    'late-secret': 'late-secret',
  };
  await namespace.apply(passwordSecret('wrong-secret', wrong));
  for (const name of names) {
    const secret = secrets[name];
    await namespace.apply(
      // The one with the wrong password opens what another has made.
      repository(name, {
        ...(secret && { secret }),
        ...(name === 'locked-out' && { subPath: 'good' }),
      }),
      backupConfiguration(name, {
        target: { ...targetOf('Deployment', name), ...(name === 'linked' && { directories: [throughLink] }) },
      }),
      deployment(name, { seed: `echo precious > ${DATA}/file; ln -s /stash/secrets ${DATA}/link` }),
    );
  }
  for (const name of restored) await namespace.apply(deployment(name));
  await Promise.all(
    names.map(async (name) => before.set(name, identities(await namespace.settledWithSidecar(name)))),
  );
  await Promise.all(restored.map((name) => namespace.settled(name)));
  // Two repositories that are there.
  for (const name of ['wiped', 'good']) await namespace.apply(backupSession(`${name}-before`, name));
  for (const name of ['wiped', 'good']) await namespace.backupEnded(`${name}-before`, 'Succeeded');
});

/** Why the backup of the workload `name` failed. The workload has to run on, as it was. */
async function failedBackup(name: string, session: string) {
  await namespace.apply(backupSession(session, name));
  const { status } = await namespace.backupEnded(session, 'Failed');
  expect(identities(await namespace.podsOf(name))).toEqual(before.get(name));
  expect(status?.stats).toBeUndefined();
  return status?.conditions?.find(({ type }) => type === 'Succeeded');
}

/** Why the restore of the workload `name` from `from` failed. Its new pods have to run. */
async function failedRestore(name: string, from: string) {
  await namespace.apply(restoreSession(name, name, { repository: { name: from } }));
  const { status } = await namespace.restoreEnded(name, 'Failed');
  const [pod] = await namespace.settled(name);
  expect(pod?.status.initContainerStatuses).toMatchObject([
    { name: 'stash-restore', restartCount: 0, state: { terminated: { exitCode: 0 } } },
  ]);
  expect(pod?.status.containerStatuses).toMatchObject([{ name: 'busybox', restartCount: 0 }]);
  expect(status?.stats).toBeUndefined();
  return status?.conditions?.find(({ type }) => type === 'Succeeded');
}

describe.concurrent('a backup', () => {
  it('fails with WrongPassword, and says which key of the Secret is to be put right', async () => {
    expect(await failedBackup('locked-out', 'locked-out')).toMatchObject({
      status: 'False',
      reason: 'WrongPassword',
      message: expect.stringMatching(
        /^host-0: RESTIC_PASSWORD in the storage Secret does not open this repository/,
      ),
    });
  });

  it('fails with SecretMissing where there is no Secret, and names it', async () => {
    expect(await failedBackup('secretless', 'secretless')).toMatchObject({
      status: 'False',
      reason: 'SecretMissing',
      message: expect.stringMatching(
        /Secret no-secret of Repository secretless .* is missing.*RESTIC_PASSWORD/,
      ),
    });
  });

  it('waits for a Secret that comes late, and says so meanwhile', async () => {
    await namespace.apply(backupSession('late', 'late-secret'));
    const waiting = await namespace.until('the session to say what it waits for', async () => {
      const { status } = await namespace.backup('late');
      return status?.hosts?.find(({ reason }) => reason === 'SecretMissing');
    });
    expect(waiting).toMatchObject({
      phase: 'Running',
      message: expect.stringContaining('Secret late-secret'),
    });
    await namespace.apply(passwordSecret('late-secret', namespace.password));
    // The kubelet brings it at its next look at the pod, which a change of the pod makes come soon.
    const [pod] = (await namespace.podsOf('late-secret')) as [Pod];
    await namespace.patch(pods, pod.metadata.name, {
      metadata: { annotations: { 'example.com/look': 'now' } },
    });
    await namespace.backupEnded('late', 'Succeeded');
  });

  it('fails with DirectoryIsLink where a link leads to the mounts of the agent, whose Secret would be in the snapshot', async () => {
    expect(await failedBackup('linked', 'out')).toMatchObject({
      status: 'False',
      reason: 'DirectoryIsLink',
      message: expect.stringContaining(
        `${throughLink} leads to /stash/secrets/linked by the symbolic link ${DATA}/link (to /stash/secrets)`,
      ),
    });
  });

  it('fails with RepositoryNotFound where the repository was wiped, and does not make another in its place', async () => {
    const { status } = await namespace.get<Repository>(REPOSITORIES, 'wiped');
    const [pod] = (await namespace.podsOf('wiped')) as [Pod];
    const volume = '/stash/repositories/wiped';
    await namespace.node(pod, `require('node:fs').rmSync('${volume}/wiped', { recursive: true })`);
    expect(await failedBackup('wiped', 'wiped-after')).toMatchObject({
      status: 'False',
      reason: 'RepositoryNotFound',
      message: expect.stringContaining('it is not made anew'),
    });
    const left = await namespace.node(pod, `console.log(require('node:fs').readdirSync('${volume}').join())`);
    expect(left.split(',')).not.toContain('wiped');
    expect(left.split(','), 'it is the volume that was looked at').toContain('good');
    const after = await namespace.get<Repository>(REPOSITORIES, 'wiped');
    expect(after.status?.repositoryID).toBe(status?.repositoryID);
  });
});

describe.concurrent('a restore', () => {
  it('fails with NoSnapshot where this workload has none, and says what there is instead', async () => {
    expect(await failedRestore('never-saved', 'good')).toMatchObject({
      status: 'False',
      reason: 'NoSnapshot',
      message: expect.stringMatching(
        /Repository good has no snapshot of \/source\/data of Deployment e2e-failures\/never-saved.*\/source\/data of Deployment e2e-failures\/good/,
      ),
    });
  });

  it('fails with WrongPassword, and lets the pod start', async () => {
    expect(await failedRestore('restored-locked-out', 'locked-out')).toMatchObject({
      reason: 'WrongPassword',
    });
  });

  it('fails with RepositoryNotFound where there is no repository', async () => {
    await namespace.apply(repository('empty'));
    expect(await failedRestore('restored-from-nowhere', 'empty')).toMatchObject({
      reason: 'RepositoryNotFound',
    });
  });
});

describe('the passwords', () => {
  it('are in no log, Event or object but their Secret', async () => {
    expect(await leaks(namespace, [namespace.password, wrong])).toEqual([]);
  });
});
