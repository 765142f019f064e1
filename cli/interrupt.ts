import { setTimeout as delay } from 'node:timers/promises';
import { sweep } from '../helpers/cluster/sweep.ts';
import { exitCodes, messageOf } from '../helpers/errors.ts';
import type { Report } from '../helpers/report/report.ts';
import type { Results } from '../helpers/report/results.ts';
import { removeRunFolder } from '../helpers/session/folder.ts';

/** Ctrl-C, a polite kill, and a terminal that was closed. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interruptible {
  readonly report: Report;
  /** A kept cluster stays. */
  readonly keep: boolean;
  /** The session being opened: it removes what it had begun (an image build, a node) before it fails. */
  readonly opening: () => Promise<unknown> | undefined;
  /** Is told the results of what was interrupted. */
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
  const stop = (signal: (typeof signals)[number]): void => {
    const code = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hungUp }[
      signal
    ];
    if (stopping) process.exit(code);
    stopping = true;
    run.report.interrupted = true;
    process.stderr.write(`\n${signal}: removing what this run made (again to leave at once)\n`);
    void cleanUp(run, signal, code).finally(() => process.exit(code));
  };
  for (const signal of signals) process.on(signal, stop);
  return {
    end: async () => {
      // Whatever the run came to in the meantime, the clean-up has the last word, and ends the process.
      if (stopping) await new Promise(() => undefined);
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

async function cleanUp(
  { report, keep, opening, ended }: Interruptible,
  signal: string,
  code: number,
): Promise<void> {
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
  await removeRunFolder(report.runId);
  const results = await report.write({ verdict: 'interrupted', reason: `Interrupted by ${signal}` }, code);
  ended?.(results);
}
