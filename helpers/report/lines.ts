import { isAbsolute, join, relative } from 'node:path';
import colors from 'picocolors';
import { duration } from '../progress/terminal.ts';
import type { StepResult } from '../results/step.ts';
import { labelled, renderTrip } from '../trip/render.ts';

/** Prints the steps while they run. */
export interface Lines {
  readonly step: (step: StepResult) => void;
  /** One of several passes begins, or a phase of a gate. */
  readonly passBegin?: (title: string) => void;
  /** A pass or phase ends; `problem` says why its steps did not run. */
  readonly passEnd: (problem?: string) => void;
}

export type Write = (line: string) => void;

/** One pass: a line for each step as it ends, below the heading of its section. */
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
    // Each step has its line already.
  }
}

/** Several passes: a line for each pass, and below it the steps that failed. */
export class PassLines implements Lines {
  readonly #repeat: number;
  readonly #write: Write;
  readonly #folder: string;
  /** The pass in which each failure was printed in full. Repeating it in fifty passes would hide a different one. */
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
    const counts = counted(this.#steps);
    const took = this.#steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const tally = counts === '' ? 'no step ran' : `${counts} (${duration(took)})`;
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

/** A gate: the title of each phase, a line for each operation, and the steps of the document that failed. */
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
    const sound = document.every(({ status }) => status === 'passed');
    const because = document.find(({ status }) => status === 'skipped')?.reason;
    const mark = sound ? colors.green('✓') : colors.yellow('-');
    const tail =
      because === undefined || document.some(({ status }) => status === 'failed') ? '' : ` ${because}`;
    this.#write(
      `  ${mark} steps of the document: ${counted(document)} ${colors.dim(`(${duration(performance.now() - this.#began)})${tail}`)}`,
    );
  }
}

/** --quiet: only failures, and of the same failure only the first. */
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

/** `30 passed, 1 failed`: the statuses that occur. */
function counted(steps: readonly StepResult[]): string {
  const counts = Map.groupBy(steps, ({ status }) => status);
  return (['passed', 'failed', 'skipped'] as const)
    .flatMap((status) => (counts.has(status) ? [`${counts.get(status)?.length ?? 0} ${status}`] : []))
    .join(', ');
}

/** One line: the step with its facts, or why it was skipped. */
export function stepLine({ id, title, status, durationMs, facts, reason }: StepResult): string {
  const mark = { passed: colors.green('✓'), failed: colors.red('✗'), skipped: colors.yellow('-') }[status];
  const established = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  const tail = { passed: established.join(', '), failed: '', skipped: reason }[status];
  return `  ${mark} ${id.padEnd(8)} ${title} ${colors.dim(`(${duration(durationMs)})`)}${tail === '' ? '' : colors.dim(` ${tail}`)}`;
}

/** Why the step failed, and where its evidence is or why there is none. */
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

/** Path of a bundle's index, relative to the working directory where it is below it. */
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
