import type { TaskMeta } from 'vitest';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import colors from 'picocolors';
import type {} from './trying.ts';
import type { HealthyResult } from './healthy/result.ts';
import type { FaultResult } from './result.ts';

/** Writes one line a result as it comes, and collects the results. */
export class ResultReporter<Result> implements Reporter {
  readonly results: Result[] = [];
  /** What went wrong outside the tests, or kept something from being judged. */
  readonly problems: string[] = [];
  readonly #write: (line: string) => void;
  readonly #resultOf: (meta: TaskMeta) => Result | undefined;
  readonly #lineOf: (result: Result) => string;

  constructor(
    write: (line: string) => void,
    resultOf: (meta: TaskMeta) => Result | undefined,
    lineOf: (result: Result) => string,
  ) {
    this.#write = write;
    this.#resultOf = resultOf;
    this.#lineOf = lineOf;
  }

  onTestCaseResult(test: TestCase): void {
    const found = this.#resultOf(test.meta());
    const result = test.result();
    if (found !== undefined) {
      this.add(found);
      return;
    }
    const why =
      result.state === 'skipped' ? (result.note ?? 'skipped') : (result.errors?.[0]?.message ?? 'no result');
    this.notJudged(test.name, why);
  }

  add(result: Result): void {
    this.results.push(result);
    this.#write(this.#lineOf(result));
  }

  notJudged(name: string, why: string): void {
    this.problems.push(`${name}: ${why}`);
    this.#write(`  ${colors.yellow('-')} ${name}: ${why}`);
  }

  onTestModuleEnd(module: TestModule): void {
    for (const { message } of module.errors()) this.problems.push(message);
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const { message } of errors) this.problems.push(message);
  }
}

export type FaultReporter = ResultReporter<FaultResult>;
export type AnyReporter = FaultReporter | ResultReporter<HealthyResult>;

export function faultReporter(write: (line: string) => void): FaultReporter {
  return new ResultReporter(write, ({ fault }) => fault, faultLine);
}

export function healthyReporter(write: (line: string) => void): ResultReporter<HealthyResult> {
  return new ResultReporter(write, ({ healthy }) => healthy, healthyLine);
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

function healthyLine({ id, title, green, step, cause, seen, notes, seconds }: HealthyResult): string {
  const took = colors.dim(`${seconds.toFixed(1)}s`);
  const mark = green ? colors.green('✓') : colors.red('✗');
  const line = `  ${mark} ${id.padEnd(31)} ${green ? title : colors.red(`red at ${step}: ${cause}`)} ${took}`;
  const below = green ? notes : [title, seen, ...notes];
  return [line, ...below.map((text) => `      ${green ? colors.dim(text) : text}`)].join('\n');
}
