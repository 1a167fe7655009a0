import { configDefaults, defineConfig } from 'vitest/config';

/** What is asked again until it holds may have to wait for a machine that is busy with other things. */
const patient = { poll: { timeout: 15_000 } };
const e2e = { testTimeout: 480_000, hookTimeout: 480_000 };
/** It takes Stash away, and with it what all others stand on. */
const last = 'test/e2e/alone/uninstall.test.ts';

/** The three layers, `vitest --project 'NAME*'` each; the last two run inside the cluster of test/cluster. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/cluster/**/*.test.ts', 'test/*.test.ts'],
          // A law is tried on many cases, and a machine may be busy with other things.
          testTimeout: 60_000,
          expect: patient,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.test.ts'],
          setupFiles: ['test/apiserver/registrations.setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: patient,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...e2e,
          name: 'e2e',
          include: ['test/e2e/*.test.ts'],
          // Each file has a namespace of its own, and mostly waits.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...e2e,
          name: 'e2e-alone',
          // Those that take the operator or the node away from all others.
          include: ['test/e2e/alone/*.test.ts'],
          exclude: [...configDefaults.exclude, last],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...e2e,
          name: 'e2e-last',
          include: [last],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
