import { describe, expect, it } from 'vitest';
import type { Repository } from '../api/repository.ts';
import { aRepository } from './objects.fixture.ts';
import { creationOf, placeOf } from './repository-place.ts';

const s3 = (namespace: string, storageSecretName = 'secret'): Repository => ({
  ...aRepository({ metadata: { namespace } }),
  spec: { backend: { s3: { bucket: 'b', prefix: 'p' }, storageSecretName } },
});
const other = { metadata: { name: 'other', uid: 'other' } };

type Backend = Omit<Repository['spec']['backend'], 'storageSecretName'>;

const at = (backend: Backend): Repository => ({
  ...aRepository(),
  spec: { backend: { ...backend, storageSecretName: 'secret' } },
});
const onClaim = (claimName: string, more: object = {}) =>
  at({ local: { persistentVolumeClaim: { claimName }, ...more } });
const onS3 = (more: object) => at({ s3: { bucket: 'backups', ...more } });

const SAME: [string, Repository, Repository][] = [
  ['how many connections', onS3({ maxConnections: 9 }), onS3({})],
  ['the region', onS3({ region: 'eu-central-1' }), onS3({})],
  ['slashes at the ends of a prefix', onS3({ prefix: '/shop/web/' }), onS3({ prefix: 'shop/web' })],
  ['the endpoint that is the default', onS3({ endpoint: 's3.amazonaws.com' }), onS3({})],
  [
    "an endpoint of one of Amazon's regions",
    onS3({ endpoint: 'https://s3.eu-central-1.amazonaws.com/' }),
    onS3({}),
  ],
  [
    'scheme, case, port and slash of an endpoint',
    onS3({ endpoint: 'https://Minio.Example.com:443/' }),
    onS3({ endpoint: 'minio.example.com' }),
  ],
  [
    'the access tier',
    at({ azure: { container: 'backups', accessTier: 'Cool' } }),
    at({ azure: { container: 'backups' } }),
  ],
  [
    'a slash in front, in any bucket',
    at({ gcs: { bucket: 'backups', prefix: '/p' } }),
    at({ gcs: { bucket: 'backups', prefix: 'p' } }),
  ],
  ['the slash behind a URL', at({ rest: { url: 'https://r/x' } }), at({ rest: { url: 'https://r/x/' } })],
  [
    'case and port of a host',
    at({ rest: { url: 'https://R.example.com/x' } }),
    at({ rest: { url: 'https://r.example.com:443/x' } }),
  ],
  ['where the volume is mounted', onClaim('backups', { mountPath: '/backup' }), onClaim('backups')],
  [
    'that a claim is mounted read-only',
    at({ local: { persistentVolumeClaim: { claimName: 'backups', readOnly: true } } }),
    onClaim('backups'),
  ],
  [
    'the slash behind a subPath',
    onClaim('backups', { subPath: 'a/b/' }),
    onClaim('backups', { subPath: 'a/b' }),
  ],
  ['a "." in a subPath', onClaim('backups', { subPath: './a' }), onClaim('backups', { subPath: 'a' })],
  [
    'which part of an export is its subPath, and the case of its server',
    at({ local: { nfs: { server: 'Files', path: '/exports/' }, subPath: 'shop' } }),
    at({ local: { nfs: { server: 'files', path: '/exports/shop', readOnly: true } } }),
  ],
  [
    'the type of a hostPath',
    at({ local: { hostPath: { path: '/backup/', type: 'DirectoryOrCreate' } } }),
    at({ local: { hostPath: { path: '/backup' } } }),
  ],
];

const OTHER: [string, Repository, Repository][] = [
  ['another bucket', onS3({}), at({ s3: { bucket: 'others' } })],
  ['another prefix', onS3({ prefix: 'p' }), onS3({ prefix: 'q' })],
  ['a prefix in another case', onS3({ prefix: 'p' }), onS3({ prefix: 'P' })],
  ['another server', onS3({ endpoint: 'a.example.com' }), onS3({ endpoint: 'b.example.com' })],
  ['another port', onS3({ endpoint: 'a.example.com:9000' }), onS3({ endpoint: 'a.example.com:9001' })],
  ['a bucket of another provider', onS3({}), at({ gcs: { bucket: 'backups' } })],
  ['another path of a URL', at({ rest: { url: 'https://r/x' } }), at({ rest: { url: 'https://r/X' } })],
  ['another claim', onClaim('backups'), onClaim('others')],
  ['another subPath', onClaim('backups', { subPath: 'a' }), onClaim('backups')],
  [
    'another export',
    at({ local: { nfs: { server: 'files', path: '/a' } } }),
    at({ local: { nfs: { server: 'files', path: '/b' } } }),
  ],
  [
    'the same path of a node',
    at({ local: { nfs: { server: 'files', path: '/a' } } }),
    at({ local: { hostPath: { path: '/a' } } }),
  ],
];

describe('the place of a Repository', () => {
  it.each(SAME)('is the same, whatever is said of %s', (_, one, another) => {
    expect(placeOf(one)).toBe(placeOf(another));
    expect(creationOf(one, 1)).toEqual(creationOf(another, 1));
  });

  it.each(OTHER)('is another with %s', (_, one, another) => {
    expect(placeOf(one)).not.toBe(placeOf(another));
    expect(creationOf(one, 1)).not.toEqual(creationOf(another, 1));
  });

  it('is one for all of one claim, or of one bucket by whatever Secret', () => {
    expect(placeOf(aRepository(other))).toBe(placeOf(aRepository()));
    expect(placeOf(s3('x', 'other'))).toBe(placeOf(s3('x')));
  });

  it('is another in another namespace, where everybody can name a bucket', () => {
    expect(placeOf(aRepository({ metadata: { namespace: 'y' } }))).not.toBe(placeOf(aRepository()));
    expect(placeOf(s3('y'))).not.toBe(placeOf(s3('x')));
  });
});

describe('the creation of a repository', () => {
  it('is one for whoever names its bucket', () => {
    expect(creationOf(s3('x'), 1)).toEqual(creationOf(s3('y', 'other'), 1));
  });

  it('is one for a claim, which others have too by its name', () => {
    expect(creationOf(aRepository(other), 1)).toEqual(creationOf(aRepository(), 1));
    expect(creationOf(aRepository({ metadata: { namespace: 'y' } }), 1)).not.toEqual(
      creationOf(aRepository(), 1),
    );
  });

  it('is none of one that exists', () => {
    expect(creationOf(aRepository({ status: { repositoryID: 'abc' } }), 1)).toBe(false);
  });
});
