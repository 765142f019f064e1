import { afterAll, beforeAll, describe } from 'vitest';
import { evidenceOf } from './evidence.ts';
import { handed } from './worker.ts';
import { recordOf } from './pass.ts';
import { testStep } from './step-test.ts';
import { Gate } from './upgrade/gate.ts';
import { phasesOf } from './upgrade/phases.ts';

const { session, gate: plan } = await handed();
if (plan === undefined) throw new TypeError('a gate has a plan');
const gate = new Gate(session, plan, { evidence: evidenceOf(session) });

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
