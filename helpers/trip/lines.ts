import { InTime } from '../in-time.ts';
import { endpointKey, ipKey } from './endpoint.ts';
import type { Fit, Strength, Subject } from './fit.ts';
import {
  isFailure,
  type LogWitness,
  type OriginStatement,
  type ParseFailure,
  type ProxyStatement,
  type SidecarStatement,
  type UnmatchedLine,
} from './statements.ts';
import { clientSpan, endsWithin, sidecarSlack, sidecarSpan, tripSlack } from './judgement.ts';
import { connectAnswerBytes } from './squid.ts';

export type LogStatement = SidecarStatement | ProxyStatement | OriginStatement;

/** One physical line. The same line seen by several observations is one; twice in one log is two. */
export interface Line<S extends LogStatement> {
  readonly text: string;
  readonly parsed: S | ParseFailure;
}

/** A trip with the lines of its logs; trips that share a list of lines share its index. */
export type Seeing = Subject & {
  readonly lines: Readonly<Record<LogWitness, readonly string[] | undefined>>;
};

/** The physical lines of one list of texts, each once, and the index over them. */
interface View<S extends LogStatement> {
  readonly all: readonly Line<S>[];
  readonly index: LineIndex<S>;
}

/** The lines of one log that any of the trips saw. */
export class Pool<S extends LogStatement> {
  readonly #witness: LogWitness;
  readonly #byText = new Map<string, Line<S>[]>();
  readonly #views = new Map<readonly string[], View<S>>();
  readonly #indexOf: (lines: readonly ReadLine<S>[]) => LineIndex<S>;

  /** @param indexOf Makes the index over lines that could be read */
  constructor(
    witness: LogWitness,
    subjects: readonly Seeing[],
    parse: (line: string) => S | ParseFailure,
    indexOf: (lines: readonly ReadLine<S>[]) => LineIndex<S>,
  ) {
    this.#witness = witness;
    this.#indexOf = indexOf;
    for (const texts of new Set(subjects.map(({ lines }) => lines[witness] ?? nothing))) {
      const counts = new Map<string, number>();
      for (const text of texts) {
        if (text.trim() === '') continue;
        const count = (counts.get(text) ?? 0) + 1;
        counts.set(text, count);
        const known = this.#byText.get(text);
        if (known === undefined) this.#byText.set(text, [{ text, parsed: parse(text) }]);
        else if (known.length < count) known.push({ text, parsed: parse(text) });
      }
    }
  }

  /** Those of the lines a trip saw that may be its own. */
  index(subject: Seeing): LineIndex<S> {
    return this.#view(subject).index;
  }

  /** The lines that a trip saw and that are credited to no trip, each with the reason. */
  leftOver(
    subject: Seeing,
    credited: ReadonlySet<Line<S>>,
    fit: (subject: Subject, line: S) => Fit,
  ): UnmatchedLine[] {
    return this.#view(subject)
      .all.filter((line) => !credited.has(line))
      .map((line) => unmatchedLine(this.#witness, line, (parsed) => fit(subject, parsed)));
  }

  #view({ lines }: Seeing): View<S> {
    const texts = lines[this.#witness] ?? nothing;
    const known = this.#views.get(texts);
    if (known !== undefined) return known;
    const all = [...new Set(texts)].flatMap((text) => this.#byText.get(text) ?? []);
    const view = { all, index: this.#indexOf(all.filter(isRead)) };
    this.#views.set(texts, view);
    return view;
  }
}

const nothing: readonly string[] = [];

function isRead<S extends LogStatement>(line: Line<S>): line is ReadLine<S> {
  return !isFailure(line.parsed);
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

/** One physical line of a log that says something, with what it says. */
export interface ReadLine<S> {
  readonly text: string;
  readonly parsed: S;
}

/**
 * The lines that may fit a trip with this strength, by what its own line must share with it: so that no trip is compared
 * with every line. Lines that are left out cannot fit; those that are in may.
 */
export type LineIndex<S> = (subject: Subject, strength: Strength) => readonly ReadLine<S>[];

/** By the client's end of the connection; by its address alone where curl did not tell the port. */
export function sidecarIndex(lines: readonly ReadLine<SidecarStatement>[]): LineIndex<SidecarStatement> {
  const byEndpoint = Map.groupBy(lines, ({ parsed }) => keyOf(parsed.downstreamRemote, endpointKey));
  const byIp = Map.groupBy(lines, ({ parsed }) => keyOf(parsed.downstreamRemote, ({ ip }) => ipKey(ip)));
  return ({ client }) =>
    client.local === undefined
      ? (byIp.get(ipKey(client.podIp)) ?? [])
      : (byEndpoint.get(endpointKey(client.local)) ?? []);
}

/** By the pod's address and the time, and by bytes too where the sidecar's line is known and is to agree. */
export function proxyIndex(
  lines: readonly ReadLine<ProxyStatement>[],
  sidecarOf: (subject: Subject) => SidecarStatement | undefined,
): LineIndex<ProxyStatement> {
  const byIp = inTime(Map.groupBy(lines, ({ parsed }) => ipKey(parsed.clientIp)));
  const byBytes = inTime(Map.groupBy(lines, ({ parsed }) => bytesKey(parsed.clientIp, parsed.bytes)));
  return (subject, strength) => {
    const { client, given } = subject;
    // A given proxy sees another address than the pod's, and has a clock of its own.
    if (given !== undefined) return lines;
    const sidecar = sidecarOf(subject);
    const ofClient = endsWithin(clientSpan(client), tripSlack['client ↔ proxy'](subject));
    if (sidecar === undefined) {
      const near = byIp.get(ipKey(client.podIp))?.during(ofClient.from, ofClient.to);
      return strength === 'strong' ? [] : (near ?? []);
    }
    if (strength === 'fair') return [];
    const ofSidecar = endsWithin(sidecarSpan(sidecar, client), sidecarSlack(sidecar)(subject));
    const from = Math.max(ofClient.from, ofSidecar.from);
    const to = Math.min(ofClient.to, ofSidecar.to);
    if (strength === 'weak') return byIp.get(ipKey(client.podIp))?.during(from, to) ?? [];
    return [sidecar.bytesSent, sidecar.bytesSent - connectAnswerBytes].flatMap(
      (bytes) => byBytes.get(bytesKey(client.podIp, bytes))?.during(from, to) ?? [],
    );
  };
}

/** By the trip's id. */
export function originIndex(lines: readonly ReadLine<OriginStatement>[]): LineIndex<OriginStatement> {
  const byTrip = Map.groupBy(lines, ({ parsed }) => parsed.tripId);
  return ({ id }) => byTrip.get(id) ?? [];
}

function bytesKey(ip: string, bytes: number): string {
  return `${ipKey(ip)} ${bytes}`;
}

function keyOf<T>(value: T | undefined, key: (value: T) => string): string | undefined {
  return value === undefined ? undefined : key(value);
}

/** Each group's lines by their ends. */
function inTime(
  groups: ReadonlyMap<string, readonly ReadLine<ProxyStatement>[]>,
): ReadonlyMap<string, InTime<ReadLine<ProxyStatement>>> {
  return new Map([...groups].map(([key, lines]) => [key, new InTime(lines, ({ parsed }) => parsed.endedAt)]));
}
