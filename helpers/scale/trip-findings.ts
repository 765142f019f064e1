import type { CauseCode } from '../causes/causes.ts';
import { diagnose, diagnoseTitle } from '../trip/diagnose.ts';
import type { Expectation } from '../trip/expectations.ts';
import type { Finding } from '../trip/finding.ts';
import type { Trip } from '../trip/statements.ts';

/** How many unsound trips are diagnosed: what is wrong with thousands is wrong with the first of them. */
const lookedInto = 100;
/** How many trips are named per cause. */
const named = 5;

export interface Unsound {
  /** One for each cause, the most frequent first; empty when all trips are sound. */
  readonly findings: readonly Finding[];
  /** The first trip of each cause, in the same order. */
  readonly examples: readonly Trip[];
  readonly count: number;
}

/** What is wrong with many trips: each cause once, with how many and which trips, and what the first one saw. */
export function unsoundOf(
  trips: readonly Trip[],
  expectations: readonly Expectation[],
  title: string,
): Unsound {
  const unsound = trips.filter((trip) => !isSound(trip, expectations, title));
  const groups = new Map<CauseCode, { trip: Trip; finding: Finding; ids: string[] }>();
  for (const trip of unsound.slice(0, lookedInto)) {
    const [finding] = [...diagnose(trip, expectations), ...diagnoseTitle(trip, title)];
    if (finding === undefined) throw new TypeError(`trip ${trip.id} is neither sound nor has a finding`);
    const group = groups.get(finding.cause) ?? { trip, finding, ids: [] };
    group.ids.push(trip.id);
    groups.set(finding.cause, group);
  }
  const inOrder = [...groups.values()].sort((a, b) => b.ids.length - a.ids.length);
  const more = unsound.length > lookedInto ? ` of the first ${lookedInto} of ${unsound.length}` : '';
  const findings = inOrder.map(({ finding, ids }) => {
    const which = [...ids.slice(0, named), ...(ids.length > named ? [`${ids.length - named} more`] : [])];
    const of = more === '' ? `${ids.length} of ${trips.length} trips` : `${ids.length}${more} unsound trips`;
    return { ...finding, seen: `${of} (${which.join(', ')}); the first: ${finding.seen}` };
  });
  return { findings, examples: inOrder.map(({ trip }) => trip), count: unsound.length };
}

/** Whether a diagnosis has no findings; it then looks at no line but the trip's own. */
function isSound(trip: Trip, expectations: readonly Expectation[], title: string): boolean {
  if (trip.client.exitCode !== 0 || trip.client.title !== title) return false;
  const silent = expectations.some(({ kind }) => kind !== 'no-sidecar' && trip[kind]?.length !== 1);
  return !silent && diagnose(trip, expectations).length === 0;
}
