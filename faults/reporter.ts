import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import colors from 'picocolors';
import type {} from './trying.ts';
import type { FaultResult } from './result.ts';

/** Writes one line a fault as it ends, and collects the results. */
export class FaultReporter implements Reporter {
  readonly results: FaultResult[] = [];
  /** What went wrong outside the faults, or kept one from being judged. */
  readonly problems: string[] = [];
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  onTestCaseResult(test: TestCase): void {
    const { fault } = test.meta();
    const result = test.result();
    if (fault !== undefined) {
      this.add(fault);
      return;
    }
    const why =
      result.state === 'skipped' ? (result.note ?? 'skipped') : (result.errors?.[0]?.message ?? 'no result');
    this.notJudged(test.name, why);
  }

  add(fault: FaultResult): void {
    this.results.push(fault);
    this.#write(faultLine(fault));
  }

  notJudged(fault: string, why: string): void {
    this.problems.push(`${fault}: ${why}`);
    this.#write(`  ${colors.yellow('-')} ${fault}: ${why}`);
  }

  onTestModuleEnd(module: TestModule): void {
    for (const { message } of module.errors()) this.problems.push(message);
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const { message } of errors) this.problems.push(message);
  }
}

export function faultLine(fault: FaultResult): string {
  const mark = fault.asExpected ? colors.green('✓') : colors.red('✗');
  const expected = fault.asExpected
    ? ''
    : colors.red(` (expected ${fault.expectedStep} ${fault.expectedCause})`);
  const caught = fault.caught ? `${fault.step} ${fault.cause}` : 'not caught';
  const greps = fault.fourGreps
    ? `four greps: red (${fault.fourGrepsMissed})`
    : colors.bold('four greps: green');
  const line = `  ${mark} ${fault.id.padEnd(23)} ${caught.padEnd(34)}${expected} ${greps} ${colors.dim(`${fault.seconds.toFixed(1)}s`)}`;
  return fault.asExpected ? line : `${line}\n      ${fault.seen}`;
}
