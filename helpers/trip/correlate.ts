import { parseSidecarLine, type ReadSidecarLine } from './envoy.ts';
import { type Fit, fitOrigin, fitProxy, fitSidecar, proxyMargin, strengths, type Subject } from './fit.ts';
import { tripTolerances } from './judgement.ts';
import {
  type Line,
  type LogStatement,
  originIndex,
  Pool,
  proxyIndex,
  type ReadLine,
  type Seeing,
  sidecarIndex,
} from './lines.ts';
import { parseOriginLine } from './origin.ts';
import { parseProxyLine } from './squid.ts';
import type {
  Ambiguity,
  LogWitness,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Tolerances,
  Trip,
  UnmatchedLine,
} from './statements.ts';

/** What is known of a request before its statements are sorted out. */
export interface Observation extends Omit<Subject, 'tolerances'> {
  /**
   * The lines each log yielded since this trip's cursor, raw, in any order; undefined when that log was not followed.
   * Those of other trips, pods and programs may be among them.
   */
  readonly lines: Readonly<Record<LogWitness, readonly string[] | undefined>>;
  /** What the sidecar's counters said, where it leaves no log line to read, and why it leaves none. */
  readonly counted?: { readonly statements: readonly SidecarStatement[]; readonly why: string } | undefined;
  /** See {@link tripTolerances} for what is left out. */
  readonly tolerances?: Partial<Tolerances>;
}

interface Sorted<S extends LogStatement> {
  readonly credited: ReadonlyMap<string, readonly S[]>;
  readonly unmatched: (subject: Seeing) => readonly UnmatchedLine[];
  readonly ambiguities: ReadonlyMap<string, readonly Ambiguity[]>;
}

/** {@link attribute} for a trip that ran alone. */
export function correlate(observation: Observation, readSidecar?: ReadSidecarLine): Trip {
  const [trip] = attribute([observation], readSidecar);
  if (trip === undefined) throw new TypeError('attribute returned no trip for an observation');
  return trip;
}

/**
 * Credits each line to one of several trips that may have run at the same time. No line is credited to two trips;
 * where two have about the same claim, both get an {@link Ambiguity}.
 * @param readSidecar Reads the sidecars' access logs; in Istio's default formats when not given
 * @returns one trip an observation, in their order.
 * @throws TypeError when two observations have the same id, or one's URL is not http(s).
 */
export function attribute(
  observations: readonly Observation[],
  readSidecar: ReadSidecarLine = parseSidecarLine,
): Trip[] {
  const subjects = observations.map((observation): Observation & Seeing => ({
    ...observation,
    tolerances: { ...tripTolerances, ...observation.tolerances },
  }));
  if (new Set(subjects.map((subject) => subject.id)).size !== subjects.length) {
    throw new TypeError('two observations have the same trip id');
  }
  const sidecar = sort(
    new Pool('sidecar', subjects, readSidecar, sidecarIndex),
    'sidecar',
    subjects,
    fitSidecar,
    (s) => s.tolerances.nodeSkewMs,
  );
  const counted = new Map(subjects.map(({ id, counted: spoken }) => [id, spoken]));
  const sidecarOf = ({ id }: Subject): SidecarStatement | undefined =>
    (counted.get(id)?.statements ?? sidecar.credited.get(id))?.[0];
  const proxy = sort(
    new Pool('proxy', subjects, parseProxyLine, (lines) => proxyIndex(lines, sidecarOf)),
    'proxy',
    subjects,
    (subject, line) => fitProxy(subject, sidecarOf(subject), line),
    (subject) => proxyMargin(subject, sidecarOf(subject)),
  );
  const origin = sortOrigin(subjects);
  return subjects.map((subject): Trip => {
    const { id, url, via, given, client, tolerances, lines, counted: spoken } = subject;
    const logs = [sidecar, proxy, origin];
    let unmatched: readonly UnmatchedLine[] | undefined;
    return {
      id,
      url,
      via,
      ...(given === undefined ? {} : { given }),
      client,
      tolerances,
      ...(spoken === undefined ? {} : { counters: spoken.why }),
      sidecar:
        spoken?.statements ?? (lines.sidecar === undefined ? undefined : (sidecar.credited.get(id) ?? [])),
      proxy: lines.proxy === undefined ? undefined : (proxy.credited.get(id) ?? []),
      origin: lines.origin === undefined ? undefined : (origin.credited.get(id) ?? []),
      // Almost all of thousands of trips are sound, and a sound one is never asked for other trips' lines.
      get unmatched(): readonly UnmatchedLine[] {
        unmatched ??= logs.flatMap((log) => log.unmatched(subject));
        return unmatched;
      },
      ambiguities: logs.flatMap((log) => log.ambiguities.get(id) ?? []),
    };
  });
}

