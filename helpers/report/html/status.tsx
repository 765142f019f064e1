import type { StepResult } from '../../results/step.ts';

export type Status = StepResult['status'];

const marks = { passed: '✓', failed: '✗', skipped: '–' } as const satisfies Record<Status, string>;

/** A step's state: a sign of its own shape beside its colour, and a word for who sees neither. */
export function StatusMark({ status }: { readonly status: Status }) {
  return (
    <span class={`mark ${status}`}>
      <span aria-hidden="true">{marks[status]}</span>
      <span class="unseen">{status}</span>
    </span>
  );
}

/** `32 passed, 0 failed, 0 skipped` */
export function tally(steps: readonly Pick<StepResult, 'status'>[]): string {
  return counts(steps)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
}

/** `3 passed`, `1 passed, 2 skipped`: without what did not happen. */
export function shortTally(steps: readonly Pick<StepResult, 'status'>[]): string {
  return counts(steps)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
}

function counts(steps: readonly Pick<StepResult, 'status'>[]): [Status, number][] {
  return (['passed', 'failed', 'skipped'] as const).map((status) => [
    status,
    steps.filter((step) => step.status === status).length,
  ]);
}
