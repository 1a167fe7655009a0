import { describe, expect, it } from 'vitest';
import { asConfigured } from './runtime-settings.ts';

const access = { env: { RESTIC_REPOSITORY: '/backup', TMPDIR: '/tmp' }, options: [], secrets: ['s'] };

describe('asConfigured', () => {
  it('is the access as it was where nothing is said', () => {
    expect(asConfigured(access, undefined)).toEqual(access);
  });

  it('adds variables, and none in the place of one that restic reaches its repository by', () => {
    const env = [
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'RESTIC_REPOSITORY', value: '/elsewhere' },
    ];
    expect(asConfigured(access, { container: { env, nice: { adjustment: 0 } } })).toEqual({
      env: { HTTPS_PROXY: 'http://proxy:3128', ...access.env },
      options: [],
      secrets: ['s'],
      niceness: 0,
    });
  });
});
