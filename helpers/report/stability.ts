import { duration } from '../progress/terminal.ts';
import { tableLines } from '../text-table.ts';
import type { Stability } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';

/** How often each step passed and how long that took, in the steps' order. A skipped run did not pass. */
export function stabilityOf(steps: readonly StepResult[]): Stability[] {
  return [...Map.groupBy(steps, ({ id }) => id)].map(([id, runs]) => {
    const passed = runs.filter(({ status }) => status === 'passed');
    // The time of a failure is the time of a wait, not of the step.
    const durations = passed.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
    return {
      id,
      runs: runs.length,
      passed: passed.length,
      passRate: passed.length / runs.length,
      ...figuresOf(durations),
    };
  });
}

/** The figures as lines of a table. */
export function stabilityTable(stability: readonly Stability[]): string[] {
  const header = ['step', 'passed', 'rate', 'min', 'median', 'max'];
  const rows = stability.map(({ id, runs, passed, passRate, minMs, medianMs, maxMs }) => [
    id,
    `${passed} of ${runs}`,
    percent(passRate),
    ...[minMs, medianMs, maxMs].map((figure) => (figure === undefined ? '-' : duration(figure))),
  ]);
  return tableLines([header, ...rows]);
}

function figuresOf(sorted: readonly number[]): Pick<Stability, 'minMs' | 'medianMs' | 'maxMs'> {
  const [minMs] = sorted;
  const maxMs = sorted.at(-1);
  const middle = (sorted.length - 1) / 2;
  const lower = sorted[Math.floor(middle)];
  const upper = sorted[Math.ceil(middle)];
  if (minMs === undefined || maxMs === undefined || lower === undefined || upper === undefined) return {};
  return { minMs, medianMs: (lower + upper) / 2, maxMs };
}

/** Rounded down: 999 of 1000 must not read as 100 %. */
export function percent(rate: number): string {
  return `${Math.floor(rate * 1000) / 10} %`;
}
