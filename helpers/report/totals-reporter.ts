import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Reporter, TestModule } from 'vitest/node';

/** Writes each project's totals to `reports/totals/<project>.json`, which .ci/run adds up. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = new Map<string, { passed: number; failed: number; skipped: number }>();
    for (const module of modules) {
      const name = module.project.name;
      const sum = totals.get(name) ?? { passed: 0, failed: 0, skipped: 0 };
      totals.set(name, sum);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') sum[state] += 1;
      }
      // A file that did not load has no tests, but counts as a failure.
      sum.failed += module.errors().length;
      for (const suite of module.children.allSuites()) sum.failed += suite.errors().length;
    }
    const folder = join('reports', 'totals');
    try {
      mkdirSync(folder, { recursive: true });
      for (const [project, sum] of totals) {
        writeFileSync(join(folder, `${project}.json`), `${JSON.stringify({ project, ...sum })}\n`);
      }
    } catch (error) {
      // Only .ci/run reads it, and counts a missing file as a failure.
      process.stderr.write(`${folder} was not written: ${messageOf(error)}\n`);
    }
  }
}
