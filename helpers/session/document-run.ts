import { fileURLToPath } from 'node:url';
import { createVitest } from 'vitest/node';
import { StepReporter } from '../report/step-reporter.ts';
import TotalsReporter from '../report/totals-reporter.ts';
import type {} from '../report/meta.ts';
import type { Report } from '../report/report.ts';
import type { SessionFacts } from './session.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the document's steps by vitest against an open session; their results go into the report.
 * @returns what went wrong outside the steps, nothing when all was in order
 */
export async function runDocument(
  facts: SessionFacts,
  report: Report,
  write: (line: string) => void,
): Promise<readonly string[]> {
  const steps = new StepReporter(report, write);
  // Vite ends the process on SIGTERM by itself, before anything could be cleaned up. Signals are the CLI's.
  const own = process.listeners('SIGTERM');
  const vitest = await createVitest({
    root,
    project: ['document'],
    watch: false,
    reporters: [steps, new TotalsReporter()],
  });
  for (const listener of process.listeners('SIGTERM')) {
    if (!own.includes(listener)) process.off('SIGTERM', listener);
  }
  try {
    vitest.provide('session', facts);
    await vitest.start();
  } finally {
    await vitest.close();
  }
  // The exit code is the CLI's to choose; vitest sets it on any failed test.
  process.exitCode = 0;
  return steps.problems;
}
