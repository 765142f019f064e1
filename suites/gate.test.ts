import { afterAll, beforeAll, describe, inject } from 'vitest';
import { StepEvidence } from './evidence.ts';
import { pausing } from './pausing.ts';
import { testStep } from './step-test.ts';
import { Gate } from './upgrade/gate.ts';
import { phasesOf } from './upgrade/phases.ts';

const session = inject('session');
const gate = new Gate(session, inject('gate'), pausing(session, new StepEvidence(session)));

beforeAll(() => gate.begin());

afterAll(() => gate[Symbol.asyncDispose]());

for (const [index, phase] of phasesOf(gate).entries()) {
  describe(phase.title, () => {
    beforeAll(() => {
      gate.enter(phase);
    });

    for (const step of phase.steps) {
      testStep(
        step,
        () => gate.take(phase, step),
        { pass: index + 1, phase: phase.id },
        () => gate.world(phase.pass).versions,
        ({ meta }) => {
          meta.gate = gate.known();
        },
      );
    }
  });
}
