import { assign, type Claim } from './assignment.ts';
import { ambiguityOf } from './ambiguity.ts';
import { parseSidecarLine } from './envoy.ts';
import { fitOrigin, fitProxy, fitSidecar, proxyMargin, strengths, type Fit, type Subject } from './fit.ts';
import { parseOriginLine } from './origin.ts';
import { isFailure, type ParseFailure } from './parse-failure.ts';
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
  /** See {@link defaultTolerances} for what is left out. */
  readonly tolerances?: Partial<Tolerances>;
}

/**
 * For a cluster in containers beside the runner: one kernel, one clock, so what is left is rounding and a busy
 * machine. A cluster elsewhere needs larger ones; a larger clock skew lets older lines in where no sidecar's
 * statement narrows the time down.
 */
export const defaultTolerances: Tolerances = { clockSkewMs: 250, nodeSkewMs: 10, closeLagMs: 1500 };

type LogStatement = SidecarStatement | ProxyStatement | OriginStatement;

/** One physical line. The same line seen by several observations is one; twice in one log is two. */
interface Line<S extends LogStatement> {
  readonly text: string;
  readonly parsed: S | ParseFailure;
}

interface Sorted<S extends LogStatement> {
  readonly credited: ReadonlyMap<string, readonly S[]>;
  readonly unmatched: ReadonlyMap<string, readonly UnmatchedLine[]>;
  readonly ambiguities: ReadonlyMap<string, readonly Ambiguity[]>;
}

/** The trip one observation makes: {@link attribute} for a trip that ran alone. */
export function correlate(observation: Observation): Trip {
  const [trip] = attribute([observation]);
  if (trip === undefined) throw new TypeError('attribute returned no trip for an observation');
  return trip;
}

/**
 * Sorts out whose line is whose among trips that may have run at the same time. No line is ever credited to two
 * trips; where two have about the same claim, both get an {@link Ambiguity} saying so.
 * @returns one trip an observation, in their order.
 * @throws TypeError when two observations have the same id, or one's URL is not http(s).
 */
export function attribute(observations: readonly Observation[]): Trip[] {
  const subjects = observations.map((observation): Observation & Subject => ({
    ...observation,
    tolerances: { ...defaultTolerances, ...observation.tolerances },
  }));
  if (new Set(subjects.map((subject) => subject.id)).size !== subjects.length) {
    throw new TypeError('two observations have the same trip id');
  }
  const sidecar = sort('sidecar', subjects, parseSidecarLine, fitSidecar, (s) => s.tolerances.nodeSkewMs);
  const sidecarOf = (subject: Subject): SidecarStatement | undefined => sidecar.credited.get(subject.id)?.[0];
  const proxy = sort(
    'proxy',
    subjects,
    parseProxyLine,
    (subject, line) => fitProxy(subject, sidecarOf(subject), line),
    (subject) => proxyMargin(subject, sidecarOf(subject)),
  );
  const origin = sortOrigin(subjects);
  return subjects.map(({ id, url, via, external, client, tolerances, lines }): Trip => {
    const logs = [sidecar, proxy, origin];
    return {
      id,
      url,
      via,
      ...(external === undefined ? {} : { external }),
      client,
      tolerances,
      sidecar: lines.sidecar === undefined ? undefined : (sidecar.credited.get(id) ?? []),
      proxy: lines.proxy === undefined ? undefined : (proxy.credited.get(id) ?? []),
      origin: lines.origin === undefined ? undefined : (origin.credited.get(id) ?? []),
      unmatched: logs.flatMap((log) => log.unmatched.get(id) ?? []),
      ambiguities: logs.flatMap((log) => log.ambiguities.get(id) ?? []),
    };
  });
}

