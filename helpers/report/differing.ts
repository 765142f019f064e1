import { renderTrip } from '../trip/render.ts';
import type { StepResult } from '../results/step.ts';
import { byId } from './stability.ts';

/** More would be scrolled past; the others are in results.json. */
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
  for (const [id, runs] of byId(steps)) {
    const failed = runs.find(({ status }) => status === 'failed');
    const passed = runs.find(({ status }) => status === 'passed');
    if (failed === undefined || passed === undefined) continue;
    // Several steps judge one request; showing it once for each would bury the next one.
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
  // A step may make several requests: its last one is what it failed at, and the same one is what to compare it with.
  const last = failed.trips.length - 1;
  const failing = failed.trips[last];
  const sound = passed.trips[last] ?? passed.trips.at(-1);
  return [
    `${names} in pass ${failed.pass}, failed:`,
    indent(failing === undefined ? seenIn(failed) : renderTrip(failing)),
    `${names} in pass ${passed.pass}, passed:`,
    indent(sound === undefined ? establishedIn(passed) : renderTrip(sound)),
    '',
  ];
}

function seenIn({ findings, reason }: StepResult): string {
  return `no request was made; seen: ${findings[0]?.seen ?? reason}`;
}

function establishedIn({ facts }: StepResult): string {
  const established = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return `no request was made${established.length === 0 ? '' : `; ${established.join(', ')}`}`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
