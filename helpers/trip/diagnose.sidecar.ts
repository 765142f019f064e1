import { formatEndpoint, sameEndpoint } from './endpoint.ts';
import type { Expectation, SidecarExpectation } from './expectations.ts';
import type { Finding } from './finding.ts';
import { isProxy } from './external.ts';
import { fitSidecar } from './fit.ts';
import { fromMisfit, missing } from './diagnose.missing.ts';
import type { Endpoint, SidecarStatement, Trip } from './statements.ts';

/** What the sidecar's log says is wrong. Response flags: Envoy's documentation of access logs. */
export function sidecarFindings(trip: Trip, expectations: readonly Expectation[]): Finding[] {
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
  const findings = [...consistency(trip, line), ...way(trip, line, expectation)];
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
function way(trip: Trip, line: SidecarStatement, expectation: SidecarExpectation | undefined): Finding[] {
  const cluster = expectation?.cluster;
  const expected = cluster === undefined ? 'a route to the proxy' : `cluster ${cluster}`;
  const find = (cause: Finding['cause'], seen: string, instead = expected): Finding => ({
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
  const findings: Finding[] = [];
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
function consistency(trip: Trip, line: SidecarStatement): Finding[] {
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
