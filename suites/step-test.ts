import { afterAll, beforeAll, test, type TaskMeta } from 'vitest';
import type { StepRecord } from '../helpers/results/step.ts';
import type { Step } from './document/step.ts';
import { recordOf } from './pass.ts';
import type { Passes } from './passes.ts';

/** Makes one pass over the steps the tests of the file or `describe` that calls it. */
export function testPass(passes: Passes, steps: readonly Step[], pass: number, used?: boolean): void {
  beforeAll(() => passes.begin(pass, used));

  afterAll(() => passes.end(pass));

  for (const step of steps) {
    testStep(
      step,
      recordOf(step, { pass }),
      (record) => passes.take(step, record),
      () => ({ versions: passes.versions }),
    );
  }
}

/**
 * Makes the step a test, which passes, fails or is skipped as its record says.
 * @param take Judges the step, and returns the error of one that failed
 * @param learnt What else is known after the step
 */
export function testStep(
  { id, title, limit }: Step,
  record: StepRecord,
  take: (record: StepRecord) => Promise<unknown>,
  learnt: () => Omit<TaskMeta, 'step'>,
): void {
  // A limit of its own is longer than that of all tests; the pass keeps it.
  const timeout = limit === undefined ? {} : { timeout: 0 };
  test(`${id} ${title}`, { meta: { step: record }, ...timeout }, async ({ task, skip }) => {
    const error = await take(record);
    Object.assign(task.meta, { step: record, ...learnt() });
    if (record.status === 'skipped') skip(record.reason);
    if (record.status === 'failed') throw error;
  });
}
