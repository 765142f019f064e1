import type { TripCauseCode } from '../causes/causes.ts';
import { formatEndpoint, isProxy, sameEndpoint, sameIp } from './endpoint.ts';
import type { Expectation, ProxyExpectation, SidecarExpectation } from './expectations.ts';
import type { TripFinding } from './finding.ts';
import { type Fit, fitOrigin, fitProxy, fitSidecar } from './fit.ts';
import { bytesAgree, foreignLine, proxyResult } from './squid.ts';
import type {
  Endpoint,
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
  const [line, ...more] = trip.sidecar ?? [];
  if (line === undefined) return expectation === undefined ? [] : [missing(trip, 'sidecar')];
  if (expectations.some((one) => one.kind === 'no-sidecar')) {
    return [
      {
        cause: 'SIDECAR_UNEXPECTED',
        seen: `the sidecar's line of this connection: ${line.line}`,
        expected: 'no sidecar',
        statement: line,
      },
    ];
  }
  const findings = [...sidecarConsistency(trip, line), ...sidecarWay(trip, line, expectation)];
  if (more.length > 0) {
    findings.push({
      cause: 'DUPLICATE_STATEMENT',
      seen: `${more.length + 1} lines of the sidecar`,
      expected: 'one line of the sidecar',
      statement: line,
    });
  }
  return findings;
}

/** Which way the sidecar sent the connection. */
function sidecarWay(
  trip: Trip,
  line: SidecarStatement,
  expectation: SidecarExpectation | undefined,
): TripFinding[] {
  const cluster = expectation?.cluster;
  const expected = cluster === undefined ? 'a route to the proxy' : `cluster ${cluster}`;
  const find = (cause: TripFinding['cause'], seen: string, instead = expected): TripFinding => ({
    cause,
    seen,
    expected: instead,
    statement: line,
  });
  const flags = new Set(line.responseFlags.split(','));
  const speaksHttp = line.request !== '- - -';
  if (flags.has('NR')) {
    const seen = `"${line.request}" ${line.responseCode} ${line.responseFlags} ${line.responseCodeDetails}`;
    return [
      speaksHttp
        ? find('ROUTE_NOT_FOUND', seen, `"- - -", ${expected}`)
        : find('WRONG_CLUSTER', `no filter chain for it: ${seen}`),
    ];
  }
  if (line.upstreamCluster === 'BlackHoleCluster') {
    return [find('BLACKHOLE', `BlackHoleCluster, flags ${line.responseFlags}`)];
  }
  const findings: TripFinding[] = [];
  if (cluster !== undefined && line.upstreamCluster !== cluster) {
    findings.push(
      line.upstreamCluster === 'PassthroughCluster'
        ? find('PASSTHROUGH', 'PassthroughCluster')
        : find('WRONG_CLUSTER', `cluster ${line.upstreamCluster}`),
    );
  }
  if (speaksHttp && (expectation !== undefined || line.request.startsWith('CONNECT '))) {
    findings.push(find('LISTENER_SPEAKS_HTTP', `"${line.request}" ${line.responseCode}`, '"- - -", TCP'));
  }
  const unreachable = ['UF', 'URX', 'UH'].filter((flag) => flags.has(flag));
  const upstream: Endpoint | undefined = expectation?.upstream ?? trip.via;
  if (unreachable.length > 0) {
    const reason = line.upstreamFailure === '-' ? '' : `, ${line.upstreamFailure}`;
    const to = upstream === undefined ? '' : ` to ${formatEndpoint(upstream)}`;
    findings.push(
      find(
        'PROXY_UNREACHABLE',
        `flags ${line.responseFlags}${reason} in ${line.upstreamCluster}`,
        `a connection${to}`,
      ),
    );
  } else if (upstream !== undefined && !isAt(trip, line.upstreamHost, upstream)) {
    const seen =
      line.upstreamHost === undefined
        ? 'no upstream host'
        : `upstream host ${formatEndpoint(line.upstreamHost)}`;
    findings.push(find('WRONG_UPSTREAM', seen, `upstream host ${formatEndpoint(upstream)}`));
  }
  return findings;
}

/** Of a proxy with several endpoints, any is the proxy. */
function isAt(trip: Trip, seen: Endpoint | undefined, expected: Endpoint): boolean {
  return sameEndpoint(seen, expected) || (sameEndpoint(expected, trip.via) && isProxy(trip, seen));
}

