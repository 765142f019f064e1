import { join } from 'node:path';
import type { Reporter, TestCase } from 'vitest/node';
import { timed, type Progress } from '../progress/progress.ts';
import type { StepResult } from '../results/step.ts';
import type { Lines } from '../report/lines.ts';
import type { Events } from './events.ts';

export class StepStarts implements Reporter {
  readonly #events: Events;

  constructor(events: Events) {
    this.#events = events;
  }

  onTestCaseReady(test: TestCase): void {
    const { step } = test.meta();
    if (step === undefined) return;
    const { id, title, pass, phase } = step;
    this.#events.emit({
      type: 'step-started',
      ...{ id, title, pass },
      ...(phase === undefined ? {} : { phase }),
    });
  }
}

/** Prints lines for people, and emits an event for each. */
export class EventLines implements Lines {
  readonly #lines: Lines;
  readonly #events: Events;
  readonly #folder: string;
  /** The current pass of several, or the current phase of a gate. */
  #phase: { readonly title: string; readonly began: number } | undefined;

  constructor(lines: Lines, events: Events, reportFolder: string) {
    this.#lines = lines;
    this.#events = events;
    this.#folder = reportFolder;
  }

  step(result: StepResult): void {
    const { id, title, pass, phase, section, status, durationMs, reason, facts, findings, evidence } = result;
    const cause = findings[0]?.cause;
    this.#events.emit({
      type: 'step-ended',
      ...{ id, title, pass, section, status, durationMs, reason, facts },
      ...(phase === undefined ? {} : { phase }),
      ...(cause === undefined ? {} : { cause }),
    });
    if (evidence !== '') {
      this.#events.emit({ type: 'evidence', step: id, folder: join(this.#folder, evidence) });
    }
    this.#lines.step(result);
  }

  passBegin(title: string): void {
    this.#phase = { title, began: Date.now() };
    this.#events.emit({ type: 'phase-started', title });
    this.#lines.passBegin?.(title);
  }

  passEnd(problem?: string): void {
    if (this.#phase !== undefined) {
      const { title, began } = this.#phase;
      const status = problem === undefined ? 'passed' : 'failed';
      this.#events.emit({ type: 'phase-ended', title, status, durationMs: Date.now() - began });
      this.#phase = undefined;
    }
    this.#lines.passEnd(problem);
  }
}

/** A progress that also emits its phases and notes as events. */
export function eventProgress(progress: Progress, events: Events): Progress {
  return {
    note: (line) => {
      events.emit({ type: 'note', text: line.trim() });
      progress.note(line);
    },
    phase: (title, work) => {
      events.emit({ type: 'phase-started', title });
      return timed(
        () => progress.phase(title, work),
        (failed, ms) => {
          const status = failed ? 'failed' : 'passed';
          events.emit({ type: 'phase-ended', title, status, durationMs: Math.round(ms) });
        },
      );
    },
  };
}
