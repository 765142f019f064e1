import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import { StepEvidence } from './evidence.ts';
import { Passes } from './passes.ts';
import { chosenSteps } from './steps.ts';

const session = inject('session');
const steps = chosenSteps(session.configuration.steps);
const { repeat } = session.configuration;
const passes = new Passes(session, new StepEvidence(session));

if (repeat === 1) onePass(1);
for (let number = 1; repeat > 1 && number <= repeat; number += 1) {
  describe(`pass ${number} of ${repeat}`, () => {
    onePass(number);
  });
}

function onePass(number: number): void {
  beforeAll(() => passes.begin(number));

  afterAll(() => passes.end(number));

  for (const step of steps) {
    test(`${step.id} ${step.title}`, async ({ task, skip }) => {
      const { id, title, section, commands } = step;
      const outcome = await passes.take(step);
      task.meta.step = {
        id,
        pass: number,
        title,
        section,
        command: commands.join('\n'),
        ...outcome.record,
        durationMs: outcome.durationMs,
        evidence: outcome.evidence,
        findings: outcome.status === 'failed' ? outcome.findings : [],
        versions: passes.versions,
      };
      if (outcome.status === 'skipped') skip(outcome.because);
      if (outcome.status === 'failed') throw outcome.error;
    });
  }
}
