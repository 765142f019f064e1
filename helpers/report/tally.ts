import type { StepResult } from '../results/step.ts';

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

/** The status of several steps together: failed if one failed, else skipped if one was. */
export function worstOf(steps: Steps): Status {
  const { failed, skipped } = countsOf(steps);
  return failed > 0 ? 'failed' : skipped > 0 ? 'skipped' : 'passed';
}
