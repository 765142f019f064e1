import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';
import type { Report } from './report.ts';
import type { GateKnown, GatePhase } from '../results/gate.ts';
import { isJudged } from '../results/step.ts';
import type { Lines } from './lines.ts';

/** Puts the steps' records into the report, and prints them as they come. */
export class StepReporter implements Reporter {
  /** What went wrong outside the steps: a hook, a file that does not load, an unhandled rejection. */
  readonly problems: string[] = [];
  readonly #report: Report;
  readonly #lines: Lines;
  /** Steps with trips of a passed run in the report. */
  readonly #passed = new Set<string>();
  /** Tests of the current suite that ended without a record. */
  #unrecorded: string[] = [];

  constructor(report: Report, lines: Lines) {
    this.#report = report;
    this.#lines = lines;
  }

  onTestCaseResult(test: TestCase): void {
    const { step, versions } = test.meta();
    const result = test.result();
    if (step === undefined || !isJudged(step) || result.state === 'pending') {
      this.#unrecorded.push(`${test.fullName}: ended without a record`);
      return;
    }
    Object.assign(this.#report.versions, versions);
    const reason =
      result.state === 'failed'
        ? result.errors.map(({ message }) => message).join('\n')
        : result.state === 'skipped'
          ? (result.note ?? 'skipped')
          : '';
    // The trips of one passed run are enough: fifty passes must not make the report fifty times as big.
    const key = `${step.phase ?? ''} ${step.id}`;
    const trips = result.state === 'passed' && this.#passed.has(key) ? [] : step.trips;
    if (result.state === 'passed') this.#passed.add(key);
    const startTime = test.diagnostic()?.startTime;
    const startedAt = startTime === undefined ? {} : { startedAt: new Date(startTime).toISOString() };
    // vitest has the last word: a hook may have failed after the step.
    const recorded = { ...step, ...startedAt, trips, status: result.state, reason };
    this.#report.steps.push(recorded);
    this.#lines.step(recorded);
  }

  onTestSuiteReady(suite: TestSuite): void {
    this.#lines.passBegin?.(suite.name);
  }

  /** A suite is a pass, or a phase of a gate; a run of one pass has none. */
  onTestSuiteResult(suite: TestSuite): void {
    const errors = suite.errors().map(({ message }) => message);
    this.#ended(errors.map((message) => `${suite.name}: ${message}`));
    this.#lines.passEnd(errors.length === 0 ? undefined : errors.join('\n'));
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ended(module.errors().map(({ message }) => message));
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const { message } of errors) this.problems.push(message);
  }

  /** Where a hook failed, its tests end without a record, and the hook's error says why. */
  #ended(errors: readonly string[]): void {
    this.problems.push(...(errors.length === 0 ? this.#unrecorded : errors));
    this.#unrecorded = [];
  }
}

/** Collects a gate's phases, and what its steps report beside their records. */
export class PhaseRecorder implements Reporter {
  readonly phases: GatePhase[] = [];
  known: GateKnown = { comparisons: [], mesh: [] };
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
