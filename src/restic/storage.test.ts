import { describe, expect, it } from 'vitest';
import type { Repository } from '../api/repository.ts';
import { storageOf } from './storage.ts';

type Backend = Omit<Repository['spec']['backend'], 'storageSecretName'>;

const cases: [string, Backend, ReturnType<typeof storageOf>][] = [
  [
    'a directory of a volume needs no credentials',
    { local: { persistentVolumeClaim: { claimName: 'backups' }, subPath: 'shop' } },
    {
      variables: { RESTIC_REPOSITORY: '/stash/repositories/repo/shop' },
      secretVariables: {},
      secretFiles: {},
    },
  ],
  [
    'S3 has its keys and its region from the environment, and no option',
    { s3: { bucket: 'b', prefix: 'p', endpoint: 'minio:9000', region: 'eu', maxConnections: 3 } },
    {
      variables: { RESTIC_REPOSITORY: 's3:https://minio:9000/b/p', AWS_DEFAULT_REGION: 'eu' },
      secretVariables: {
        AWS_ACCESS_KEY_ID: 'AWS_ACCESS_KEY_ID',
        AWS_SECRET_ACCESS_KEY: 'AWS_SECRET_ACCESS_KEY',
        AWS_SESSION_TOKEN: 'AWS_SESSION_TOKEN',
      },
      secretFiles: {},
    },
  ],
  [
    'GCS has its key as a file',
    { gcs: { bucket: 'b' } },
    {
      variables: { RESTIC_REPOSITORY: 'gs:b:/' },
      secretVariables: {
        GOOGLE_PROJECT_ID: 'GOOGLE_PROJECT_ID',
        GOOGLE_ACCESS_TOKEN: 'GOOGLE_ACCESS_TOKEN',
      },
      secretFiles: { GOOGLE_APPLICATION_CREDENTIALS: 'GOOGLE_SERVICE_ACCOUNT_JSON_KEY' },
    },
  ],
  [
    'a REST server has them under names of restic',
    { rest: { url: 'https://rest.example.com/shop' } },
    {
      variables: { RESTIC_REPOSITORY: 'rest:https://rest.example.com/shop/' },
      secretVariables: {
        RESTIC_REST_USERNAME: 'REST_SERVER_USERNAME',
        RESTIC_REST_PASSWORD: 'REST_SERVER_PASSWORD',
      },
      secretFiles: {},
    },
  ],
];

describe('storageOf', () => {
  it.each(cases)('%s', (_, backend, storage) => {
    const spec = { backend: { ...backend, storageSecretName: 'secret' } };
    expect(storageOf({ metadata: { name: 'repo' }, spec })).toEqual(storage);
  });
});
