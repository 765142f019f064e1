import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { contradictions, tells } from './judgement.ts';
import { proxyResult } from './squid.ts';
import type {
  ClientStatement,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Trip,
} from './statements.ts';

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
