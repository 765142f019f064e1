import { duration } from '../progress/terminal.ts';
import { differingStatements } from './differing.ts';
import { notAvailable } from '../your-proxy/your-proxy.ts';
import type { Results } from '../results/results.ts';
import { stabilityTable } from './stability.ts';

/** A witness that was not heard must not look like one that agreed. */
const unheard =
  'Not available: the statement of your proxy (no --proxy-log). What is proven without it: docs/your-proxy.md';

/** The last lines of a run: of several passes their figures and what differed between them, then the verdict. */
export function closingLines(run: Results, stepsInAll: number): string[] {
  const { steps, stability, verdict, reason, scope, proxy } = run;
  const count = (status: string): number => steps.filter((step) => step.status === status).length;
  const counts = [`${count('passed')} passed`, `${count('failed')} failed`, `${count('skipped')} skipped`];
  if (scope === 'partial') counts.push(`${new Set(steps.map(({ id }) => id)).size} of ${stepsInAll} steps`);
  if (stability !== undefined) counts.push(`${new Set(steps.map(({ pass }) => pass)).size} passes`);
  const figures = stability === undefined || stability.length === 0 ? [] : ['', ...stabilityTable(stability)];
  const differing = stability === undefined ? [] : differingStatements(steps);
  return [
    ...figures.map((line) => (line === '' ? '' : `  ${line}`)),
    '',
    ...differing,
    // What failed in a single pass was told when it failed.
    ...(reason === '' || verdict === 'not conformant' ? [] : [reason]),
    ...(proxy?.statement === notAvailable && steps.length > 0 ? [unheard] : []),
    `Verdict: ${verdict} (${[...counts, duration(run.durationMs)].join(', ')})`,
  ];
}
