import { formatEndpoint, sameIp } from './endpoint.ts';
import type { Expectation } from './expectations.ts';
import type { Finding } from './finding.ts';
import { fitOrigin } from './fit.ts';
import { fromMisfit, missing } from './diagnose.missing.ts';
import type { OriginStatement, Trip } from './statements.ts';

/** What the origin's log says is wrong. */
export function originFindings(trip: Trip, expectations: readonly Expectation[]): Finding[] {
  const expectation = expectations.find((one) => one.kind === 'origin');
  const [line, ...more] = trip.origin ?? [];
  if (line === undefined) return expectation === undefined ? [] : [missing(trip, 'origin')];
  const findings = [
    ...fromMisfit(fitOrigin(trip, line), 'the origin', line),
    ...who(trip, line, expectation?.from ?? trip.via?.ip),
    ...times(trip, line),
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

function who(trip: Trip, line: OriginStatement, from: string | undefined): Finding[] {
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

function times(trip: Trip, line: OriginStatement): Finding[] {
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
