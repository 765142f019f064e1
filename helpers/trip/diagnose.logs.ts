import type { TripCauseCode } from '../causes/causes.ts';
import { formatEndpoint, sameIp, type Endpoint } from './endpoint.ts';
import type { Expectation, SidecarExpectation } from './expectations.ts';
import type { TripFinding } from './finding.ts';
import { fitOrigin, fitProxy, fitSidecar, type Fit } from './fit.ts';
import { agrees, clientSpan, factsOf, momentOf, outside, tells, tripSlack } from './judgement.ts';
import { adviceOf, explainFlags, flagsOf } from './envoy-values.ts';
import { foreignLine, proxyResult } from './squid.ts';
import type {
  LogWitness,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Statement,
  Trip,
  UnmatchedLine,
} from './statements.ts';

/** What the sidecar's log says is wrong. Response flags: Envoy's documentation of access logs. */
export function sidecarFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const expectation = expectations.find((one) => one.kind === 'sidecar');
  const [line] = trip.sidecar ?? [];
  if (line === undefined) return expectation === undefined ? [] : [missing(trip, 'sidecar')];
  if (expectations.some((one) => one.kind === 'no-sidecar')) {
    const seen = `the sidecar's line of this connection: ${line.line}`;
    return [finding(line, 'SIDECAR_UNEXPECTED', seen, 'no sidecar')];
  }
  return [
    ...sidecarConnection(trip, line),
    ...sidecarRoute(trip, line, expectation),
    ...duplicates(trip, 'sidecar'),
  ];
}

function sidecarRoute(
  trip: Trip,
  line: SidecarStatement,
  expectation: SidecarExpectation | undefined,
): TripFinding[] {
  const clusters = expectation?.clusters;
  const expected = clusters === undefined ? 'a route to the proxy' : `cluster ${clusters.join(' or ')}`;
  const find = (cause: TripCauseCode, seen: string, instead = expected): TripFinding =>
    finding(line, cause, seen, instead);
  const flags = new Set<string>(flagsOf(line.responseFlags).map(({ short }) => short));
  const speaksHttp = line.request !== '- - -';
  if (flags.has('NR')) {
    const seen = `"${line.request}" ${line.responseCode} ${line.responseFlags} ${line.responseCodeDetails}`;
    return [
      speaksHttp
        ? find('ROUTE_NOT_FOUND', seen, `"- - -", ${expected}`)
        : find('WRONG_CLUSTER', `no filter chain for it: ${seen} (${explainFlags('NR') ?? ''})`),
    ];
  }
  if (line.upstreamCluster === 'BlackHoleCluster') {
    return [find('BLACKHOLE', `BlackHoleCluster, ${flagsText(line)}`)];
  }
  const findings: TripFinding[] = [];
  // The TCP proxy chooses a cluster before anything else: it did not get the connection.
  const chosen = speaksHttp || line.upstreamCluster !== '-';
  if (chosen && clusters?.includes(line.upstreamCluster) === false) {
    findings.push(
      line.upstreamCluster === 'PassthroughCluster'
        ? find('PASSTHROUGH', 'PassthroughCluster')
        : find('WRONG_CLUSTER', `cluster ${line.upstreamCluster}`),
    );
  }
  if (speaksHttp && (expectation !== undefined || line.request.startsWith('CONNECT '))) {
    findings.push(find('LISTENER_SPEAKS_HTTP', `"${line.request}" ${line.responseCode}`, '"- - -", TCP'));
  }
  const ended = endedBySidecar(trip, line, flags);
  const unreachable = ['UF', 'URX', 'UH'].some((flag) => flags.has(flag));
  const upstreams = upstreamsOf(trip, expectation);
  const proxy = upstreams.map(formatEndpoint).join(' or ');
  if (ended !== undefined) {
    findings.push(ended);
  } else if (!chosen) {
    const seen = `no cluster was chosen${flags.size === 0 ? '' : `, ${flagsText(line)}`}: a filter before the TCP proxy ended the connection`;
    findings.push(find('SIDECAR_REFUSED', seen));
  } else if (unreachable) {
    const reason = line.upstreamFailure === '-' ? '' : `, ${line.upstreamFailure}`;
    const to = proxy === '' ? '' : ` to ${proxy}`;
    const seen = `${flagsText(line)}${reason} in ${line.upstreamCluster}`;
    findings.push(withAdvice(find('PROXY_UNREACHABLE', seen, `a connection${to}`), line));
  } else if (
    upstreams.length > 0 &&
    upstreams.every((upstream) => agrees('sidecar.to', { ...factsOf(trip), upstream }) === false)
  ) {
    const { upstreamHost } = line;
    const seen =
      upstreamHost === undefined ? 'no upstream host' : `upstream host ${formatEndpoint(upstreamHost)}`;
    findings.push(find('WRONG_UPSTREAM', seen, `upstream host ${proxy}`));
  }
  return findings;
}

