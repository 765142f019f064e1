import { totalmem } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { ownExtension as ext } from './helpers/installed.ts';
import { thisThread } from './helpers/session/this-thread.ts';

/** Steps that the CLI runs in its own process: it provides the session, and the faults, the meshes or the upgrade to try. */
function ofSteps(name: string, file: string, globalSetup: string[] = []): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [`${file}.${ext}`],
      globalSetup,
      setupFiles: [`suites/worker.${ext}`, `helpers/trip/matchers.${ext}`],
      // suites/worker.ts multiplies them by --timeout-scale.
      testTimeout: 1_800_000,
      hookTimeout: 900_000,
      retry: 0,
      // Node strips the types by itself.
      experimental: { viteModuleRunner: false, nodeLoader: false },
      pool: thisThread,
      fileParallelism: false,
    },
  };
}

const memory = totalmem() / 1024 ** 3;
const maxWorkers = memory < 12 ? 1 : 2;

/** A file with clusters waits for half of its time: three at once, where the two nodes that each may have find memory. */
const filesWithClusters = memory < 20 ? maxWorkers : 3;

/** Tests of whole programs. */
function whole(
  name: string,
  testTimeout: number,
  hookTimeout = 900_000,
  files = filesWithClusters,
): TestProjectInlineConfiguration {
  const include = [`tests/${name}/*.test.ts`];
  return {
    test: { name, include, testTimeout, hookTimeout, retry: 0, maxWorkers: files, maxConcurrency: 3 },
  };
}

/** A project of one file is a long one, and begins before those of many: none goes on by itself at the end. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const ofProject = Map.groupBy(sorted, ({ project }) => project.name);
    return sorted.sort(
      (a, b) => (ofProject.get(a.project.name)?.length ?? 0) - (ofProject.get(b.project.name)?.length ?? 0),
    );
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
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
          // Some start whole programs, beside all the others.
          testTimeout: 60_000,
          // No test changes what another one imports, so that each worker imports the suite once.
          pool: 'threads',
          isolate: false,
          maxWorkers,
          unstubEnvs: true,
        },
      },
      ofSteps('document', 'suites/conformance.test', [`suites/setup.${ext}`]),
      ofSteps('gate', 'suites/gate.test'),
      ofSteps('faults', 'faults/faults.test'),
      ofSteps('their-faults', 'faults/their-faults.test'),
      ofSteps('healthy', 'faults/healthy/healthy.test'),
      // Their session has two versions.
      ofSteps('gate-faults', 'faults/gate-faults.test'),
      // Whole runs on broken copies of the checkout: what a user sees of a failure.
      whole('meta', 400_000),
      // The package that `npm pack` makes, installed and used without a checkout.
      whole('package', 400_000, 400_000),
      // The suite's own image as a Job in a cluster, with what `conformance job` prints.
      whole('in-cluster', 400_000),
      // A registry on this machine that serves the source set by the published images' names.
      whole('registry', 600_000),
      // The workflows under a workflow runner on this machine: scripts/with-go-tools brings it.
      whole('workflows', 1_800_000),
      // The report's page in a real browser: scripts/with-browser says which.
      whole('report', 60_000, 60_000, maxWorkers),
      // Runs in an existing cluster that has its own Istio and workloads.
      whole('existing', 400_000),
      // A gate on somebody's Istio, which Helm upgrades: scripts/with-go-tools brings it.
      whole('your-gate', 1_200_000),
      // A user's proxy on this machine, used from an existing cluster.
      whole('your-proxy', 240_000),
    ],
  },
});
