import type { StepResult } from '../results/step.ts';
import { failureLines, indented, stepLine, type Lines, type Write } from './step-lines.ts';

/** What failed, and nothing else; of failures that are alike the first. */
export class QuietLines implements Lines {
  readonly #write: Write;
  readonly #folder: string;
  readonly #told = new Set<string>();

  /** @param reportFolder Where the evidence of a failure is */
  constructor(write: Write, reportFolder: string) {
    this.#write = write;
    this.#folder = reportFolder;
  }

  step(step: StepResult): void {
    const failure = `${step.id} ${step.findings[0]?.cause ?? step.reason}`;
    if (step.status !== 'failed' || this.#told.has(failure)) return;
    this.#told.add(failure);
    this.#write(stepLine(step));
    this.#write(failureLines(step, this.#folder));
  }

  passEnd(problem?: string): void {
    if (problem !== undefined) this.#write(indented(problem));
  }
}
