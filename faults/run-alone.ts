import { messageOf } from '../helpers/errors.ts';
import type { RunFault } from './fault.ts';
import type { FaultReporter } from './reporter.ts';
import type { FaultResult } from './result.ts';

/** Tries faults that need no cluster, one after the other; each is a run of its own. */
export async function runAlone(faults: readonly RunFault[], reporter: FaultReporter): Promise<void> {
  for (const fault of faults) {
    try {
      const impossible = await fault.impossible();
      if (impossible === undefined) reporter.add(await resultOf(fault));
      else reporter.notJudged(fault.id, impossible);
    } catch (error) {
      reporter.notJudged(fault.id, messageOf(error));
    }
  }
}

async function resultOf({ id, title, expect, run }: RunFault): Promise<FaultResult> {
  const start = performance.now();
  await using ended = await run();
  const { exitCode, results, stderr } = ended;
  const cause = results?.cause ?? '';
  const caught = exitCode !== 0;
  // A run that got as far as its steps was not stopped where it should have been.
  const failed = results?.steps.find(({ status }) => status === 'failed');
  const step = caught ? (failed?.id ?? expect.step) : '';
  return {
    id,
    title,
    caught,
    asExpected: step === expect.step && cause === expect.cause,
    step,
    expectedStep: expect.step,
    cause,
    expectedCause: expect.cause,
    seen: results?.reason ?? stderr,
    fourGreps: true,
    fourGrepsMissed: 'no cluster',
    seconds: Math.round((performance.now() - start) / 100) / 10,
  };
}
