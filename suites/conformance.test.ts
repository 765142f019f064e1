import { afterAll, beforeAll, describe, inject } from 'vitest';
import { StepEvidence } from './evidence.ts';
import { Passes } from './passes.ts';
import { pausing } from './pausing.ts';
import { testStep } from './step-test.ts';
import { chosenSteps } from './steps.ts';

const session = inject('session');
const steps = chosenSteps(session.configuration);
const { repeat } = session.configuration;
// Of a step that this run cannot judge nothing begins.
const judged = steps.filter(({ unavailable }) => unavailable?.(session.configuration) === undefined);
const passes = new Passes(session, judged, pausing(session, new StepEvidence(session)));

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
    testStep(
      step,
      () => passes.take(step),
      { pass: number },
      () => passes.versions,
    );
  }
}
