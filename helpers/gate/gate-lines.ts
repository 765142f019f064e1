import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import type { StepResult } from '../results/step.ts';
import { failureLines, stepLine, type Lines, type Write } from '../report/step-lines.ts';

/** A gate as it runs: each phase by its name, its operations in a line each, and of the document what failed. */
export class GateLines implements Lines {
  readonly #write: Write;
  readonly #folder: string;
  readonly #start: number;
  #began = 0;
  #steps: StepResult[] = [];

  /** @param reportFolder Where the evidence of a failure is */
  constructor(write: Write, reportFolder: string, now = performance.now()) {
    this.#write = write;
    this.#folder = reportFolder;
    this.#start = now;
  }

  passBegin(title: string): void {
    this.#began = performance.now();
    this.#steps = [];
    const since = duration(this.#began - this.#start);
    this.#write(`\n  ${colors.bold(title)} ${colors.dim(`(after ${since})`)}`);
  }

  step(step: StepResult): void {
    this.#steps.push(step);
    if (step.section === 'upgrade' || step.status === 'failed') this.#write(stepLine(step));
    if (step.status === 'failed') this.#write(failureLines(step, this.#folder));
  }

  passEnd(problem?: string): void {
    if (problem !== undefined) this.#write(`  ${colors.red('✗')} ${problem}`);
    const document = this.#steps.filter(({ section }) => section !== 'upgrade');
    if (document.length === 0) return;
    const counts = (['passed', 'failed', 'skipped'] as const).flatMap((status) => {
      const count = document.filter((step) => step.status === status).length;
      return count === 0 ? [] : [`${count} ${status}`];
    });
    const sound = document.every(({ status }) => status === 'passed');
    const because = document.find(({ status }) => status === 'skipped')?.reason;
    const mark = sound ? colors.green('✓') : colors.yellow('-');
    const tail =
      because === undefined || document.some(({ status }) => status === 'failed') ? '' : ` ${because}`;
    this.#write(
      `  ${mark} steps of the document: ${counts.join(', ')} ${colors.dim(`(${duration(performance.now() - this.#began)})${tail}`)}`,
    );
  }
}
