import type { Reporter, Vitest } from 'vitest/node';
import { GateLines, PassLines, StepLines, type Lines } from '../report/lines.ts';
import { PhaseRecorder, StepReporter } from '../report/reporters.ts';
import type { Report } from '../report/report.ts';
import type { GatePlan } from '../results/gate.ts';
import type {} from '../results/vitest-context.ts';
import type { SessionFacts } from './session.ts';
import type { Telling } from './telling.ts';
import { runProject } from './vitest-run.ts';

/**
 * Runs the document's steps by vitest against an open session; their results go into the report.
 * @returns what went wrong outside the steps, nothing when all was in order
 */
export async function runDocument(
  facts: SessionFacts,
  report: Report,
  telling: Telling,
): Promise<readonly string[]> {
  const { repeat } = facts.configuration;
  const { folder } = report;
  const { say } = telling;
  const lines = repeat === 1 ? new StepLines(say, folder) : new PassLines(repeat, say, folder);
  return runSteps('document', facts, report, telling, lines);
}

/** Likewise for a gate's phases; what they establish beside the steps' results goes into the report, too. */
export async function runGate(
  facts: SessionFacts,
  plan: GatePlan,
  report: Report,
  telling: Telling,
): Promise<readonly string[]> {
  const recorder = new PhaseRecorder();
  const lines = new GateLines(telling.say, report.folder);
  const problems = await runSteps('gate', facts, report, telling, lines, [recorder], (vitest) => {
    vitest.provide('gate', plan);
  });
  report.gate = { ...plan, phases: recorder.phases, ...recorder.known };
  return problems;
}

async function runSteps(
  project: 'document' | 'gate',
  facts: SessionFacts,
  report: Report,
  telling: Telling,
  lines: Lines,
  others: readonly Reporter[] = [],
  provide: (vitest: Vitest) => void = () => undefined,
): Promise<readonly string[]> {
  const steps = new StepReporter(report, telling.lines(lines, report.folder));
  await runProject(project, [steps, ...others, ...telling.reporters()], (vitest) => {
    vitest.provide('session', facts);
    provide(vitest);
  });
  return steps.problems;
}
