import { z } from 'zod';
import type { CauseCode } from '../helpers/causes/causes.ts';
import { markdownTable } from '../helpers/text-table.ts';
import type { Finding } from '../helpers/trip/finding.ts';

/** What became of one fault; `faults.json` is a list of these. */
export const faultResult = z.object({
  id: z.string(),
  title: z.string(),
  caught: z.boolean().describe('the suite was red'),
  asExpected: z
    .boolean()
    .describe('at the expected step, with the expected cause first, and the object named that is to blame'),
  step: z
    .string()
    .describe('the first step that failed; set-up when there was no cluster yet; empty when none did'),
  expectedStep: z.string(),
  cause: z.string().describe('its first cause; empty when nothing failed'),
  expectedCause: z.string(),
  seen: z.string().describe('what the first finding saw'),
  fourGreps: z
    .boolean()
    .describe(
      'the second judge, four searches of page and logs, was red, too; without a cluster it cannot run, and is',
    ),
  fourGrepsMissed: z.string().describe('the search that found nothing; empty when all found something'),
  seconds: z.number().describe('with its undoing, and the proof that the mesh is sound again'),
});

export const faultResults = z.object({ faults: z.array(faultResult) });

export type FaultResult = z.infer<typeof faultResult>;

export interface Caught {
  readonly step: string;
  readonly cause: string;
  readonly seen: string;
}

/** A step that failed, with the first of its findings; `reason` where it has none. */
export function caughtAt(step: string, [first]: readonly Finding[], reason: string): Caught {
  return { step, cause: first?.cause ?? 'UNEXPLAINED', seen: first?.seen ?? reason };
}

/**
 * @param caught undefined when the suite was green
 * @param missed the search of the second judge that found nothing; undefined when all found something
 * @param start when the fault was begun, of performance.now()
 */
export function faultResultOf(
  fault: {
    readonly id: string;
    readonly title: string;
    readonly expect: { readonly step: string; readonly cause: CauseCode; readonly names?: string };
  },
  caught: Caught | undefined,
  missed: string | undefined,
  start: number,
): FaultResult {
  const { id, title, expect } = fault;
  const { step, cause, seen } = caught ?? { step: '', cause: '', seen: '' };
  return {
    id,
    title,
    caught: caught !== undefined,
    asExpected: step === expect.step && cause === expect.cause && seen.includes(expect.names ?? ''),
    step,
    expectedStep: expect.step,
    cause,
    expectedCause: expect.cause,
    seen,
    fourGreps: missed !== undefined,
    fourGrepsMissed: missed ?? '',
    seconds: secondsSince(start),
  };
}

/** To a tenth. @param start of performance.now() */
export function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}

/** The matrix as a table, for docs/faults.md. */
export function faultsPage(results: readonly FaultResult[]): string {
  const caught = results.filter(({ caught: yes }) => yes).length;
  const greps = results.filter(({ fourGreps }) => fourGreps).length;
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  return [
    '# The fault matrix',
    '',
    'Made by `./conformance faults --table docs/faults.md`: each fault is put into a real mesh by itself, the document is',
    'run, the fault is taken out, and the mesh is proven sound again. The last column is the usual way of testing this',
    'page: four searches (the title, `CONNECT en.wikipedia.org:443` anywhere in Squid’s log, the title from the mesh, the',
    'cluster’s name anywhere in the sidecar’s log), each tried again for 3 seconds. It names no cause: what is written is the',
    'search that found nothing. It looks at the mesh as it is when the suite stops; without a cluster (step set-up) it cannot',
    'even begin, and counts as red.',
    '',
    `**Caught by the suite: ${caught} of ${results.length}. By four searches: ${greps} of ${results.length}.** ${Math.round(seconds)} s in all.`,
    '',
    markdownTable(
      ['Fault', 'What is wrong', 'Step', 'Cause', 'Four searches', 's'],
      results.map(({ id, title, asExpected, step, cause, expectedStep, expectedCause, ...result }) => [
        id,
        title,
        asExpected ? step : `${step || 'not caught'} (expected ${expectedStep})`,
        asExpected ? cause : `${cause || '-'} (expected ${expectedCause})`,
        result.fourGreps ? result.fourGrepsMissed : '**passed**',
        result.seconds.toFixed(1),
      ]),
      (text) => text,
    ),
    '',
  ].join('\n');
}
