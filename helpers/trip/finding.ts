import type { Cause } from '../causes/cause.ts';
import { causes, type CauseCode, type TripCauseCode } from '../causes/causes.ts';
import type {
  Statement,
  Trip,
  ClientStatement,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
} from './statements.ts';
import { EnvironmentError } from '../errors.ts';
import { apiMessage, apiTrouble } from '../kube/client.ts';
import { ExecError } from '../kube/exec.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { contradictions, tells } from './judgement.ts';
import { proxyResult } from './squid.ts';

/** One thing that is not as it must be, with its cause, and what was seen this time. */
export interface Finding {
  readonly cause: CauseCode;
  readonly seen: string;
  readonly expected: string;
  /** What to do, where this case says more than its cause does. */
  readonly advice?: string;
  readonly statement?: Statement;
}

export interface TripFinding extends Finding {
  readonly cause: TripCauseCode;
}

/**
 * Where an error carries findings: vitest keeps there what a matcher returns as `meta`, and a step's own failure keeps
 * them in the same place.
 */
interface FindingsContext {
  readonly meta?: { readonly findings?: readonly Finding[]; readonly trip?: Trip | undefined };
}

/** Something is not as the document says. The message is for someone who has not written the suite. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
  /** The most specific first; never empty. */
  readonly findings: readonly Finding[];
  readonly trip: Trip | undefined;
  readonly __vitest_error_context__: FindingsContext;

  /** @throws TypeError when there is no finding: a failure without a cause is a defect of the suite. */
  constructor(findings: readonly Finding[], trip?: Trip) {
    if (findings.length === 0) throw new TypeError('a ConformanceError needs a finding');
    super(renderFindings(findings, trip));
    this.findings = findings;
    this.trip = trip;
    this.__vitest_error_context__ = { meta: { findings, trip } };
  }
}

