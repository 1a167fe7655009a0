import { expect, test } from 'vitest';
import { requireSomething } from './post-recovery.ts';

const whole = { snapshot: 'ab'.repeat(32), bytesRestored: 7, filesRestored: 1, filesSkipped: 0 };
const nothing = { ...whole, directory: '/data/shop', bytesRestored: 0, filesRestored: 0 };

test.each([
  ['bytes', { bytesRestored: 7 }],
  ['files without a byte', { filesRestored: 1 }],
  ['files that were there already', { filesSkipped: 1 }],
  ['a directory that is empty in the snapshot', { isEmpty: true as const }],
])('a restore of %s is one', (_, more) => {
  expect(() => requireSomething([{ ...nothing, ...more }])).not.toThrow();
});

test('one directory of which nothing was restored fails the restore, whatever the others have', () => {
  expect(() => requireSomething([whole, nothing])).toThrow(
    expect.objectContaining({
      reason: 'NothingRestored',
      message: expect.stringContaining('nothing of /data/shop from snapshot abababab'),
    }),
  );
});