/** What the sidecar may have connected to; none where that does not matter, or is not known. */
function upstreamsOf({ via }: Trip, expectation: SidecarExpectation | undefined): readonly Endpoint[] {
  const { upstreams } = expectation ?? {};
  if (upstreams === 'any') return [];
  return upstreams ?? (via === undefined ? [] : [via]);
}

/** Flags that only say which side closed the connection. */
const closing: ReadonlySet<string> = new Set(['UC', 'DC']);
/** Flags with a rule of their own above. */
const ruled: ReadonlySet<string> = new Set(['UF', 'URX', 'UH', 'NR']);

/** Why Envoy itself ended a connection whose client failed, or never made it; undefined when it did neither. */
function endedBySidecar(
  { client }: Trip,
  line: SidecarStatement,
  flags: ReadonlySet<string>,
): TripFinding | undefined {
  if (flags.has('UO')) {
    const seen = `${flagsText(line)}, in ${line.upstreamCluster}`;
    return finding(line, 'CONNECTION_LIMIT', seen, 'a connection for every client');
  }
  // A page that arrived whole was not kept from its client.
  if (client.exitCode === 0 && client.title !== undefined) return undefined;
  const own = [...flags].some((flag) => !closing.has(flag) && !ruled.has(flag));
  const { connectionTermination: reason } = line;
  const reasoned = reason !== '' && reason !== '-' && !flags.has('NR');
  if (!own && !reasoned) return undefined;
  const seen = [flagsText(line), ...(reasoned ? [`Envoy's reason: ${reason}`] : [])].join('; ');
  const expected = 'a connection that the client or the proxy ends';
  return withAdvice(finding(line, 'SIDECAR_REFUSED', seen, expected), line);
}

/** Which side closed the connection of a client that failed, where that is all that the sidecar says. */
export function closingFindings({ client, sidecar }: Trip): TripFinding[] {
  const [line] = sidecar ?? [];
  if (line === undefined || (client.exitCode === 0 && client.title !== undefined)) return [];
  if (!flagsOf(line.responseFlags).some(({ short }) => closing.has(short))) return [];
  const expected = 'a connection that ends after the page';
  return [withAdvice(finding(line, 'CONNECTION_CLOSED', flagsText(line), expected), line)];
}

/** `flags UF,URX (UF: the sidecar could not connect upstream; …)` */
function flagsText({ responseFlags: flags }: SidecarStatement): string {
  const meaning = explainFlags(flags);
  return meaning === undefined ? `flags ${flags}` : `flags ${flags} (${meaning})`;
}

function withAdvice(found: TripFinding, { responseFlags }: SidecarStatement): TripFinding {
  const advice = adviceOf(responseFlags);
  return advice === undefined ? found : { ...found, advice };
}

/** Whether the line can be of this client's connection at all. */
function sidecarConnection(trip: Trip, line: SidecarStatement): TripFinding[] {
  const { client, via } = trip;
  const findings = misfit(fitSidecar(trip, line), line);
  if (via !== undefined && agrees('sidecar.at', factsOf(trip)) === false) {
    const where = line.downstreamLocal === undefined ? 'nowhere' : formatEndpoint(line.downstreamLocal);
    const seen = `to the sidecar the client connected to ${where}`;
    findings.push(finding(line, 'ADDRESSES_DISAGREE', seen, `to the proxy, ${formatEndpoint(via)}`));
  }
  const { endMs } = tripSlack['client ↔ sidecar'](trip);
  const overdueMs = tells(line, 'duration') ? line.startedAt + line.durationMs - client.endedAt : 0;
  if (overdueMs > endMs) {
    const seen = `the sidecar's connection closed ${overdueMs} ms after the client had ended`;
    findings.push(finding(line, 'TIMES_DISAGREE', seen, `at most ${endMs} ms after`));
  }
  return findings;
}

export function proxyFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const expectation = expectations.find((one) => one.kind === 'proxy');
  const [line] = trip.proxy ?? [];
  if (line === undefined) return expectation === undefined ? [] : proxyAbsent(trip);
  return [
    ...proxyOutcome(trip, line, expectation?.result),
    ...misfit(fitProxy(trip, trip.sidecar?.[0], line), line),
    ...proxyPeer(line, expectation?.peer),
    ...proxyFigures(trip, line),
    ...duplicates(trip, 'proxy'),
  ];
}

