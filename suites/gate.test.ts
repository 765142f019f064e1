import { afterAll, beforeAll, describe, inject } from 'vitest';
import { evidenceOf } from './evidence.ts';
import { recordOf } from './pass.ts';
import { testStep } from './step-test.ts';
import { Gate } from './upgrade/gate.ts';
import { phasesOf } from './upgrade/phases.ts';

const session = inject('session');
const gate = new Gate(session, inject('gate'), { evidence: evidenceOf(session) });

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
        recordOf(step, { pass: index + 1, phase: phase.id }),
        (record) => gate.take(phase, step, record),
        () => ({ versions: gate.world(phase.pass).versions, gate: gate.known() }),
      );
    }
  });
}
