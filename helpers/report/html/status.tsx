import type { StepResult } from '../../results/step.ts';

type Status = StepResult['status'];

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
