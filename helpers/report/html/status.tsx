import type { StepResult } from '../results.ts';

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
  return (['passed', 'failed', 'skipped'] as const)
    .map((status) => `${steps.filter((step) => step.status === status).length} ${status}`)
    .join(', ');
}
