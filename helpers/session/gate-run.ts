import { GateLines } from '../gate/gate-lines.ts';
import { PhaseRecorder } from '../gate/phase-recorder.ts';
import type { GatePlan } from '../gate/result.ts';
import type {} from '../report/meta.ts';
import type { Report } from '../report/report.ts';
import type { Write } from '../report/step-lines.ts';
import { StepReporter } from '../report/step-reporter.ts';
import type { SessionFacts } from './session.ts';
import { runProject } from './vitest-run.ts';

/**
 * Runs a gate's phases by vitest against an open session; what they establish goes into the report.
 * @returns what went wrong outside the steps, nothing when all was in order
 */
export async function runGate(
  facts: SessionFacts,
  plan: GatePlan,
  report: Report,
  write: Write,
): Promise<readonly string[]> {
  const steps = new StepReporter(report, new GateLines(write, report.folder));
  const recorder = new PhaseRecorder();
  await runProject('gate', [steps, recorder], (vitest) => {
    vitest.provide('session', facts);
    vitest.provide('gate', plan);
  });
  report.gate = { ...plan, phases: recorder.phases, ...recorder.known };
  return steps.problems;
}
