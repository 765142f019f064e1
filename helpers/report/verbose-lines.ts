import colors from 'picocolors';
import { renderTrip } from '../trip/render.ts';
import type { StepResult } from '../results/step.ts';
import { indented, type Lines, type Write } from './step-lines.ts';

/** Below each step its commands, and what the witnesses of its trips said. */
export class VerboseLines implements Lines {
  readonly #lines: Lines;
  readonly #write: Write;

  constructor(lines: Lines, write: Write) {
    this.#lines = lines;
    this.#write = write;
  }

  step(step: StepResult): void {
    this.#lines.step(step);
    if (step.status === 'skipped') return;
    if (step.command !== '') this.#write(colors.dim(indented(step.command)));
    for (const trip of step.trips) this.#write(colors.dim(indented(renderTrip(trip))));
  }

  passBegin(title: string): void {
    this.#lines.passBegin?.(title);
  }

  passEnd(problem?: string): void {
    this.#lines.passEnd(problem);
  }
}
