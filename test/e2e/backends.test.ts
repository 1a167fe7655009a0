import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiVersionOf, REPOSITORIES } from '../../src/api/resources.ts';
import { secrets } from '../../src/kube/resource.ts';
import { useNamespace } from './cluster.ts';
import { backupConfiguration, backupSession, DATA, deployment, restoreSession } from './objects.ts';
import { type Storage, startStorage } from './storage.ts';

/* A Deployment is backed up and restored through each backend that a server can be had for. */

const namespace = useNamespace('e2e-backends');
let storage: Storage;

beforeAll(async () => {
  storage = await startStorage();
});

afterAll(async () => {
  await storage?.stop();
});

/** A Deployment `name` and what backs it up into `backend`, with these keys in its Secret. */
async function protect(name: string, backend: object, keys: Record<string, string>): Promise<void> {
  const { password } = namespace;
  await namespace.apply(
    deployment(name, { pod: { hostAliases: storage.hostAliases } }),
    {
      apiVersion: 'v1',
      kind: secrets.kind,
      metadata: { name: `${name}-secret` },
      ...{ stringData: { RESTIC_PASSWORD: password, ...keys } },
    },
    {
      apiVersion: apiVersionOf(REPOSITORIES),
      kind: REPOSITORIES.kind,
      metadata: { name },
      ...{ spec: { backend: { ...backend, storageSecretName: `${name}-secret` } } },
    },
    backupConfiguration(name),
  );
  await namespace.settledWithSidecar(name);
}

const make = `cd ${DATA} && mkdir sub && head -c 3000000 /dev/urandom > sub/random && echo precious > file && ln -s file link && chmod 640 file && chown 1000:2000 sub`;
const list = `cd ${DATA} && find . | sort | xargs stat -c '%n %F %a %u:%g %s' | grep -v '^[.] ' && find . -type f | sort | xargs sha256sum`;

describe('a Deployment is backed up and restored', () => {
  it.each(['s3', 'gcs', 'azure', 'rest'] as const)('through %s', async (name) => {
    const { backend, keys } = storage.backends[name];
    await protect(name, backend, keys);
    const [before] = await namespace.settled(name);
    if (before === undefined) throw new Error('no pod');
    await namespace.sh(before, make);
    const had = await namespace.sh(before, list);
    await namespace.apply(backupSession(`${name}-backup`, name));
    const { status } = await namespace.backupEnded(`${name}-backup`, 'Succeeded');
    expect(status?.stats).toMatchObject([{ directory: DATA, fileStats: { new: 2 } }]);

    // Its data is in an emptyDir, so that the pods of the restore begin without.
    await namespace.apply(restoreSession(`${name}-restore`, name));
    await namespace.restoreEnded(`${name}-restore`, 'Succeeded');
    const [after] = await namespace.settled(name);
    if (after === undefined) throw new Error('no pod');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(await namespace.sh(after, list)).toBe(had);
  });
});

describe('a backup fails in time, and says why', () => {
  it('where the storage cannot be used', async () => {
    const { rest, s3 } = storage.backends;
    const cases: Record<string, [backend: object, keys: Record<string, string>]> = {
      'wrong-user': [rest.backend, { ...rest.keys, REST_SERVER_PASSWORD: 'wrong word' }],
      'wrong-key': [s3.backend, { ...s3.keys, AWS_SECRET_ACCESS_KEY: 'wrong word' }],
      'no-authority': [rest.backend, { ...rest.keys, CA_CERT_DATA: '' }],
      'nobody-there': [{ rest: { url: 'http://192.0.2.1:9' } }, {}],
      'half-a-key': [s3.backend, { ...s3.keys, AWS_SECRET_ACCESS_KEY: '' }],
    };
    const names = Object.keys(cases);
    await Promise.all(Object.entries(cases).map(([name, [backend, keys]]) => protect(name, backend, keys)));
    await namespace.apply(...names.map((name) => backupSession(`${name}-backup`, name)));
    const said: Record<string, string> = {};
    for (const name of names) {
      const { status } = await namespace.backupEnded(`${name}-backup`, 'Failed', 200);
      const { reason, message } = status?.hosts?.[0] ?? {};
      said[name] = `${reason}: ${message}`;
    }
    expect(said).toEqual({
      'wrong-user': expect.stringMatching(/^RepositoryUnreachable: .*401 Unauthorized/s),
      'wrong-key': expect.stringMatching(/^RepositoryUnreachable: .*signature/is),
      'no-authority': expect.stringMatching(
        /^RepositoryUnreachable: .*certificate signed by unknown authority/s,
      ),
      'nobody-there': expect.stringMatching(/^RepositoryUnreachable: .*connection refused/s),
      'half-a-key': expect.stringMatching(/^SecretIncomplete: .*lacks the key AWS_SECRET_ACCESS_KEY/),
    });
    expect(Object.values(said).join()).not.toMatch(/wrong word|shop-secret-key|rest-password/);
  }, 600_000);
});