/** Credits each line of one log to at most one trip, and each trip with at most one line: stronger claims before weaker. */
function sort<S extends SidecarStatement | ProxyStatement>(
  pool: Pool<S>,
  witness: LogWitness,
  subjects: readonly Seeing[],
  fit: (subject: Subject, line: S) => Fit,
  margin: (subject: Seeing) => number,
): Sorted<S> {
  const lineOf = new Map<Seeing, ReadLine<S>>();
  const ambiguities = new Map<string, Ambiguity[]>();
  const credited = new Set<Line<S>>();
  for (const strength of strengths) {
    const claims: Claim<Seeing, ReadLine<S>>[] = [];
    for (const trip of subjects) {
      if (lineOf.has(trip)) continue;
      for (const line of pool.index(trip)(trip, strength)) {
        if (credited.has(line)) continue;
        const how = fit(trip, line.parsed);
        if (how.fits === strength) claims.push({ trip, line, cost: how.costMs });
      }
    }
    const assignment = assign(claims, margin);
    for (const [trip, line] of assignment.lineOf) {
      lineOf.set(trip, line);
      credited.add(line);
    }
    for (const tie of assignment.ties) {
      const lines = [...tie.lines].map((line) => line.parsed);
      const everyoneServed = [...tie.trips].every((trip) => assignment.lineOf.has(trip));
      for (const trip of tie.trips) {
        const rivals = [...tie.trips].filter((other) => other !== trip).map((other) => other.id);
        const found = ambiguities.get(trip.id) ?? [];
        ambiguities.set(trip.id, [...found, ambiguityOf(witness, rivals, lines, everyoneServed)]);
      }
    }
  }
  return {
    credited: new Map([...lineOf].map(([trip, line]) => [trip.id, [line.parsed]])),
    unmatched: (subject) => pool.leftOver(subject, credited, fit),
    ambiguities,
  };
}

/** The origin's lines carry the trip's id: all lines with it are credited to the trip. */
function sortOrigin(subjects: readonly Seeing[]): Sorted<OriginStatement> {
  const pool = new Pool('origin', subjects, parseOriginLine, originIndex);
  const credited = new Map<string, readonly OriginStatement[]>();
  const taken = new Set<Line<OriginStatement>>();
  for (const subject of subjects) {
    const own = pool
      .index(subject)(subject, 'strong')
      .filter(({ parsed }) => fitOrigin(subject, parsed).fits !== 'no');
    for (const line of own) taken.add(line);
    credited.set(
      subject.id,
      own.map(({ parsed }) => parsed),
    );
  }
  return {
    credited,
    unmatched: (subject) => pool.leftOver(subject, taken, fitOrigin),
    ambiguities: new Map(),
  };
}

/** A tie among lines and trips, and whether every way to break it leads to the same verdicts. */
function ambiguityOf(
  witness: LogWitness,
  rivals: readonly string[],
  lines: readonly (SidecarStatement | ProxyStatement)[],
  everyoneServed: boolean,
): Ambiguity {
  const judged = new Set(lines.map(judgedFacts));
  return {
    witness,
    rivals,
    lines: lines.map((line) => line.line),
    harmless: everyoneServed && judged.size === 1,
  };
}

/**
 * Everything that a verdict looks at, except the times, which are compared within tolerances. Two lines of a sidecar
 * always differ, by the client's port.
 */
function judgedFacts(statement: SidecarStatement | ProxyStatement): string {
  if (statement.witness === 'sidecar') return statement.line;
  const { clientIp, result, status, bytes, method, target, hierarchy, peer } = statement;
  return JSON.stringify([clientIp, result, status, bytes, method, target, hierarchy, peer ?? null]);
}

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
