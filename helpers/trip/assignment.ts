/** A claim of a trip to a line. `cost` says how far apart they are; equal trips and lines have equal costs. */
export interface Claim<T, L> {
  readonly trip: T;
  readonly line: L;
  readonly cost: number;
}

export interface Assignment<T, L> {
  readonly lineOf: ReadonlyMap<T, L>;
  /** Groups of trips and lines among which another assignment would have been about as good. */
  readonly ties: readonly Tie<T, L>[];
}

/**
 * Gives each line to at most one trip and each trip at most one line, closest pairs first.
 *
 * Closest first, not cheapest in sum or most pairs: where a trip lost its line, those would give it a
 * neighbour's, and the neighbour a stale one, and hide the loss.
 * @param beforePair Called before each pair is made; `isOpen` says which claims could still be a pair then
 */
export function closestFirst<T, L>(
  claims: readonly Claim<T, L>[],
  beforePair?: (claim: Claim<T, L>, isOpen: (other: Claim<T, L>) => boolean) => void,
): Map<T, L> {
  const lineOf = new Map<T, L>();
  const taken = new Set<L>();
  const isOpen = ({ trip, line }: Claim<T, L>): boolean => !lineOf.has(trip) && !taken.has(line);
  for (const claim of claims.toSorted((a, b) => a.cost - b.cost)) {
    if (!isOpen(claim)) continue;
    beforePair?.(claim, isOpen);
    lineOf.set(claim.trip, claim.line);
    taken.add(claim.line);
  }
  return lineOf;
}

/**
 * {@link closestFirst}, with the ties. A pair is tied when a rival claim to its line or its trip, still open when the
 * pair was made, was at most `margin` worse. Ties that share a trip or a line are one group.
 */
export function assign<T, L>(claims: readonly Claim<T, L>[], margin: (trip: T) => number): Assignment<T, L> {
  const ties: Tie<T, L>[] = [];
  const sorted = claims.toSorted((a, b) => a.cost - b.cost);
  // Only claims to the same trip or the same line can be rivals.
  const byTrip = Map.groupBy(sorted, ({ trip }) => trip);
  const byLine = Map.groupBy(sorted, ({ line }) => line);
  const lineOf = closestFirst(sorted, (claim, isOpen) => {
    const near = [...(byTrip.get(claim.trip) ?? []), ...(byLine.get(claim.line) ?? [])];
    const rivals = near.filter(
      (other) =>
        (other.trip === claim.trip) !== (other.line === claim.line) &&
        other.cost <= claim.cost + Math.max(margin(claim.trip), margin(other.trip)) &&
        isOpen(other),
    );
    if (rivals.length > 0) ties.push(tieOf([claim, ...rivals]));
  });
  // The line that a tied trip got in the end is part of its tie, whichever pair it came from.
  const whole = ties.map(({ trips, lines }) => {
    const got = [...trips].flatMap((trip) => (lineOf.has(trip) ? [lineOf.get(trip) as L] : []));
    return { trips, lines: new Set([...lines, ...got]) };
  });
  return { lineOf, ties: joined(whole) };
}

interface Tie<T, L> {
  readonly trips: ReadonlySet<T>;
  readonly lines: ReadonlySet<L>;
}

function tieOf<T, L>(claims: readonly Claim<T, L>[]): Tie<T, L> {
  return {
    trips: new Set(claims.map((claim) => claim.trip)),
    lines: new Set(claims.map((claim) => claim.line)),
  };
}

/** Ties that share a trip or a line, as one. */
function joined<T, L>(ties: readonly Tie<T, L>[]): Tie<T, L>[] {
  const tiesOfTrip = Map.groupBy(
    ties.flatMap((tie) => [...tie.trips].map((trip) => ({ trip, tie }))),
    ({ trip }) => trip,
  );
  const tiesOfLine = Map.groupBy(
    ties.flatMap((tie) => [...tie.lines].map((line) => ({ line, tie }))),
    ({ line }) => line,
  );
  const groups: Tie<T, L>[] = [];
  const seen = new Set<Tie<T, L>>();
  for (const tie of ties) {
    if (seen.has(tie)) continue;
    const trips = new Set<T>();
    const lines = new Set<L>();
    const open = [tie];
    seen.add(tie);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const newTrips = [...next.trips].filter((trip) => !trips.has(trip));
      const newLines = [...next.lines].filter((line) => !lines.has(line));
      for (const trip of newTrips) trips.add(trip);
      for (const line of newLines) lines.add(line);
      const touching = [
        ...newTrips.flatMap((trip) => tiesOfTrip.get(trip) ?? []),
        ...newLines.flatMap((line) => tiesOfLine.get(line) ?? []),
      ];
      for (const { tie: other } of touching) {
        if (seen.has(other)) continue;
        seen.add(other);
        open.push(other);
      }
    }
    groups.push({ trips, lines });
  }
  return groups;
}
