import type { Reporter, TestCase, TestSuite } from 'vitest/node';
import type {} from '../report/meta.ts';
import type { GatePhase, GateResults } from '../results/gate.ts';

/** Collects a gate's phases, and what its steps hand over beside their results. */
export class PhaseRecorder implements Reporter {
  readonly phases: GatePhase[] = [];
  known: Pick<GateResults, 'traffic' | 'comparisons' | 'mesh'> = { comparisons: [], mesh: [] };
  #startedAt = new Date();
  #counts = { passed: 0, failed: 0, skipped: 0 };
  #id = '';

  onTestSuiteReady(): void {
    this.#startedAt = new Date();
    this.#counts = { passed: 0, failed: 0, skipped: 0 };
    this.#id = '';
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    const { step, gate } = test.meta();
    if (state !== 'pending') this.#counts[state] += 1;
    this.#id = step?.phase ?? this.#id;
    this.known = gate ?? this.known;
  }

  onTestSuiteResult(suite: TestSuite): void {
    this.phases.push({
      id: this.#id,
      title: suite.name,
      startedAt: this.#startedAt.toISOString(),
      durationMs: Date.now() - this.#startedAt.getTime(),
      ...this.#counts,
    });
  }
}
