import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDefinitions, readDefinitions } from '../../src/admission/definitions.ts';
import type { Repository, RepositorySpec } from '../../src/api/repository.ts';
import { apiVersionOf, REPOSITORIES } from '../../src/api/resources.ts';
import { createClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createConnection } from '../../src/kube/https-connection.ts';
import { kubeconfigEndpoint } from '../../src/kube/kubeconfig.ts';
import { namespaces } from '../../src/kube/resource.ts';

/* What the CRD alone says of backends: no webhook is registered for this namespace's Repositories. */

const fieldManager = 'stash-operator';
const namespace = `backends-${Date.now()}`;
const connection = createConnection(kubeconfigEndpoint());
const client = createClient(connection);

type Backend = RepositorySpec['backend'];

let number = 0;
function repository(backend: object): Repository {
  return {
    apiVersion: apiVersionOf(REPOSITORIES),
    kind: 'Repository',
    metadata: { name: `repository-${++number}`, namespace },
    spec: { backend: { storageSecretName: 'secret', ...backend } as Backend },
  };
}

beforeAll(async () => {
  const definitions = await readDefinitions(fileURLToPath(new URL('../../crds', import.meta.url)));
  await applyDefinitions(client, definitions, { fieldManager, signal: new AbortController().signal });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterAll(() => connection.close());

describe('the CRD of a Repository', () => {
  it.each<[string, object]>([
    ['local', { local: { persistentVolumeClaim: { claimName: 'backups' } } }],
    [
      's3',
      { s3: { endpoint: 'https://minio.example.com:9000', bucket: 'shop', prefix: 'a b', region: 'x-1' } },
    ],
    ['gcs', { gcs: { bucket: 'stash-backup-repo', prefix: 'default/deployment/stash-demo' } }],
    ['azure', { azure: { container: 'shop', prefix: '/a/', maxConnections: 3 } }],
    ['b2', { b2: { bucket: 'shop-backups' } }],
    ['swift', { swift: { container: 'shop' } }],
    ['rest', { rest: { url: 'https://backup.example.com:8000/shop/' } }],
  ])('takes the backend %s', async (_, backend) => {
    const made = await client.create<Repository>(REPOSITORIES, repository(backend));
    expect(made.spec.backend).toEqual({ storageSecretName: 'secret', ...backend });
  });

  it.each<[string, object, string]>([
    ['none', {}, 'name exactly one of local, s3, gcs, azure, b2, swift, rest'],
    ['two', { gcs: { bucket: 'shop' }, b2: { bucket: 'shop-backups' } }, 'name exactly one of local, s3'],
    [
      'a password',
      { rest: { url: 'https://me:secret@host/' } },
      'REST_SERVER_USERNAME and REST_SERVER_PASSWORD',
    ],
    [
      'a user',
      { s3: { endpoint: 'me@host', bucket: 'shop' } },
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    ],
    ['dots', { gcs: { bucket: 'shop', prefix: '../other' } }, 'written without "." and ".."'],
    ['dots in a URL', { rest: { url: 'https://host/a/../b' } }, 'written without "." and ".."'],
    ['a control character', { b2: { bucket: 'shop-backups', prefix: 'a\u0007' } }, 'spec.backend.b2.prefix'],
    ['a URL of another kind', { rest: { url: 'sftp://host/' } }, 'spec.backend.rest.url'],
    ['a path in the endpoint', { s3: { endpoint: 'https://host/bucket', bucket: 'shop' } }, 's3.endpoint'],
  ])('refuses %s', async (_, backend, message) => {
    const refused = await client.create(REPOSITORIES, repository(backend)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 422, message: expect.stringContaining(message) });
    expect((refused as ApiError).message).not.toContain('me:secret');
  });

  it('refuses to change the backend', async () => {
    const { metadata } = await client.create<Repository>(
      REPOSITORIES,
      repository({ gcs: { bucket: 'shop' } }),
    );
    const patch = { spec: { backend: { gcs: { bucket: 'another' } } } };
    const refused = client.mergePatch(REPOSITORIES, metadata.name, namespace, patch, { fieldManager });
    await expect(refused).rejects.toThrow('the backend of a Repository cannot be changed');
  });
});