/** The first finding in full, the others in short, then the trip's statements side by side and their lines. */
export function renderFindings(findings: readonly Finding[], trip?: Trip): string {
  const [first, ...others] = findings;
  const parts: string[] = [];
  if (first !== undefined) {
    const cause: Cause = causes[first.cause];
    parts.push(
      [
        `${first.cause}: ${cause.title}`,
        labelled('seen', first.seen),
        labelled('expected', first.expected),
        labelled('why', cause.why),
        labelled('do', first.advice ?? cause.do),
      ].join('\n'),
    );
  }
  if (others.length > 0) {
    parts.push(
      [
        'Also found, often a consequence:',
        ...others.map((finding) =>
          [
            `${finding.cause}: ${causes[finding.cause].title}`,
            labelled('seen', finding.seen),
            labelled('expected', finding.expected),
          ].join('\n'),
        ),
      ].join('\n'),
    );
  }
  if (trip !== undefined) parts.push(renderTrip(trip), renderLines(trip));
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The raw lines behind the statements, unwrapped, to be copied and searched for. */
function renderLines(trip: Trip): string {
  return [...(trip.sidecar ?? []), ...(trip.proxy ?? []), ...(trip.origin ?? [])]
    .map((statement) => `${statement.witness}: ${statement.line}`)
    .join('\n');
}

/** The findings in the error of a failed step or matcher; without any, one for the error itself. */
export function findingsOf(error: unknown): readonly Finding[] {
  const { __vitest_error_context__: context } = Object(error) as {
    readonly __vitest_error_context__?: FindingsContext;
  };
  const findings = context?.meta?.findings ?? [];
  if (findings.length > 0) return findings;
  // A command that could not be run says nothing about the mesh; one that ran and failed does.
  if (error instanceof EnvironmentError || error instanceof ExecError) {
    const seen = error instanceof EnvironmentError ? `${error.message} ${error.hint}` : error.message;
    const cause = error instanceof EnvironmentError ? error.code : 'ENVIRONMENT';
    return [{ cause, seen, expected: 'surroundings in which the step can be judged' }];
  }
  const trouble = apiTrouble(error);
  if (trouble !== undefined) {
    const expected = 'an API server that answers whoever the kubeconfig says asks';
    return [{ cause: 'ENVIRONMENT', seen: `the API server: ${trouble}`, expected }];
  }
  return [{ cause: 'UNEXPLAINED', seen: apiMessage(error), expected: 'the step ends without an error' }];
}

const rows = ['who', 'from', 'to', 'bytes', 'time', 'verdict'] as const;
type Row = (typeof rows)[number];
type Column = Readonly<Record<Row, string>>;

/** No line for a terminal is wider, except raw log lines. */
const maxWidth = 110;
const findingLabelWidth = 10;
const labelWidth = 8;
const gap = '  ';
const witnesses = ['client', 'sidecar', 'proxy', 'origin'] as const;
const columnWidth = Math.floor((maxWidth - labelWidth) / witnesses.length) - gap.length;

/**
 * What the witnesses of a trip said, side by side, in plain text of at most 110 columns: a column a witness, a row a
 * fact. A witness without a statement has `— nothing —`, one whose log was not followed says so; `≠` marks what
 * contradicts the hop before. Times are UTC: beginning and length.
 */
export function renderTrip(trip: Trip): string {
  const odd: ReadonlySet<string> = contradictions(trip);
  const columns = {
    client: clientColumn(trip.client),
    sidecar: logColumn(trip.sidecar, trip.counters === undefined ? sidecarColumn : countersColumn),
    proxy: logColumn(trip.proxy, proxyColumn),
    origin: logColumn(trip.origin, originColumn),
  };
  const lines = [tableLine('', [...witnesses])];
  for (const row of rows) {
    const cells = witnesses.map((witness) => {
      const text = columns[witness][row];
      return chunk(odd.has(`${witness}.${row}`) ? `≠ ${text}` : text, columnWidth);
    });
    const height = Math.max(...cells.map((cell) => cell.length));
    for (let index = 0; index < height; index += 1) {
      const texts = cells.map((cell) => cell[index] ?? '');
      lines.push(tableLine(index === 0 ? row : '', texts));
    }
  }
  if (odd.size > 0) lines.push('≠ contradicts the hop before it');
  const via = trip.via === undefined ? 'without a proxy' : `via ${formatEndpoint(trip.via)}`;
  const heading = chunk(`trip ${trip.id}: ${trip.url} ${via}`, maxWidth);
  const note = trip.counters === undefined ? [] : [`sidecar: counters, no log line: ${trip.counters}`];
  return [...heading, ...lines, ...note.flatMap((text) => chunk(text, maxWidth)), ...footnotes(trip)].join(
    '\n',
  );
}

function footnotes(trip: Trip): string[] {
  const kinds = Map.groupBy(trip.unmatched, ({ witness, reason }) => `${witness} ${reason}`);
  if (kinds.size === 0) return [];
  const list = [...kinds].map(([what, lines]) => `${lines.length} ${what}`).join(', ');
  return chunk(`lines of no trip: ${list}`, maxWidth);
}

function tableLine(label: string, cells: readonly string[]): string {
  return (label.padEnd(labelWidth) + cells.map((cell) => gap + cell.padEnd(columnWidth)).join('')).trimEnd();
}

/** The first statement; further ones are only counted, as a sound trip has none. */
function logColumn<S>(statements: readonly S[] | undefined, column: (statement: S) => Column): Column {
  const [first, ...more] = statements ?? [];
  if (first === undefined) {
    return { ...empty, who: statements === undefined ? '— not followed —' : '— nothing —' };
  }
  const shown = column(first);
  return more.length === 0 ? shown : { ...shown, verdict: `${shown.verdict} (+${more.length} more)` };
}

const empty: Column = { who: '', from: '', to: '', bytes: '', time: '', verdict: '' };

function clientColumn(client: ClientStatement): Column {
  const status = client.httpStatus === 0 ? 'no page' : `HTTP ${client.httpStatus}`;
  const connect = client.connectStatus === 0 ? '' : `, CONNECT ${client.connectStatus}`;
  return {
    who: client.pod,
    from: address(client.local),
    to: address(client.remote),
    bytes: String(client.bytesDownloaded),
    time: time(client.startedAt, client.endedAt - client.startedAt),
    verdict: `exit ${client.exitCode}, ${status}${connect}`,
  };
}

function sidecarColumn(line: SidecarStatement): Column {
  const protocol = line.request === '- - -' ? 'TCP' : line.request;
  const details = line.responseCodeDetails === '-' ? '' : ` ${line.responseCodeDetails}`;
  return {
    who: line.upstreamCluster,
    from: address(line.downstreamRemote),
    to: address(line.upstreamHost),
    bytes: String(line.bytesSent),
    time: time(line.startedAt, line.durationMs),
    verdict: `${protocol}, ${line.responseCode} ${line.responseFlags}${details}`,
  };
}

/** A counter is of no connection in particular. */
function countersColumn(line: SidecarStatement): Column {
  const bytes = tells(line, 'bytesSent') ? String(line.bytesSent) : '';
  return { ...sidecarColumn(line), from: '', to: '', time: 'counters', bytes };
}

function proxyColumn(line: ProxyStatement): Column {
  return {
    who: `${line.hierarchy}/${line.peer ?? '-'}`,
    from: line.clientIp,
    to: line.target,
    bytes: String(line.bytes),
    time: time(line.endedAt - line.elapsedMs, line.elapsedMs),
    verdict: proxyResult(line),
  };
}

function originColumn(line: OriginStatement): Column {
  return {
    who: line.serverName === '' ? line.host : line.serverName,
    from: address(line.remote),
    to: line.host,
    bytes: String(line.bytes),
    time: time(line.endedAt),
    verdict: `HTTP ${line.status}`,
  };
}

function address(endpoint: Endpoint | undefined): string {
  return endpoint === undefined ? 'unknown' : formatEndpoint(endpoint);
}

function time(startedAt: number, lengthMs?: number): string {
  const date = new Date(startedAt);
  const clock = Number.isNaN(date.getTime()) ? 'no time' : date.toISOString().slice(11, 23);
  return lengthMs === undefined ? clock : `${clock} +${lengthMs} ms`;
}

/** `  seen      text`, wrapped at words with the following lines indented as the text. */
export function labelled(label: string, text: string): string {
  const lines = text
    .split('\n')
    .flatMap((line) => wrap(line, maxWidth - findingLabelWidth - 2))
    .map((line, index) => `  ${(index === 0 ? label : '').padEnd(findingLabelWidth)}${line}`);
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Lines of at most `width` characters, broken at blanks; a longer word stays whole, to be copied and searched for. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Pieces of at most `width` characters, broken at blanks, else wherever that is: for a table's cell. */
export function chunk(text: string, width: number): string[] {
  return wrap(text, width).flatMap((line) => cut(line, width));
}

function cut(text: string, width: number): string[] {
  const characters = [...text];
  const pieces: string[] = [];
  for (let start = 0; start < characters.length; start += width) {
    pieces.push(characters.slice(start, start + width).join(''));
  }
  return pieces.length === 0 ? [''] : pieces;
}