/** Whether the line can be of this client's connection at all. */
function sidecarConsistency(trip: Trip, line: SidecarStatement): TripFinding[] {
  const { client, via, tolerances } = trip;
  const findings = fromMisfit(fitSidecar(trip, line), 'the sidecar', line);
  if (via !== undefined && !isProxy(trip, line.downstreamLocal)) {
    const where = line.downstreamLocal === undefined ? 'nowhere' : formatEndpoint(line.downstreamLocal);
    findings.push({
      cause: 'ADDRESSES_DISAGREE',
      seen: `to the sidecar the client connected to ${where}`,
      expected: `to the proxy, ${formatEndpoint(via)}`,
      statement: line,
    });
  }
  const overdue =
    line.startedAt + line.durationMs - client.endedAt - tolerances.clockSkewMs - tolerances.closeLagMs;
  if (overdue > 0) {
    findings.push({
      cause: 'TIMES_DISAGREE',
      seen: `the sidecar's connection closed ${line.startedAt + line.durationMs - client.endedAt} ms after the client had ended`,
      expected: `at most ${tolerances.clockSkewMs + tolerances.closeLagMs} ms after`,
      statement: line,
    });
  }
  return findings;
}

/** What the proxy's log says is wrong. */
export function proxyFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const expectation = expectations.find((one) => one.kind === 'proxy');
  const [line, ...more] = trip.proxy ?? [];
  if (line === undefined) return expectation === undefined ? [] : proxyAbsent(trip);
  const findings = [...proxyOutcome(trip, line, expectation), ...proxyConsistency(trip, line, expectation)];
  if (more.length > 0) {
    findings.push({
      cause: 'DUPLICATE_STATEMENT',
      seen: `${more.length + 1} lines of the proxy`,
      expected: 'one line of the proxy',
      statement: line,
    });
  }
  return findings;
}

/** A good page without the proxy's line went another way, whatever the client was told. */
function proxyAbsent(trip: Trip): TripFinding[] {
  const findings = [missing(trip, 'proxy')];
  const { client } = trip;
  if (client.exitCode === 0 && trip.via === undefined) {
    findings.push({
      cause: 'WENT_ROUND_PROXY',
      seen: `status ${client.httpStatus}, and the client was told to use no proxy`,
      expected: 'a request by way of the proxy',
      statement: client,
    });
  }
  return findings;
}

function proxyOutcome(
  trip: Trip,
  line: ProxyStatement,
  expectation: ProxyExpectation | undefined,
): TripFinding[] {
  const seen = proxyResult(line);
  const expected = expectation?.result ?? 'TCP_TUNNEL/200';
  if (seen === expected) return [];
  const said = trip.client.proxyError === undefined ? '' : `, ${trip.client.proxyError}`;
  const where = `${seen}, ${line.hierarchy}/${line.peer ?? '-'}${said}`;
  const find = (cause: TripFinding['cause']): TripFinding[] => [
    { cause, seen: where, expected, statement: line },
  ];
  if (expected.startsWith('TCP_DENIED/') && line.result !== 'TCP_DENIED') return find('PROXY_NOT_DENYING');
  if (line.result === 'TCP_DENIED' || line.status === 403 || line.status === 407) return find('PROXY_DENIED');
  if (line.status >= 500 && (line.peer === undefined || line.status > 501)) {
    // Squid logs no peer for a name it cannot resolve, nor for an address that refuses; its answer tells them apart.
    const { proxyError = '' } = trip.client;
    const reached = line.peer !== undefined || /^ERR_(CONNECT|READ|WRITE|ZERO|LIFETIME)/.test(proxyError);
    return find(reached ? 'DESTINATION_DOWN' : 'PROXY_CANNOT_RESOLVE');
  }
  // Without an expectation, only a failure is one: a plain HTTP request ends as TCP_MISS/200, say.
  return expectation === undefined && line.status < 400 ? [] : find('WRONG_RESULT');
}

function proxyConsistency(
  trip: Trip,
  line: ProxyStatement,
  expectation: ProxyExpectation | undefined,
): TripFinding[] {
  const { client } = trip;
  const sidecar = trip.sidecar?.[0];
  const findings = fromMisfit(fitProxy(trip, sidecar, line), 'the proxy', line);
  const peer = expectation?.peer;
  if (peer !== undefined && (line.peer === undefined || !sameIp(line.peer, peer))) {
    findings.push({
      cause: 'ADDRESSES_DISAGREE',
      seen: `the proxy connected to ${line.peer ?? 'nobody'}`,
      expected: `to ${peer}`,
      statement: line,
    });
  }
  if (client.connectStatus !== 0 && line.method === 'CONNECT' && client.connectStatus !== line.status) {
    findings.push({
      cause: 'STATUS_DISAGREES',
      seen: `the client's CONNECT got ${client.connectStatus}, the proxy logged ${line.status}`,
      expected: 'the same status',
      statement: line,
    });
  }
  findings.push(...proxyBytes(trip, line));
  return findings;
}

