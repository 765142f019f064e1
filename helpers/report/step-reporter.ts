import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node';
import colors from 'picocolors';
import type {} from './meta.ts';
import { duration } from '../progress/terminal.ts';
import type { Report } from './report.ts';

/** Writes one line a step as it ends, and collects the steps' results for the report. */
export class StepReporter implements Reporter {
  /** What went wrong outside the steps: a hook, a file that does not load, an unhandled rejection. */
  readonly problems: string[] = [];
  readonly #report: Report;
  readonly #write: (line: string) => void;
  #section = '';

  constructor(report: Report, write: (line: string) => void) {
    this.#report = report;
    this.#write = write;
  }

  onInit(_vitest: Vitest): void {
    this.#section = '';
  }

  onTestCaseResult(test: TestCase): void {
    const meta = test.meta().step;
    const result = test.result();
    const durationMs = Math.round(test.diagnostic()?.duration ?? 0);
    if (meta === undefined || result.state === 'pending') {
      this.problems.push(`${test.fullName}: ended without a record`);
      return;
    }
    const { versions, ...step } = meta;
    Object.assign(this.#report.versions, versions);
    const reason =
      result.state === 'failed'
        ? result.errors.map(({ message }) => message).join('\n')
        : result.state === 'skipped'
          ? (result.note ?? 'skipped')
          : '';
    this.#report.steps.push({ ...step, status: result.state, reason, durationMs });
    if (step.section !== this.#section) {
      this.#section = step.section;
      this.#write(`\n  ${colors.bold(step.section)}`);
    }
    const mark = { passed: colors.green('✓'), failed: colors.red('✗'), skipped: colors.yellow('-') }[
      result.state
    ];
    const facts = Object.entries(step.facts).map(([name, value]) => `${name} ${value}`);
    const tail = result.state === 'passed' ? facts.join(', ') : result.state === 'skipped' ? reason : '';
    this.#write(
      `  ${mark} ${step.id.padEnd(8)} ${step.title} ${colors.dim(`(${duration(durationMs)})`)}${tail === '' ? '' : colors.dim(` ${tail}`)}`,
    );
    if (result.state === 'failed') this.#write(indent(reason));
  }

  onTestModuleEnd(module: TestModule): void {
    for (const { message } of module.errors()) this.problems.push(message);
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const { message } of errors) this.problems.push(message);
  }
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
}
