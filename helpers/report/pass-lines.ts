import { duration } from '../progress/terminal.ts';
import type { StepResult } from '../results/step.ts';
import { failureLines, indented, stepLine, type Lines, type Write } from './step-lines.ts';

/** For several passes: a line a pass, and below it the steps that failed in it. */
export class PassLines implements Lines {
  readonly #repeat: number;
  readonly #write: Write;
  readonly #folder: string;
  /** Failures told in full, each with the pass it was told in: fifty times the same would hide a second one. */
  readonly #told = new Map<string, number>();
  #steps: StepResult[] = [];
  #pass = 1;

  /** @param reportFolder Where the evidence of a failure is */
  constructor(repeat: number, write: Write, reportFolder: string) {
    this.#repeat = repeat;
    this.#write = write;
    this.#folder = reportFolder;
  }

  step(step: StepResult): void {
    this.#steps.push(step);
  }

  passEnd(problem?: string): void {
    const counts = (['passed', 'failed', 'skipped'] as const)
      .map((status) => ({ status, steps: this.#steps.filter((step) => step.status === status) }))
      .filter(({ steps }) => steps.length > 0)
      .map(({ status, steps }) => `${steps.length} ${status}`);
    const took = this.#steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const tally = counts.length === 0 ? 'no step ran' : `${counts.join(', ')} (${duration(took)})`;
    this.#write(`  pass ${this.#pass} of ${this.#repeat}: ${tally}`);
    if (problem !== undefined) this.#write(indented(problem));
    for (const step of this.#steps.filter(({ status }) => status === 'failed')) this.#failure(step);
    this.#steps = [];
    this.#pass += 1;
  }

  #failure(step: StepResult): void {
    this.#write(stepLine(step));
    const failure = `${step.id} ${step.findings[0]?.cause ?? step.reason}`;
    const earlier = this.#told.get(failure);
    if (earlier === undefined) {
      this.#told.set(failure, step.pass);
      this.#write(failureLines(step, this.#folder));
    } else {
      this.#write(indented(`${step.reason.split('\n')[0] ?? ''} (as in pass ${earlier})`));
    }
  }
}
