import type { StepResult } from '../results/step.ts';
import { duration } from '../progress/terminal.ts';
import { tableLines } from '../text-table.ts';
import type { Stability } from '../results/results.ts';
import type { Cause } from '../causes/cause.ts';
import { causes } from '../causes/causes.ts';

type Status = StepResult['status'];
type Steps = readonly Pick<StepResult, 'status'>[];

/** How many of the steps passed, failed and were skipped. */
export function countsOf(steps: Steps): Record<Status, number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status } of steps) counts[status] += 1;
  return counts;
}

/** `32 passed, 0 failed, 0 skipped` */
export function tally(steps: Steps): string {
  return told(Object.entries(countsOf(steps)));
}

/** `3 passed`, `1 passed, 2 skipped`: without what did not happen; '' of no step. */
export function shortTally(steps: Steps): string {
  return told(Object.entries(countsOf(steps)).filter(([, count]) => count > 0));
}

function told(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([status, count]) => `${count} ${status}`).join(', ');
}

/** A gate's phases as a table's headings and rows. */
export const phaseHeadings = ['phase', 'took', 'passed', 'failed', 'skipped'];
export function phaseRows(
  phases: readonly (Record<Status | 'durationMs', number> & { title: string })[],
): string[][] {
  return phases.map(({ title, durationMs, passed, failed, skipped }) => [
    title,
    duration(durationMs),
    ...[passed, failed, skipped].map(String),
  ]);
}

/** The status of several steps together: failed if one failed, else skipped if one was. */
export function worstOf(steps: Steps): Status {
  const { failed, skipped } = countsOf(steps);
  return failed > 0 ? 'failed' : skipped > 0 ? 'skipped' : 'passed';
}

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

/** A cause as docs/causes.md has it; undefined for one of another edition of the suite. */
export function causeOf(code: string): Cause | undefined {
  const known: Readonly<Record<string, Cause>> = causes;
  return Object.hasOwn(known, code) ? known[code] : undefined;
}

interface Failed {
  readonly status: string;
  readonly reason: string;
  readonly findings: readonly { readonly cause: string; readonly seen: string }[];
}

/** Each failure once: where the same was seen of the same cause, the later ones are consequences of the first. */
export function failuresOf<Step extends Failed>(
  steps: readonly Step[],
): { readonly first: Step; readonly others: readonly Step[] }[] {
  const failed = steps.filter(({ status }) => status === 'failed');
  const alike = Map.groupBy(failed, ({ findings: [finding], reason }) =>
    JSON.stringify(finding === undefined ? [reason] : [finding.cause, finding.seen]),
  );
  return [...alike.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ first, others }],
  );
}
