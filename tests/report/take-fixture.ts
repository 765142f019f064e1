import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { readResults } from '../../helpers/report/read-results.ts';
import type { Results } from '../../helpers/results/results.ts';

/**
 * Keeps a run as a fixture: `npx tsx tests/report/take-fixture.ts REPORT-FOLDER NAME`. Without what the page does not show and
 * what only tells of the machine it was made on.
 */
const [folder, name] = process.argv.slice(2);
if (folder === undefined || name === undefined) throw new Error('usage: take-fixture.ts REPORT-FOLDER NAME');
const { run } = await readResults(folder);
const path = fileURLToPath(new URL(`fixtures/${name}.json`, import.meta.url));
writeFileSync(path, await format(JSON.stringify(trimmed(run)), { parser: 'json', printWidth: 110 }));

function trimmed(run: Results): Results {
  const { gate } = run;
  return {
    ...run,
    configuration: { ...run.configuration, reportDir: 'reports' },
    host: {
      os: 'linux 6.1.0',
      architecture: 'x64',
      cpus: 2,
      memoryBytes: 8_000_000_000,
      engine: 'docker',
      node: 'v24.0.0',
    },
    steps: run.steps.map((step) => ({
      ...step,
      trips: step.trips.map((trip) => ({ ...trip, unmatched: trip.unmatched.slice(0, 3) })),
    })),
    ...(gate === undefined
      ? {}
      : {
          gate: {
            ...gate,
            comparisons: gate.comparisons.map(({ observed: _observed, ...comparison }) => ({
              ...comparison,
              differences: comparison.differences.filter(({ kind }) => kind !== 'duration'),
            })),
          },
        }),
  };
}
