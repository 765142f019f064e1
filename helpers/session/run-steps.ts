import type {} from '../results/vitest-context.ts';
import { type Reporter, type Vitest, createVitest } from 'vitest/node';
import { GateLines, PassLines, StepLines, type Lines } from '../report/lines.ts';
import { PhaseRecorder, StepReporter } from '../report/reporters.ts';
import type { Report } from '../report/report.ts';
import type { GatePlan } from '../results/gate.ts';
import type { SessionFacts } from './session.ts';
import type { Telling } from './telling.ts';
import { fileURLToPath } from 'node:url';
import { ownExtension } from '../installed.ts';
import TotalsReporter from '../report/totals-reporter.ts';

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

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * An installed package may be read-only: vitest neither bundles nor caches there, and totals are not added up.
 */
const inPackage = { configLoader: 'native', cache: false, fsModuleCache: false } as const;

let running: Vitest | undefined;

/** Lets the test end that is at work, and begins no other; whoever waits for the project gets its end then. */
export async function cancelProject(): Promise<void> {
  await running?.cancelCurrentRun('keyboard-input');
}

/** Runs one of vitest.config.ts's projects in this process, with what its tests `inject`. */
export async function runProject(
  project: string,
  reporters: readonly Reporter[],
  provide: (vitest: Vitest) => void,
): Promise<void> {
  const restore = keepListeners();
  const vitest = await createVitest({
    root,
    project: [project],
    watch: false,
    ...(ownExtension === 'ts'
      ? { reporters: [...reporters, new TotalsReporter()] }
      : { ...inPackage, reporters: [...reporters] }),
  });
  restore();
  try {
    provide(vitest);
    running = vitest;
    await vitest.start();
  } finally {
    running = undefined;
    await vitest.close();
  }
  // The exit code is the CLI's to choose; vitest sets it on any failed test.
  process.exitCode = 0;
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
