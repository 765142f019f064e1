import { test, type TestContext } from 'vitest';
import type { StepMeta } from '../helpers/report/meta.ts';
import type { Step } from './document/step.ts';
import type { Taken } from './passes.ts';

/** What a step's result says of where it was taken. */
export type Where = Pick<StepMeta, 'pass' | 'phase'>;

/** A step as a test: it does it, hands its record to the reporter, and ends as it came out. */
export function testStep(
  step: Step,
  take: () => Promise<Taken>,
  where: Where,
  versions: () => StepMeta['versions'],
  then: (task: TestContext['task']) => void = () => undefined,
): void {
  const { id, title, section, commands } = step;
  test(`${id} ${title}`, { meta: { starting: { id, title, ...where } } }, async ({ task, skip }) => {
    const outcome = await take();
    task.meta.step = {
      id,
      title,
      section,
      command: commands.join('\n'),
      ...outcome.record,
      durationMs: outcome.durationMs,
      evidence: outcome.evidence,
      findings: outcome.status === 'failed' ? outcome.findings : [],
      ...where,
      versions: versions(),
    };
    then(task);
    if (outcome.status === 'skipped') skip(outcome.because);
    if (outcome.status === 'failed') throw outcome.error;
  });
}
