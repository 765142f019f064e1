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
  const restore = keepListeners();
  const vitest = await createVitest({
    root,
    project: ['document'],
    watch: false,
    reporters: [steps, new TotalsReporter()],
  });
  restore();
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

/**
 * Vite ends the process on SIGTERM by itself, vitest on SIGINT and on an unhandled rejection, all of them before
 * anything could be cleaned up. These are the CLI's to handle.
 * @returns takes the listeners away that came since
 */
function keepListeners(): () => void {
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => process.listeners(event as 'SIGINT'));
  return () => {
    for (const [index, event] of events.entries()) {
      for (const listener of process.listeners(event as 'SIGINT')) {
        if (before[index]?.includes(listener) !== true) process.off(event, listener);
      }
    }
  };
}
