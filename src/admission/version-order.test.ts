import { describe, expect, it } from 'vitest';
import { isNewer } from './version-order.ts';

describe('isNewer', () => {
  // The order of https://semver.org/#spec-item-11, and what a label may say else.
  const inOrder = [
    'latest',
    '0.1.0',
    '0.2.0-dev',
    '0.2.0',
    '0.10.0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    'v1.0.1',
    '10.0.0',
  ];

  it.each(inOrder.slice(1).map((later, index) => [later, inOrder.slice(0, index + 1)] as const))(
    '%s comes after %j',
    (later, earlier) => {
      for (const each of earlier) {
        expect([each, isNewer(later, each)]).toEqual([each, true]);
        expect([each, isNewer(each, later)]).toEqual([each, false]);
      }
    },
  );

  it.each(['', '0.1.0', '1.0.0-rc.1', 'latest'])('%j does not come after itself', (version) => {
    expect(isNewer(version, version)).toBe(false);
  });
});