/** Credits each line of one log to at most one trip, and each trip with at most one line: stronger claims before weaker. */
function sort<S extends SidecarStatement | ProxyStatement>(
  witness: LogWitness,
  subjects: readonly (Observation & Subject)[],
  parse: (line: string) => S | ParseFailure,
  fit: (subject: Subject, line: S) => Fit,
  margin: (subject: Observation & Subject) => number,
): Sorted<S> {
  const pool = gather(witness, subjects, parse);
  const lineOf = new Map<Observation & Subject, Line<S>>();
  const ambiguities = new Map<string, Ambiguity[]>();
  const credited = new Set<Line<S>>();
  for (const strength of strengths) {
    const claims: Claim<Observation & Subject, Line<S>>[] = [];
    for (const trip of subjects) {
      if (lineOf.has(trip)) continue;
      for (const line of pool.seenBy(trip)) {
        if (credited.has(line) || isFailure(line.parsed)) continue;
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
      const lines = [...tie.lines].flatMap((line) => (isFailure(line.parsed) ? [] : [line.parsed]));
      const everyoneServed = [...tie.trips].every((trip) => assignment.lineOf.has(trip));
      for (const trip of tie.trips) {
        const rivals = [...tie.trips].filter((other) => other !== trip).map((other) => other.id);
        const found = ambiguities.get(trip.id) ?? [];
        ambiguities.set(trip.id, [...found, ambiguityOf(witness, rivals, lines, everyoneServed)]);
      }
    }
  }
  const creditedTo = new Map<string, readonly S[]>();
  for (const [trip, line] of lineOf) if (!isFailure(line.parsed)) creditedTo.set(trip.id, [line.parsed]);
  return {
    credited: creditedTo,
    unmatched: pool.leftOver(credited, fit),
    ambiguities,
  };
}

/** The origin's lines carry the trip's id, so nothing is to be weighed; all of a trip's are credited to it. */
function sortOrigin(subjects: readonly (Observation & Subject)[]): Sorted<OriginStatement> {
  const pool = gather('origin', subjects, parseOriginLine);
  const credited = new Map<string, readonly OriginStatement[]>();
  const taken = new Set<Line<OriginStatement>>();
  for (const subject of subjects) {
    const own = pool
      .seenBy(subject)
      .filter((line) => !isFailure(line.parsed) && fitOrigin(subject, line.parsed).fits !== 'no');
    for (const line of own) taken.add(line);
    credited.set(
      subject.id,
      own.flatMap((line) => (isFailure(line.parsed) ? [] : [line.parsed])),
    );
  }
  return { credited, unmatched: pool.leftOver(taken, fitOrigin), ambiguities: new Map() };
}

interface Pool<S extends LogStatement> {
  readonly seenBy: (subject: Observation) => readonly Line<S>[];
  readonly leftOver: (
    credited: ReadonlySet<Line<S>>,
    fit: (subject: Subject, line: S) => Fit,
  ) => ReadonlyMap<string, readonly UnmatchedLine[]>;
}

/** The lines of all observations of one log, each physical line once. */
function gather<S extends LogStatement>(
  witness: LogWitness,
  subjects: readonly (Observation & Subject)[],
  parse: (line: string) => S | ParseFailure,
): Pool<S> {
  const byText = new Map<string, Line<S>[]>();
  for (const subject of subjects) {
    const counts = new Map<string, number>();
    for (const text of subject.lines[witness] ?? []) {
      if (text.trim() === '') continue;
      const count = (counts.get(text) ?? 0) + 1;
      counts.set(text, count);
      const known = byText.get(text) ?? [];
      if (known.length < count) byText.set(text, [...known, { text, parsed: parse(text) }]);
    }
  }
  const seenBy = (subject: Observation): readonly Line<S>[] =>
    [...new Set(subject.lines[witness] ?? [])].flatMap((text) => byText.get(text) ?? []);
  return {
    seenBy,
    leftOver: (credited, fit) =>
      new Map(
        subjects.map((subject) => [
          subject.id,
          seenBy(subject)
            .filter((line) => !credited.has(line))
            .map((line) => unmatchedLine(witness, line, (parsed) => fit(subject, parsed))),
        ]),
      ),
  };
}

function unmatchedLine<S extends LogStatement>(
  witness: LogWitness,
  line: Line<S>,
  fit: (statement: S) => Fit,
): UnmatchedLine {
  const { text, parsed } = line;
  if (isFailure(parsed)) {
    const foreign = parsed.kind === 'json' || parsed.kind === 'foreign-format';
    return { witness, line: text, reason: foreign ? 'foreign-format' : 'unparsable', why: parsed.why };
  }
  const how = fit(parsed);
  return how.fits === 'no'
    ? { witness, line: text, reason: how.reason, why: how.why }
    : { witness, line: text, reason: 'surplus', why: 'it fits, but another line fits better' };
}
