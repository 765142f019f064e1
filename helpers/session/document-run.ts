import { PassLines } from '../report/pass-lines.ts';
import { StepLines, type Write } from '../report/step-lines.ts';
import { StepReporter } from '../report/step-reporter.ts';
import type {} from '../report/meta.ts';
import type { Report } from '../report/report.ts';
import type { SessionFacts } from './session.ts';
import { runProject } from './vitest-run.ts';

/**
 * Runs the steps by vitest against an open session; their results go into the report.
 * @returns what went wrong outside the steps, nothing when all was in order
 */
export async function runDocument(
  facts: SessionFacts,
  report: Report,
  write: Write,
): Promise<readonly string[]> {
  const { repeat } = facts.configuration;
  const steps = new StepReporter(report, repeat === 1 ? new StepLines(write) : new PassLines(repeat, write));
  await runProject('document', [steps], (vitest) => {
    vitest.provide('session', facts);
  });
  return steps.problems;
}
