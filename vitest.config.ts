import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', './helpers/report/totals-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'helpers/**/*.test.ts',
            'cli/**/*.test.ts',
            'suites/**/*.unit.test.ts',
            'faults/**/*.unit.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'document',
          include: ['suites/conformance.test.ts'],
          globalSetup: ['suites/setup.ts'],
          setupFiles: ['suites/worker.ts', 'helpers/trip/matchers.ts'],
          // As long as nobody scales them: suites/worker.ts.
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          // A thread ends with the process; a fork could outlive a run that was interrupted.
          pool: 'threads',
          fileParallelism: false,
        },
      },
      {
        test: {
          // Whole runs on copies of the checkout in which something is broken: what a user sees of a failure.
          name: 'meta',
          include: ['suites/meta/*.test.ts'],
          testTimeout: 400_000,
          retry: 0,
          // One cluster at a time: two nodes would slow each other down, and time limits with them.
          fileParallelism: false,
        },
      },
      {
        test: {
          // A registry on this machine that serves the source set by the published images' names.
          name: 'registry',
          include: ['suites/registry/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Run by `conformance gate`, which provides a session and what is to be upgraded.
          name: 'gate',
          include: ['suites/gate.test.ts'],
          setupFiles: ['suites/worker.ts', 'helpers/trip/matchers.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          pool: 'threads',
          fileParallelism: false,
        },
      },
      {
        test: {
          // Run by `conformance faults`, which provides a session and the faults to try.
          name: 'faults',
          include: ['faults/faults.test.ts'],
          setupFiles: ['suites/worker.ts', 'helpers/trip/matchers.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          pool: 'threads',
          fileParallelism: false,
        },
      },
      {
        test: {
          // Likewise, for faults of an upgrade: their session has two versions.
          name: 'gate-faults',
          include: ['faults/gate-faults.test.ts'],
          setupFiles: ['suites/worker.ts', 'helpers/trip/matchers.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          pool: 'threads',
          fileParallelism: false,
        },
      },
    ],
  },
});
