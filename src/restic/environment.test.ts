import { describe, expect, test } from 'vitest';
import { repositoryEnvironment } from './environment.ts';

const options = {
  secretDirectory: '/stash/secrets/repo',
  secret: new Map([['RESTIC_PASSWORD', 'password']]),
  cacheDirectory: '/stash/cache',
  temporaryDirectory: '/stash/tmp',
};

describe('the environment of restic', () => {
  test('is a closed list', () => {
    expect(repositoryEnvironment({ local: { mountPath: '/backup' } }, options)).toEqual({
      RESTIC_REPOSITORY: '/backup',
      RESTIC_PASSWORD_FILE: '/stash/secrets/repo/RESTIC_PASSWORD',
      RESTIC_CACHE_DIR: '/stash/cache',
      RESTIC_PROGRESS_FPS: '1',
      TMPDIR: '/stash/tmp',
    });
  });

  test('says where the repository is, and by what credentials it is reached', () => {
    const secret = new Map([['AWS_ACCESS_KEY_ID', 'id']]);
    const backend = { s3: { bucket: 'shop', region: 'eu-central-1' } };
    expect(repositoryEnvironment(backend, { ...options, secret })).toMatchObject({
      RESTIC_REPOSITORY: 's3:https://s3.amazonaws.com/shop',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'id',
    });
  });

  test.each([
    [10, '0.1'],
    [2, '0.5'],
    [1, '1'],
    [0.1, '1'],
  ])('with %d s between status lines has at most one a second', (progressInterval, fps) => {
    const environment = repositoryEnvironment(
      { local: { mountPath: '/backup' } },
      { ...options, progressInterval },
    );
    expect(environment.RESTIC_PROGRESS_FPS).toBe(fps);
  });

  test('has a path and a memory limit where they are given', () => {
    const environment = repositoryEnvironment(
      { local: { mountPath: '/backup' } },
      { ...options, path: '/usr/bin', memoryLimit: 268_435_456.5 },
    );
    expect(environment).toMatchObject({ PATH: '/usr/bin', GOMEMLIMIT: '268435456B' });
  });
});
