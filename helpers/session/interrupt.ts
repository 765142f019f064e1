import { setTimeout as delay } from 'node:timers/promises';
import { sweep } from '../cluster/sweep.ts';
import { exitCodes, messageOf } from '../errors.ts';
import type { Report } from '../report/report.ts';
import type { Results } from '../results/results.ts';
import { timeouts } from '../timeouts.ts';
import { removeRunFolder } from './folder.ts';

/** Ctrl-C, a polite kill, and a terminal that was closed. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interruptible {
  readonly report: Pick<Report, 'runId' | 'interrupted' | 'write'>;
  /** A kept cluster stays. */
  readonly keep: boolean;
  /** The session being opened: it removes what it had begun (an image build, a node) before it fails. */
  readonly opening: () => Promise<unknown> | undefined;
  /** An existing cluster does not end with the run, so the step that runs in it must end first. */
  readonly existing?: { readonly cancel: () => Promise<void> } | undefined;
  /** Gets the results of what was interrupted. */
  readonly ended?: (results: Results) => void;
}

export interface SignalWatch {
  /** Stops listening. Never returns once a signal came. */
  readonly end: () => Promise<void>;
}

/**
 * On Ctrl-C or SIGTERM: removes what the run made, writes the report and exits. A second signal exits at once;
 * the next run sweeps then.
 */
export function onSignals(run: Interruptible): SignalWatch {
  let stopping = false;
  let runIsOver: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    runIsOver = resolve;
  });
  const stop = (signal: (typeof signals)[number]): void => {
    const code = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hungUp }[
      signal
    ];
    if (stopping) process.exit(code);
    stopping = true;
    run.report.interrupted = true;
    process.stderr.write(`\n${signal}: removing what this run made (again to leave at once)\n`);
    void cleanUp(run, signal, code, over).finally(() => process.exit(code));
  };
  for (const signal of signals) process.on(signal, stop);
  return {
    end: async () => {
      runIsOver();
      // Whatever the run came to in the meantime, the clean-up has the last word, and ends the process.
      if (stopping) await new Promise(() => undefined);
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

async function cleanUp(run: Interruptible, signal: string, code: number, over: Promise<void>): Promise<void> {
  const { report, keep, opening, existing } = run;
  if (existing !== undefined) {
    await existing.cancel();
    // The run takes away what it made by itself, when its step has ended; a step that hangs is not waited for.
    await Promise.race([over, delay(timeouts.interrupted, undefined, { ref: false })]);
    await writeEnd(run, signal, code);
    return;
  }
  const removeCluster = async (): Promise<void> => {
    try {
      if (!keep) await sweep({ only: report.runId });
    } catch (error) {
      process.stderr.write(`${messageOf(error)}\n`);
    }
  };
  await removeCluster();
  await Promise.race([opening()?.catch(() => undefined), delay(15_000, undefined, { ref: false })]);
  // What was being started while the first sweep ran.
  await removeCluster();
  await writeEnd(run, signal, code);
}

async function writeEnd({ report, ended }: Interruptible, signal: string, code: number): Promise<void> {
  await removeRunFolder(report.runId);
  const results = await report.write({ verdict: 'interrupted', reason: `Interrupted by ${signal}` }, code);
  ended?.(results);
}
