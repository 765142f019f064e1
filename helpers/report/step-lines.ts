import { isAbsolute, join, relative } from 'node:path';
import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import type { StepResult } from '../results/step.ts';
import { labelled } from '../trip/render.ts';

/** What a user sees of the steps while they run. */
export interface Lines {
  readonly step: (step: StepResult) => void;
  /** A pass of several begins, or a phase of a gate. */
  readonly passBegin?: (title: string) => void;
  /** A pass of several is over; `problem` is what kept it from running its steps. */
  readonly passEnd: (problem?: string) => void;
}

export type Write = (line: string) => void;

/** For a single pass: a line a step as it ends, below the heading of its section. */
export class StepLines implements Lines {
  readonly #write: Write;
  readonly #folder: string;
  #section = '';

  /** @param reportFolder Where the evidence of a failure is */
  constructor(write: Write, reportFolder: string) {
    this.#write = write;
    this.#folder = reportFolder;
  }

  step(step: StepResult): void {
    if (step.section !== this.#section) {
      this.#section = step.section;
      this.#write(`\n  ${colors.bold(step.section)}`);
    }
    this.#write(stepLine(step));
    if (step.status === 'failed') this.#write(failureLines(step, this.#folder));
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

/** Why the step failed, then where its evidence is, or why there is none. */
export function failureLines({ reason, evidence, facts }: StepResult, reportFolder: string): string {
  const none = facts[noEvidence];
  const where = evidence === '' ? none : indexOf(reportFolder, evidence);
  return indented(where === undefined ? reason : `${reason}\n${evidenceLine(where)}`);
}

/** The fact that says why a failed step has no evidence. */
export const noEvidence = 'no evidence';

export function evidenceLine(where: string): string {
  return labelled('evidence', where);
}

/** The index of a bundle, as somebody who stands here would open it. */
export function indexOf(reportFolder: string, evidence: string): string {
  const path = join(reportFolder, evidence, 'index.md');
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

export function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
}
