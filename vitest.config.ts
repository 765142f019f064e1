import { defineConfig } from 'vitest/config';
import { ownExtension as ext } from './helpers/installed.ts';

export default defineConfig({
  test: {
    reporters: ['default', `./helpers/report/totals-reporter.${ext}`],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'bench/**/*.test.ts',
            'helpers/**/*.test.ts',
            'cli/**/*.test.ts',
            'suites/**/*.unit.test.ts',
            'faults/**/*.unit.test.ts',
            'tests/support/*.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'document',
          include: [`suites/conformance.test.${ext}`],
          globalSetup: [`suites/setup.${ext}`],
          setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
          // suites/worker.ts multiplies them by --timeout-scale.
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
          // Whole runs on broken copies of the checkout: what a user sees of a failure.
          name: 'meta',
          include: ['tests/meta/*.test.ts'],
          testTimeout: 400_000,
          retry: 0,
          // One cluster at a time: two nodes would slow each other down, and time limits with them.
          fileParallelism: false,
        },
      },
      {
        test: {
          // The package that `npm pack` makes, installed and used without a checkout.
          name: 'package',
          include: ['tests/package/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 400_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // The suite's own image as a Job in a cluster, with what `conformance job` prints.
          name: 'in-cluster',
          include: ['tests/in-cluster/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 900_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // A registry on this machine that serves the source set by the published images' names.
          name: 'registry',
          include: ['tests/registry/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // The report's page in a real browser: scripts/with-browser says which.
          name: 'report',
          include: ['tests/report/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Runs in an existing cluster that has its own Istio and workloads.
          name: 'existing',
          include: ['tests/existing/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 900_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // A user's proxy on this machine, used from an existing cluster.
          name: 'your-proxy',
          include: ['tests/your-proxy/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 900_000,
          retry: 0,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Run by `conformance gate`, which provides a session and what is to be upgraded.
          name: 'gate',
          include: [`suites/gate.test.${ext}`],
          setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
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
          include: [`faults/faults.test.${ext}`],
          setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          pool: 'threads',
          fileParallelism: false,
        },
      },
      {
        test: {
          // Run by `conformance faults --healthy`, which provides a session and the meshes to try.
          name: 'healthy',
          include: [`faults/healthy/healthy.test.${ext}`],
          setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
          testTimeout: 1_800_000,
          hookTimeout: 900_000,
          retry: 0,
          pool: 'threads',
          fileParallelism: false,
        },
      },
      {
        test: {
          // The same for faults of an upgrade: their session has two versions.
          name: 'gate-faults',
          include: [`faults/gate-faults.test.${ext}`],
          setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
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
