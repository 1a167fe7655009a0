import { expect, test } from 'vitest';
import { requireClusterMachine } from './machine.ts';

test('root on Linux can start a cluster', () => {
  expect(() => requireClusterMachine({ platform: 'linux', uid: 0 })).not.toThrow();
});

test.each([
  { machine: { platform: 'darwin', uid: 501 }, says: 'needs Linux (this is darwin)' },
  { machine: { platform: 'win32', uid: -1 }, says: 'needs Linux (this is win32)' },
  { machine: { platform: 'linux', uid: 1000 }, says: 'needs root (this is user 1000; try sudo)' },
])('$machine.platform as user $machine.uid is told what is needed, and of --context', ({ machine, says }) => {
  expect(() => requireClusterMachine(machine)).toThrow(says);
  expect(() => requireClusterMachine(machine)).toThrow('--context NAME');
});
