import { describe } from 'vitest';
import { evidenceOf } from './evidence.ts';
import { handed } from './worker.ts';
import { Passes } from './passes.ts';
import { testPass } from './step-test.ts';
import { chosenSteps, judgedSteps } from './steps.ts';

const { session } = await handed();
const { configuration } = session;
const steps = chosenSteps(session);
// Of a step that this run cannot judge, no work starts early.
const passes = new Passes(session, judgedSteps(session), evidenceOf(session));

if (configuration.repeat === 1) testPass(passes, steps, 1);
else {
  for (let pass = 1; pass <= configuration.repeat; pass += 1) {
    describe(`pass ${pass} of ${configuration.repeat}`, () => {
      testPass(passes, steps, pass);
    });
  }
}
