import { GateLines } from '../report/lines.ts';
import { PhaseRecorder, StepReporter } from '../report/reporters.ts';
import type { GatePlan } from '../results/gate.ts';
import type {} from '../results/vitest-context.ts';
import type { Report } from '../report/report.ts';
import type { SessionFacts } from './session.ts';
import type { Telling } from './telling.ts';
import { runProject } from './vitest-run.ts';

/**
 * Runs a gate's phases by vitest against an open session; what they establish goes into the report.
 * @returns what went wrong outside the steps, nothing when all was in order
 */
export async function runGate(
  facts: SessionFacts,
  plan: GatePlan,
  report: Report,
  telling: Telling,
): Promise<readonly string[]> {
  const steps = new StepReporter(
    report,
    telling.lines(new GateLines(telling.say, report.folder), report.folder),
  );
  const recorder = new PhaseRecorder();
  await runProject('gate', [steps, recorder, ...telling.reporters()], (vitest) => {
    vitest.provide('session', facts);
    vitest.provide('gate', plan);
  });
  report.gate = { ...plan, phases: recorder.phases, ...recorder.known };
  return steps.problems;
}
