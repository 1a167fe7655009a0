import { describe, expect, test } from 'vitest';
import { repositoryEnvironment } from './environment.ts';

const options = {
  secretDirectory: '/stash/secrets/repo',
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

  test.each([
    ['/backup', 'shop/web', '/backup/shop/web'],
    ['/backup/', 'shop/', '/backup/shop/'],
    ['/backup', '', '/backup'],
  ])('has a local repository at %s + %s', (mountPath, subPath, repository) => {
    expect(repositoryEnvironment({ local: { mountPath, subPath } }, options).RESTIC_REPOSITORY).toBe(
      repository,
    );
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
