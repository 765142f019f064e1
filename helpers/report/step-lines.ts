import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import type { StepResult } from './results.ts';

/** What a user sees of the steps while they run. */
export interface Lines {
  readonly step: (step: StepResult) => void;
  /** A pass of several is over; `problem` is what kept it from running its steps. */
  readonly passEnd: (problem?: string) => void;
}

export type Write = (line: string) => void;

/** For a single pass: a line a step as it ends, below the heading of its section. */
export class StepLines implements Lines {
  readonly #write: Write;
  #section = '';

  constructor(write: Write) {
    this.#write = write;
  }

  step(step: StepResult): void {
    if (step.section !== this.#section) {
      this.#section = step.section;
      this.#write(`\n  ${colors.bold(step.section)}`);
    }
    this.#write(stepLine(step));
    if (step.status === 'failed') this.#write(indented(step.reason));
  }

  passEnd(): void {
    // The steps have said it all.
  }
}

/** The step in one line: what it established, or why it was skipped. */
export function stepLine({ id, title, status, durationMs, facts, reason }: StepResult): string {
  const mark = { passed: colors.green('✓'), failed: colors.red('✗'), skipped: colors.yellow('-') }[status];
  const established = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  const tail = { passed: established.join(', '), failed: '', skipped: reason }[status];
  return `  ${mark} ${id.padEnd(8)} ${title} ${colors.dim(`(${duration(durationMs)})`)}${tail === '' ? '' : colors.dim(` ${tail}`)}`;
}

export function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
}
