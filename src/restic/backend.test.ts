import { describe, expect, test } from 'vitest';
import { type Backend, locationOf } from './backend.ts';

/* The strings are those of restic's manual, section "Preparing a new repository", where it has one of the kind. */
const cases: [backend: Backend, repository: string, rest?: { options?: string[]; variables?: object }][] = [
  [{ local: { mountPath: '/backup', subPath: 'shop/web' } }, '/backup/shop/web'],
  [{ local: { mountPath: '/backup/', subPath: 'shop/' } }, '/backup/shop/'],
  [{ local: { mountPath: '/backup' } }, '/backup'],

  [{ s3: { bucket: 'bucket_name' } }, 's3:https://s3.amazonaws.com/bucket_name'],
  [
    { s3: { endpoint: 's3.us-east-1.amazonaws.com', bucket: 'bucket_name', prefix: 'restic' } },
    's3:https://s3.us-east-1.amazonaws.com/bucket_name/restic',
  ],
  [{ s3: { endpoint: 'http://localhost:9000', bucket: 'restic' } }, 's3:http://localhost:9000/restic'],
  [
    { s3: { endpoint: 'https://server:9000/', bucket: 'b-1', prefix: '/a/b/' } },
    's3:https://server:9000/b-1/a/b',
  ],
  [{ s3: { endpoint: 'https.example.com', bucket: 'b-1' } }, 's3:https://https.example.com/b-1'],
  [
    { s3: { bucket: 'b-1', prefix: 'a b/c?#%/ü' } },
    's3:https://s3.amazonaws.com/b-1/a%20b/c%3F%23%25/%C3%BC',
  ],
  [
    { s3: { endpoint: 'server', bucket: 'b-1', region: 'eu-central-1', maxConnections: 10 } },
    's3:https://server/b-1',
    { options: ['--option=s3.connections=10'], variables: { AWS_DEFAULT_REGION: 'eu-central-1' } },
  ],

  [{ gcs: { bucket: 'foo' } }, 'gs:foo:/'],
  [
    { gcs: { bucket: 'stash-backup-repo', prefix: 'default/deployment/stash-demo', maxConnections: 3 } },
    'gs:stash-backup-repo:/default/deployment/stash-demo',
    { options: ['--option=gs.connections=3'] },
  ],
  [{ azure: { container: 'foo' } }, 'azure:foo:/'],
  [
    { azure: { container: 'foo', prefix: '/a/b/', maxConnections: 10 } },
    'azure:foo:/a/b',
    { options: ['--option=azure.connections=10'] },
  ],
  [
    { azure: { container: 'foo', accessTier: 'Cool' } },
    'azure:foo:/',
    { options: ['--option=azure.access-tier=Cool'] },
  ],
  [{ b2: { bucket: 'bucketname' } }, 'b2:bucketname:'],
  [
    { b2: { bucket: 'bucketname', prefix: 'path/to/repo', maxConnections: 10 } },
    'b2:bucketname:path/to/repo',
    { options: ['--option=b2.connections=10'] },
  ],
  [{ swift: { container: 'container_name' } }, 'swift:container_name:/'],
  [
    { swift: { container: 'container_name', prefix: 'path', maxConnections: 2 } },
    'swift:container_name:/path',
    { options: ['--option=swift.connections=2'] },
  ],
  [{ rest: { url: 'http://host:8000/' } }, 'rest:http://host:8000/'],
  [{ rest: { url: 'https://host:8000' } }, 'rest:https://host:8000/'],
  [
    { rest: { url: 'https://host:8000/my_backup_repo', maxConnections: 1 } },
    'rest:https://host:8000/my_backup_repo/',
    { options: ['--option=rest.connections=1'] },
  ],
];

describe('the location of a repository', () => {
  test.each(cases)('%j is %s', (backend, repository, { options = [], variables = {} } = {}) => {
    const [name] = Object.keys(backend);
    expect(locationOf(backend)).toEqual({ name, repository, options, variables });
  });

  test('is nowhere without a backend', () => {
    expect(() => locationOf({})).toThrow('names no backend');
  });
});
