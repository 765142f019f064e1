import { PassLines, StepLines } from '../report/lines.ts';
import { StepReporter } from '../report/reporters.ts';
import type {} from '../results/vitest-context.ts';
import type { Report } from '../report/report.ts';
import type { SessionFacts } from './session.ts';
import type { Telling } from './telling.ts';
import { runProject } from './vitest-run.ts';

/**
 * Runs the steps by vitest against an open session; their results go into the report.
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
  const steps = new StepReporter(report, telling.lines(lines, folder));
  await runProject('document', [steps, ...telling.reporters()], (vitest) => {
    vitest.provide('session', facts);
  });
  return steps.problems;
}
