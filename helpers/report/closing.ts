import { duration } from '../progress/terminal.ts';
import type { Results } from '../results/results.ts';
import type { StepResult } from '../results/step.ts';
import { trafficLines } from '../traffic/traffic-lines.ts';
import { renderTrip } from '../trip/finding.ts';
import type { Trip } from '../trip/statements.ts';
import { notAvailable } from '../proxy/proxy.ts';
import { indented } from './lines.ts';
import { stabilityTable, tally } from './tally.ts';

/** A log that was not read must not look like one that agreed. */
const unheard =
  'Not available: the statement of your proxy (no --proxy-log). What is proven without it: docs/your-proxy.md';

/** The last lines of a run: the verdict, and before it the figures of several passes and what differed between them. */
export function closingLines(run: Results, stepsInAll: number): string[] {
  const { steps, stability, verdict, reason, scope, proxy } = run;
  const counts = [tally(steps)];
  if (scope === 'partial') counts.push(`${new Set(steps.map(({ id }) => id)).size} of ${stepsInAll} steps`);
  if (stability !== undefined) counts.push(`${new Set(steps.map(({ pass }) => pass)).size} passes`);
  const figures = stability === undefined || stability.length === 0 ? [] : ['', ...stabilityTable(stability)];
  const differing = stability === undefined ? [] : differingStatements(steps);
  return [
    ...figures.map((line) => (line === '' ? '' : `  ${line}`)),
    '',
    ...differing,
    // A failure in a single pass was printed when it happened.
    ...(reason === '' || verdict === 'not conformant' ? [] : [reason]),
    ...(proxy?.statement === notAvailable && steps.length > 0 ? [unheard] : []),
    `Verdict: ${verdict} (${[...counts, duration(run.durationMs)].join(', ')})`,
  ];
}

/** The last lines of a gate: the live traffic, the mesh after a failure, and the verdict. */
export function gateClosing(run: Results): string[] {
  const { gate, reason, verdict, durationMs } = run;
  if (gate === undefined) return [reason, `Verdict: ${verdict} (${duration(durationMs)})`];
  const { from, to, strategy, rollback } = gate;
  const way = `${from} → ${to}, ${strategy}${rollback ? ', rolled back' : ''}`;
  const answer =
    verdict === 'conformant'
      ? 'may go out'
      : verdict === 'not conformant'
        ? 'must not go out'
        : 'was not judged';
  return [
    ...(gate.traffic === undefined ? [] : ['', ...trafficLines(gate.traffic)]),
    ...(verdict === 'conformant' || gate.mesh.length === 0
      ? []
      : ['', '  The mesh as the failure left it:', ...gate.mesh.map((line) => `    ${line}`)]),
    '',
    ...(reason === '' ? [] : [reason]),
    `Verdict: ${verdict}; the upgrade ${way} ${answer} (${duration(durationMs)})`,
  ];
}

/** Differences that are printed; the others are in results.json. */
const shown = 3;

/** Steps that failed at the same request, with a failed and a passed run of the first of them. */
interface Difference {
  readonly ids: string[];
  readonly failed: StepResult;
  readonly passed: StepResult;
}

/**
 * What the witnesses said in a step's first failed run, above what they said in its first run that passed: the
 * difference is where a flake is looked for first. Nothing for steps that always passed or never did.
 */
export function differingStatements(steps: readonly StepResult[]): string[] {
  const differences = new Map<string, Difference>();
  for (const [id, runs] of Map.groupBy(steps, ({ id }) => id)) {
    const failed = runs.find(({ status }) => status === 'failed');
    const passed = runs.find(({ status }) => status === 'passed');
    if (failed === undefined || passed === undefined) continue;
    // Several steps judge the same request: it is printed once for all of them.
    const request = failed.trips.at(-1)?.id ?? id;
    const known = differences.get(request);
    if (known === undefined) differences.set(request, { ids: [id], failed, passed });
    else known.ids.push(id);
  }
  const all = [...differences.values()];
  const more = all.slice(shown).flatMap(({ ids }) => ids);
  return [
    ...all.slice(0, shown).flatMap(comparison),
    ...(more.length === 0 ? [] : [`Also differing, see results.json: ${more.join(', ')}`, '']),
  ];
}

function comparison({ ids, failed, passed }: Difference): string[] {
  const names = ids.join(', ');
  // A step fails at its last request, which is compared with the same request of the passed run.
  const last = failed.trips.length - 1;
  const failing = failed.trips[last];
  const sound = passed.trips[last] ?? passed.trips.at(-1);
  const seen = `seen: ${failed.findings[0]?.seen ?? failed.reason}`;
  const facts = Object.entries(passed.facts).map(([name, value]) => `${name} ${value}`);
  const told = (trip: Trip | undefined, instead: string): string =>
    indented(
      trip === undefined ? ['no request was made', instead].filter(Boolean).join('; ') : renderTrip(trip),
      2,
    );
  return [
    `${names} in pass ${failed.pass}, failed:`,
    told(failing, seen),
    `${names} in pass ${passed.pass}, passed:`,
    told(sound, facts.join(', ')),
    '',
  ];
}