function proxyBytes(trip: Trip, line: ProxyStatement): TripFinding[] {
  const { client } = trip;
  const sidecar = trip.sidecar?.[0];
  // A request that broke off leaves bytes in buffers, which one hop has counted and the next has not.
  const brokeOff = client.exitCode !== 0 && client.connectStatus < 400;
  if (sidecar !== undefined && !brokeOff && !bytesAgree(sidecar.bytesSent, line.bytes)) {
    return [
      {
        cause: 'BYTES_DISAGREE',
        seen: `the sidecar sent the client ${sidecar.bytesSent} bytes, the proxy logged ${line.bytes}`,
        expected: 'the same bytes',
        statement: line,
      },
    ];
  }
  if (client.bytesDownloaded > line.bytes) {
    return [
      {
        cause: 'BYTES_DISAGREE',
        seen: `a page of ${client.bytesDownloaded} bytes through a tunnel of ${line.bytes}`,
        expected: 'a tunnel with at least the bytes of the page',
        statement: line,
      },
    ];
  }
  return [];
}

/** What the origin's log says is wrong. */
export function originFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const expectation = expectations.find((one) => one.kind === 'origin');
  const [line, ...more] = trip.origin ?? [];
  if (line === undefined) return expectation === undefined ? [] : [missing(trip, 'origin')];
  const findings = [
    ...fromMisfit(fitOrigin(trip, line), 'the origin', line),
    ...originFrom(trip, line, expectation?.from ?? trip.via?.ip),
    ...originTimes(trip, line),
  ];
  if (expectation !== undefined && line.status !== expectation.status) {
    findings.push({
      cause: 'HTTP_STATUS',
      seen: `the origin answered ${line.status}`,
      expected: `status ${expectation.status}`,
      statement: line,
    });
  }
  if (trip.client.exitCode === 0 && line.bytes !== trip.client.bytesDownloaded) {
    findings.push({
      cause: 'BYTES_DISAGREE',
      seen: `the origin sent a body of ${line.bytes} bytes, the client got ${trip.client.bytesDownloaded}`,
      expected: 'the same bytes',
      statement: line,
    });
  }
  if (more.length > 0) {
    findings.push({
      cause: 'DUPLICATE_STATEMENT',
      seen: `${more.length + 1} lines of the origin`,
      expected: 'one line of the origin',
      statement: line,
    });
  }
  return findings;
}

function originFrom(trip: Trip, line: OriginStatement, from: string | undefined): TripFinding[] {
  if (from === undefined || sameIp(line.remote.ip, from)) return [];
  const itself = sameIp(line.remote.ip, trip.client.podIp);
  return [
    {
      cause: itself ? 'WENT_ROUND_PROXY' : 'ADDRESSES_DISAGREE',
      seen: `the origin saw ${formatEndpoint(line.remote)}${itself ? ', which is the client itself' : ''}`,
      expected: `the proxy, ${from}`,
      statement: line,
    },
  ];
}

function originTimes(trip: Trip, line: OriginStatement): TripFinding[] {
  const { client, tolerances } = trip;
  const early = client.startedAt - tolerances.clockSkewMs - line.endedAt;
  const late = line.endedAt - client.endedAt - tolerances.clockSkewMs - tolerances.closeLagMs;
  if (early <= 0 && late <= 0) return [];
  return [
    {
      cause: 'TIMES_DISAGREE',
      seen:
        early > 0
          ? `the origin answered ${client.startedAt - line.endedAt} ms before the client was started`
          : `the origin answered ${line.endedAt - client.endedAt} ms after the client had ended`,
      expected: 'a time within that of the request',
      statement: line,
    },
  ];
}

const codes = {
  sidecar: 'NO_SIDECAR_STATEMENT',
  proxy: 'NO_PROXY_STATEMENT',
  origin: 'NO_ORIGIN_STATEMENT',
} as const satisfies Record<LogWitness, TripCauseCode>;

/** Why a witness that must have spoken has no statement, from the lines its log yielded nonetheless. */
function missing(trip: Trip, witness: LogWitness): TripFinding {
  const expected = `one line of the ${witness} for this request`;
  if (trip[witness] === undefined) {
    return { cause: codes[witness], seen: `the ${witness}'s log was not followed`, expected };
  }
  const others = trip.unmatched.filter((line) => line.witness === witness);
  const foreign = others.filter((line) => line.reason === 'foreign-format');
  if (witness === 'sidecar' && foreign[0] !== undefined) {
    return {
      cause: 'SIDECAR_LOG_FORMAT',
      seen: `${lineCount(foreign)} that cannot be read: ${foreign[0].why}: ${foreign[0].line}`,
      expected: "Istio's default text format, or its default JSON keys",
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
function fromMisfit(fit: Fit, who: string, statement: Statement): TripFinding[] {
  if (fit.fits !== 'no') return [];
  const cause = fit.reason === 'stale' || fit.reason === 'late' ? 'TIMES_DISAGREE' : 'ADDRESSES_DISAGREE';
  const expected = cause === 'TIMES_DISAGREE' ? 'a time within that of the request' : "this request's own";
  return [{ cause, seen: `of ${who}'s line: ${fit.why}`, expected, statement }];
}

function lineCount(lines: readonly UnmatchedLine[]): string {
  return lines.length === 1 ? '1 line' : `${lines.length} lines`;
}
