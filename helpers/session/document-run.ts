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
  const { folder } = report;
  const lines = repeat === 1 ? new StepLines(write, folder) : new PassLines(repeat, write, folder);
  const steps = new StepReporter(report, lines);
  await runProject('document', [steps], (vitest) => {
    vitest.provide('session', facts);
  });
  return steps.problems;
}
