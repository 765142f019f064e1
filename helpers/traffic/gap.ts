import type { ClientTrip } from './trips.ts';

export interface Gap {
  /** The last good request before it, and the next one; ms since the epoch. */
  readonly from: number;
  readonly until: number;
}

/**
 * The longest time in which no request of a workload had its page, over all of its pods: what somebody behind that
 * workload had to do without it. Undefined before there were two.
 */
export function longestGap(pods: readonly { readonly trips: readonly ClientTrip[] }[]): Gap | undefined {
  const requests = pods
    .flatMap(({ trips }) => trips)
    .filter(({ kind, warm }) => kind === 'requests' && !warm);
  const good = requests.filter(({ outcome }) => outcome === 'completed').map(({ endedAt }) => endedAt);
  // Where the last ones failed the gap goes on to the end, and where the first ones did from the beginning.
  const ends = [
    Math.min(...requests.map(({ startedAt }) => startedAt)),
    Math.max(...requests.map(({ endedAt }) => endedAt)),
  ];
  const times = [...good, ...ends].filter(Number.isFinite).sort((a, b) => a - b);
  return times
    .slice(1)
    .map((until, index) => ({ from: times[index] ?? until, until }))
    .reduce<Gap | undefined>(
      (longest, gap) =>
        longest === undefined || gap.until - gap.from > longest.until - longest.from ? gap : longest,
      undefined,
    );
}
