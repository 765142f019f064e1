import { sameIp } from './endpoint.ts';
import type { Expectation, ProxyExpectation } from './expectations.ts';
import type { Finding } from './finding.ts';
import { fitProxy } from './fit.ts';
import { fromMisfit, missing } from './diagnose.missing.ts';
import { bytesAgree, proxyResult } from './squid.ts';
import type { ProxyStatement, Trip } from './statements.ts';

/** What the proxy's log says is wrong. */
export function proxyFindings(trip: Trip, expectations: readonly Expectation[]): Finding[] {
  const expectation = expectations.find((one) => one.kind === 'proxy');
  const [line, ...more] = trip.proxy ?? [];
  if (line === undefined) return expectation === undefined ? [] : absent(trip);
  const findings = [...result(trip, line, expectation), ...consistency(trip, line, expectation)];
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
function absent(trip: Trip): Finding[] {
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

function result(trip: Trip, line: ProxyStatement, expectation: ProxyExpectation | undefined): Finding[] {
  const seen = proxyResult(line);
  const expected = expectation?.result ?? 'TCP_TUNNEL/200';
  if (seen === expected) return [];
  const said = trip.client.proxyError === undefined ? '' : `, ${trip.client.proxyError}`;
  const where = `${seen}, ${line.hierarchy}/${line.peer ?? '-'}${said}`;
  const find = (cause: Finding['cause']): Finding[] => [{ cause, seen: where, expected, statement: line }];
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

function consistency(trip: Trip, line: ProxyStatement, expectation: ProxyExpectation | undefined): Finding[] {
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
  findings.push(...bytes(trip, line));
  return findings;
}

function bytes(trip: Trip, line: ProxyStatement): Finding[] {
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
