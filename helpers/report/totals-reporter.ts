import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Writes each project's totals to `reports/totals/<project>.json`, which .ci/run adds up: tests by their end, and
 * `seconds` from the start of its first file to the end of its last.
 */
export default class TotalsReporter implements Reporter {
  readonly #spans = new Map<string, { readonly from: number; to: number }>();

  onTestModuleQueued({ project: { name } }: TestModule): void {
    const now = performance.now();
    if (!this.#spans.has(name)) this.#spans.set(name, { from: now, to: now });
  }

  onTestModuleEnd({ project: { name } }: TestModule): void {
    const span = this.#spans.get(name);
    if (span !== undefined) span.to = performance.now();
  }

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
        const { from = 0, to = 0 } = this.#spans.get(project) ?? {};
        const seconds = Math.round((to - from) / 1000);
        writeFileSync(join(folder, `${project}.json`), `${JSON.stringify({ project, ...sum, seconds })}\n`);
      }
    } catch (error) {
      // Only .ci/run reads it, and counts a missing file as a failure.
      process.stderr.write(`${folder} was not written: ${messageOf(error)}\n`);
    }
  }
}