/** A good page without a line of the proxy took another route, whatever the client's settings were. */
function proxyAbsent(trip: Trip): TripFinding[] {
  const { client, via } = trip;
  const findings = [missing(trip, 'proxy')];
  if (client.exitCode === 0 && via === undefined) {
    const seen = `status ${client.httpStatus}, and the client was given no proxy`;
    findings.push(finding(client, 'WENT_ROUND_PROXY', seen, 'a request by way of the proxy'));
  }
  return findings;
}

function proxyOutcome(trip: Trip, line: ProxyStatement, wanted: string | undefined): TripFinding[] {
  const { proxyError } = trip.client;
  const result = proxyResult(line);
  const expected = wanted ?? 'TCP_TUNNEL/200';
  if (result === expected) return [];
  const said = proxyError === undefined ? '' : `, ${proxyError}`;
  const seen = `${result}, ${line.hierarchy}/${line.peer ?? '-'}${said}`;
  const find = (cause: TripCauseCode): TripFinding[] => [finding(line, cause, seen, expected)];
  if (expected.startsWith('TCP_DENIED/') && line.result !== 'TCP_DENIED') return find('PROXY_NOT_DENYING');
  if (line.result === 'TCP_DENIED' || line.status === 403 || line.status === 407) return find('PROXY_DENIED');
  if (line.status >= 500 && (line.peer === undefined || line.status > 501)) {
    // Squid logs no peer for a name it cannot resolve, nor for an address that refuses; its answer tells them apart.
    const reached =
      line.peer !== undefined || /^ERR_(CONNECT|READ|WRITE|ZERO|LIFETIME)/.test(proxyError ?? '');
    return find(reached ? 'DESTINATION_DOWN' : 'PROXY_CANNOT_RESOLVE');
  }
  // Without an expectation only failures are findings: a plain HTTP request ends as TCP_MISS/200, for example.
  return wanted === undefined && line.status < 400 ? [] : find('WRONG_RESULT');
}

function proxyPeer(line: ProxyStatement, peer: string | undefined): TripFinding[] {
  if (peer === undefined || (line.peer !== undefined && sameIp(line.peer, peer))) return [];
  return [
    finding(line, 'ADDRESSES_DISAGREE', `the proxy connected to ${line.peer ?? 'no address'}`, `to ${peer}`),
  ];
}

function proxyFigures(trip: Trip, line: ProxyStatement): TripFinding[] {
  const { client, sidecar } = trip;
  const facts = factsOf(trip);
  const findings: TripFinding[] = [];
  if (agrees('proxy.verdict', facts) === false) {
    const seen = `the client's CONNECT got ${client.connectStatus}, the proxy logged ${line.status}`;
    findings.push(finding(line, 'STATUS_DISAGREES', seen, 'the same status'));
  }
  if (agrees('proxy.bytes', facts) === false) {
    const seen = `the sidecar sent the client ${sidecar?.[0]?.bytesSent} bytes, the proxy logged ${line.bytes}`;
    findings.push(finding(line, 'BYTES_DISAGREE', seen, 'the same bytes'));
  } else if (agrees('proxy.page', facts) === false) {
    const seen = `a page of ${client.bytesDownloaded} bytes through a tunnel of ${line.bytes}`;
    findings.push(finding(line, 'BYTES_DISAGREE', seen, 'a tunnel with at least the bytes of the page'));
  }
  return findings;
}

export function originFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const expectation = expectations.find((one) => one.kind === 'origin');
  const [line] = trip.origin ?? [];
  if (line === undefined) return expectation === undefined ? [] : [missing(trip, 'origin')];
  const findings = [
    ...misfit(fitOrigin(trip, line), line),
    ...originFrom(trip, line, expectation?.from),
    ...originTime(trip, line),
  ];
  if (expectation !== undefined && line.status !== expectation.status) {
    const seen = `the origin answered ${line.status}`;
    findings.push(finding(line, 'HTTP_STATUS', seen, `status ${expectation.status}`));
  }
  if (agrees('origin.bytes', factsOf(trip)) === false) {
    const seen = `the origin sent a body of ${line.bytes} bytes, the client got ${trip.client.bytesDownloaded}`;
    findings.push(finding(line, 'BYTES_DISAGREE', seen, 'the same bytes'));
  }
  return [...findings, ...duplicates(trip, 'origin')];
}

