import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { ON_NEXT_UPDATE_ANNOTATION } from '../../src/api/annotations.ts';
import { type BackupConfiguration, SIDECAR_INJECTED } from '../../src/api/backup-configuration.ts';
import type { Repository } from '../../src/api/repository.ts';
import { BACKUP_CONFIGURATIONS, REPOSITORIES } from '../../src/api/resources.ts';
import { rawOf, rawsOf } from '../../src/injection/raw.ts';
import { deployments } from '../../src/kube/resource.ts';
import { client, identities, useNamespace } from './cluster.ts';
import { tryKubectl } from './kubectl.ts';
import { backupConfiguration, backupSession, claim, DATA, deployment, repository } from './objects.ts';

/* When a workload gets its sidecar, and what is said where it gets none. */

const namespace = useNamespace('e2e-injection');
const names = ['patient', 'unclaimed', 'tokenless'];

beforeAll(async () => {
  const pod = { automountServiceAccountToken: false };
  const seed = `echo precious > ${DATA}/file`;
  for (const name of names)
    await namespace.apply(deployment(name, { seed, ...(name === 'tokenless' && { pod }) }));
  await Promise.all(names.map((name) => namespace.settled(name)));
});

/** The condition of the BackupConfiguration `name` that tells of its workload, once it has this reason and speaks of `about`. */
async function injection(name: string, reason: string, about = '') {
  return namespace.until(
    `BackupConfiguration ${name}: SidecarInjected for the reason ${reason}`,
    async () => {
      const { status } = await namespace.get<BackupConfiguration>(BACKUP_CONFIGURATIONS, name);
      return status?.conditions?.find(
        (each) => each.type === SIDECAR_INJECTED && each.reason === reason && each.message.includes(about),
      );
    },
  );
}

/** How many times it was rolled out. Its generation counts changes of annotations too, such as what the operator learns. */
const revision = async (name: string) =>
  Number((await namespace.deployment(name)).metadata.annotations?.['deployment.kubernetes.io/revision']);

describe.concurrent('a workload', () => {
  it('is not rolled out with OnNextUpdate, and gets and loses the sidecar with the next change of its owner', async () => {
    const before = identities(await namespace.podsOf('patient'));
    await namespace.apply(repository('patient'), backupConfiguration('patient', { rollout: 'OnNextUpdate' }));
    const waiting = await injection('patient', 'RolloutPending');
    expect(waiting).toMatchObject({ status: 'False', message: expect.stringContaining('next change') });
    expect(await revision('patient')).toBe(1);
    expect(identities(await namespace.podsOf('patient'))).toEqual(before);

    const template = { metadata: { annotations: { 'example.com/release': '2' } } };
    await namespace.patch(deployments, 'patient', { spec: { template } });
    await namespace.settledWithSidecar('patient');
    expect(await revision('patient'), 'the change and the sidecar are one rollout').toBe(2);
    await injection('patient', 'Injected');

    const served = identities(await namespace.podsOf('patient'));
    await namespace.until('what is remembered', async () => {
      const { annotations } = (await namespace.deployment('patient')).metadata;
      return annotations?.[ON_NEXT_UPDATE_ANNOTATION];
    });
    await client.delete(BACKUP_CONFIGURATIONS, 'patient', namespace.name);
    await client.delete(REPOSITORIES, 'patient', namespace.name);
    await sleep(5_000);
    expect(await revision('patient')).toBe(2);
    expect(identities(await namespace.podsOf('patient'))).toEqual(served);

    const next = { metadata: { annotations: { 'example.com/release': '3' } } };
    await namespace.patch(deployments, 'patient', { spec: { template: next } });
    const { spec } = await namespace.deployment('patient');
    expect(rawsOf(rawOf(rawOf(spec.template).spec).containers)).toHaveLength(1);
  });

  it('is left alone while the claim of its Repository is absent, and is backed up once it is there', async () => {
    const before = identities(await namespace.podsOf('unclaimed'));
    await namespace.apply(repository('unclaimed', { claim: 'tomorrow' }), backupConfiguration('unclaimed'));
    const missing = await injection('unclaimed', 'RepositoryNotReady', '"tomorrow"');
    expect(missing).toMatchObject({ status: 'False' });
    const { status } = await namespace.get<Repository>(REPOSITORIES, 'unclaimed');
    expect(status?.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'ClaimNotFound' }]);
    expect(await revision('unclaimed')).toBe(1);
    expect(identities(await namespace.podsOf('unclaimed'))).toEqual(before);

    await namespace.apply(claim('tomorrow'));
    await namespace.settledWithSidecar('unclaimed');
    await namespace.apply(backupSession('unclaimed-first', 'unclaimed'));
    await namespace.backupEnded('unclaimed-first', 'Succeeded');
  });

  it('is left alone where no volume holds the directory, and it is said which directory and which mounts there are', async () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'diskless' };
    const wrong = backupConfiguration('diskless', { target: { ref, directories: ['/var/lib/nowhere'] } });
    const says = /\/var\/lib\/nowhere.*\/source\/data/s;
    await namespace.apply(repository('diskless'));
    // It comes before its workload, so that nobody knows yet.
    await namespace.apply(wrong, deployment('diskless'));
    const before = identities(await namespace.settled('diskless'));
    const refused = await injection('diskless', 'DirectoryNotMounted');
    expect(refused).toMatchObject({ status: 'False', message: expect.stringMatching(says) });
    await namespace.apply(backupSession('diskless-first', 'diskless'));
    const session = await namespace.backupEnded('diskless-first', 'Failed');
    expect(session.status?.conditions).toMatchObject([
      { reason: 'DirectoryNotMounted', message: expect.stringMatching(says) },
    ]);
    expect(await revision('diskless')).toBe(1);
    expect(identities(await namespace.podsOf('diskless'))).toEqual(before);

    // Now everybody knows.
    const another = { ...wrong, metadata: { name: 'diskless-again' } };
    const { status, stderr } = await tryKubectl(
      ['apply', '-n', namespace.name, '-f', '-'],
      JSON.stringify(another),
    );
    expect(stderr).toMatch(says);
    expect(status).toBe(1);
  });

  it('that mounts no ServiceAccount token is backed up, and its own container still has none', async () => {
    await namespace.apply(repository('tokenless'), backupConfiguration('tokenless'));
    const [pod] = await namespace.settledWithSidecar('tokenless');
    if (pod === undefined) throw new Error('it has no pod');
    await namespace.apply(backupSession('tokenless-first', 'tokenless'));
    await namespace.backupEnded('tokenless-first', 'Succeeded');
    expect(await namespace.sh(pod, 'ls /var/run/secrets 2>&1 || true')).toContain('No such file');
  });
});
