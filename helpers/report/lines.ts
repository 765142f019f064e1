import { isAbsolute, join, relative } from 'node:path';
import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import type { StepResult } from '../results/step.ts';
import { labelled, renderTrip } from '../trip/finding.ts';
import { shortTally, worstOf } from './tally.ts';

/** Prints the steps while they run. */
export interface Lines {
  readonly step: (step: StepResult) => void;
  /** One of several passes begins, or a phase of a gate. */
  readonly passBegin?: (title: string) => void;
  /** A pass or phase ends; `problem` says why its steps did not run. */
  readonly passEnd: (problem?: string) => void;
}

export type Write = (line: string) => void;

/** What prints steps has in common: where to, where the evidence of a failure is, and which failures were printed. */
abstract class Printer {
  protected readonly write: Write;
  readonly #folder: string;
  /** By failure, the pass in which it was printed in full. */
  readonly #told = new Map<string, number>();

  /** @param reportFolder Where the evidence of a failure is */
  constructor(write: Write, reportFolder: string) {
    this.write = write;
    this.#folder = reportFolder;
  }

  protected print(step: StepResult): void {
    this.write(stepLine(step));
    if (step.status === 'failed') this.write(failureLines(step, this.#folder));
  }

  /** The pass in which the same failure was printed; undefined for a new one, which it remembers. */
  protected earlier({ id, findings, reason, pass }: StepResult): number | undefined {
    const failure = `${id} ${findings[0]?.cause ?? reason}`;
    const known = this.#told.get(failure);
    if (known === undefined) this.#told.set(failure, pass);
    return known;
  }
}

/** One pass: a line for each step as it ends, below the heading of its section. */
export class StepLines extends Printer implements Lines {
  #section = '';

  step(step: StepResult): void {
    if (step.section !== this.#section) {
      this.#section = step.section;
      this.write(`\n  ${colors.bold(step.section)}`);
    }
    this.print(step);
  }

  passEnd(): void {
    // Each step has its line already.
  }
}

/** Several passes: a line for each pass, and below it the steps that failed. */
export class PassLines extends Printer implements Lines {
  readonly #repeat: number;
  #steps: StepResult[] = [];
  #pass = 1;

  constructor(repeat: number, write: Write, reportFolder: string) {
    super(write, reportFolder);
    this.#repeat = repeat;
  }

  step(step: StepResult): void {
    this.#steps.push(step);
  }

  passEnd(problem?: string): void {
    const counts = shortTally(this.#steps);
    const took = this.#steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const summary = counts === '' ? 'no step ran' : `${counts} (${duration(took)})`;
    this.write(`  pass ${this.#pass} of ${this.#repeat}: ${summary}`);
    if (problem !== undefined) this.write(indented(problem));
    for (const step of this.#steps.filter(({ status }) => status === 'failed')) this.#failure(step);
    this.#steps = [];
    this.#pass += 1;
  }

  /** Repeating the same in fifty passes would hide a different one. */
  #failure(step: StepResult): void {
    const earlier = this.earlier(step);
    if (earlier === undefined) {
      this.print(step);
      return;
    }
    this.write(stepLine(step));
    this.write(indented(`${step.reason.split('\n')[0] ?? ''} (as in pass ${earlier})`));
  }
}

/** A gate: the title of each phase, a line for each operation, and the steps of the document that failed. */
export class GateLines extends Printer implements Lines {
  readonly #start = performance.now();
  #began = 0;
  #steps: StepResult[] = [];

  passBegin(title: string): void {
    this.#began = performance.now();
    this.#steps = [];
    const since = duration(this.#began - this.#start);
    this.write(`\n  ${colors.bold(title)} ${colors.dim(`(after ${since})`)}`);
  }

  step(step: StepResult): void {
    this.#steps.push(step);
    if (step.section === 'upgrade' || step.status === 'failed') this.print(step);
  }

  passEnd(problem?: string): void {
    if (problem !== undefined) this.write(`  ${colors.red('✗')} ${problem}`);
    const document = this.#steps.filter(({ section }) => section !== 'upgrade');
    if (document.length === 0) return;
    const status = worstOf(document);
    const because = document.find((step) => step.status === 'skipped')?.reason;
    const mark = status === 'passed' ? colors.green('✓') : colors.yellow('-');
    const tail = because === undefined || status === 'failed' ? '' : ` ${because}`;
    this.write(
      `  ${mark} steps of the document: ${shortTally(document)} ${colors.dim(`(${duration(performance.now() - this.#began)})${tail}`)}`,
    );
  }
}

/** --quiet: only failures, and of the same failure only the first. */
export class QuietLines extends Printer implements Lines {
  step(step: StepResult): void {
    if (step.status === 'failed' && this.earlier(step) === undefined) this.print(step);
  }

  passEnd(problem?: string): void {
    if (problem !== undefined) this.write(indented(problem));
  }
}

/** --verbose: adds each step's commands and its trips' statements. */
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

/** One line: the step with its facts, or why it was skipped. */
function stepLine({ id, title, status, durationMs, facts, reason }: StepResult): string {
  const mark = { passed: colors.green('✓'), failed: colors.red('✗'), skipped: colors.yellow('-') }[status];
  const established = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  const tail = { passed: established.join(', '), failed: '', skipped: reason }[status];
  return `  ${mark} ${id.padEnd(8)} ${title} ${colors.dim(`(${duration(durationMs)})`)}${tail === '' ? '' : colors.dim(` ${tail}`)}`;
}

/** Why the step failed, and where its evidence is or why there is none. */
function failureLines({ reason, evidence, facts }: StepResult, reportFolder: string): string {
  const none = facts[noEvidence];
  const where = evidence === '' ? none : indexOf(reportFolder, evidence);
  return indented(where === undefined ? reason : `${reason}\n${evidenceLine(where)}`);
}

/** The fact that says why a failed step has no evidence. */
export const noEvidence = 'no evidence';

export function evidenceLine(where: string): string {
  return labelled('evidence', where);
}

/** Path of a bundle's index, relative to the working directory where it is below it. */
export function indexOf(reportFolder: string, evidence: string): string {
  const path = join(reportFolder, evidence, 'index.md');
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

/** The text with each line moved to the right; by default to below a step's title. */
export function indented(text: string, by = 6): string {
  const margin = ' '.repeat(by);
  return `${margin}${text.replaceAll('\n', `\n${margin}`)}`;
}