function originFrom(trip: Trip, line: OriginStatement, wanted: string | undefined): TripFinding[] {
  const originSees = wanted ?? trip.via?.ip;
  if (agrees('origin.from', { ...factsOf(trip), originSees }) !== false) return [];
  const itself = sameIp(line.remote.ip, trip.client.podIp);
  const seen = `the origin saw ${formatEndpoint(line.remote)}${itself ? ', which is the client itself' : ''}`;
  const cause = itself ? 'WENT_ROUND_PROXY' : 'ADDRESSES_DISAGREE';
  return [finding(line, cause, seen, `the proxy, ${originSees}`)];
}

function originTime(trip: Trip, line: OriginStatement): TripFinding[] {
  const when = outside(momentOf(line.endedAt), clientSpan(trip.client), tripSlack['client ↔ origin'](trip));
  if (when === undefined) return [];
  const where = when.side === 'stale' ? 'before the client was started' : 'after the client had ended';
  const seen = `the origin answered ${when.ms} ms ${where}`;
  return [finding(line, 'TIMES_DISAGREE', seen, 'a time within that of the request')];
}

const codes = {
  sidecar: 'NO_SIDECAR_STATEMENT',
  proxy: 'NO_PROXY_STATEMENT',
  origin: 'NO_ORIGIN_STATEMENT',
} as const satisfies Record<LogWitness, TripCauseCode>;

/** Why an expected witness has no statement, from the other lines of its log. */
function missing(trip: Trip, witness: LogWitness): TripFinding {
  const expected = `one line of the ${witness} for this request`;
  if (witness === 'sidecar' && trip.counters !== undefined) {
    const seen = `none of its counters of connections moved (no log line can be read: ${trip.counters})`;
    return { cause: codes[witness], seen, expected: 'a connection counted by the sidecar for this request' };
  }
  if (trip[witness] === undefined) {
    return { cause: codes[witness], seen: `the ${witness}'s log was not followed`, expected };
  }
  const others = trip.unmatched.filter((line) => line.witness === witness);
  const foreign = others.filter((line) => line.reason === 'foreign-format');
  if (witness === 'sidecar' && foreign[0] !== undefined) {
    return {
      cause: 'SIDECAR_LOG_FORMAT',
      seen: `${lineCount(foreign)} that cannot be read: ${foreign[0].why}: ${foreign[0].line}`,
      expected: 'lines in the format that Envoy has',
    };
  }
  const unreadable = others.filter(({ line }) => line === foreignLine);
  if (witness === 'proxy' && unreadable.length > 0) {
    return {
      cause: 'YOUR_PROXY_LOG_FORMAT',
      seen: `${lineCount(unreadable)} about this destination that cannot be read`,
      expected: 'Squid’s native format, `logformat squid`',
    };
  }
  const stale = others.filter((line) => line.reason === 'stale');
  const lastStale = stale.at(-1);
  if (lastStale !== undefined) {
    return {
      cause: 'STALE_ONLY',
      seen: `${lineCount(stale)} of the ${witness} from before: ${lastStale.why}: ${lastStale.line}`,
      expected,
    };
  }
  const nearest = others.filter((line) => line.reason !== 'unparsable').at(-1);
  const seen =
    nearest === undefined
      ? `no access log line of the ${witness} since the request began`
      : `${lineCount(others)} of the ${witness}, none of this request; the last: ${nearest.why}: ${nearest.line}`;
  return { cause: codes[witness], seen, expected };
}

/** A statement credited to a trip must fit it; one that does not says where it differs. */
function misfit(fit: Fit, statement: Statement): TripFinding[] {
  if (fit.fits !== 'no') return [];
  const seen = `of the ${statement.witness}'s line: ${fit.why}`;
  return fit.reason === 'stale' || fit.reason === 'late'
    ? [finding(statement, 'TIMES_DISAGREE', seen, 'a time within that of the request')]
    : [finding(statement, 'ADDRESSES_DISAGREE', seen, "this request's own")];
}

function duplicates(trip: Trip, witness: LogWitness): TripFinding[] {
  const lines: readonly Statement[] = trip[witness] ?? [];
  const [first] = lines;
  if (first === undefined || lines.length === 1) return [];
  const seen = `${lines.length} lines of the ${witness}`;
  return [finding(first, 'DUPLICATE_STATEMENT', seen, `one line of the ${witness}`)];
}

export function finding(
  statement: Statement,
  cause: TripCauseCode,
  seen: string,
  expected: string,
): TripFinding {
  return { cause, seen, expected, statement };
}

function lineCount(lines: readonly UnmatchedLine[]): string {
  return lines.length === 1 ? '1 line' : `${lines.length} lines`;
}
