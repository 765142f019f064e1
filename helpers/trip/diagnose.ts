import type { TripCause } from '../causes/cause.ts';
import { causes, type TripCauseCode } from '../causes/causes.ts';
import { closingFindings, finding, originFindings, proxyFindings, sidecarFindings } from './diagnose.logs.ts';
import { expectedRefusal, type Expectation } from './expectations.ts';
import type { TripFinding } from './finding.ts';
import type { Trip } from './statements.ts';
import { formatEndpoint } from './endpoint.ts';
import { agrees, factsOf } from './judgement.ts';

const kinds: Readonly<Record<TripCauseCode, TripCause>> = causes;

/**
 * Everything about a trip that is not as expected, the most specific cause first; empty for a sound one.
 *
 * With or without expectations, the statements must agree with each other, and the client must have succeeded (unless
 * the proxy is expected to refuse). A witness that must not be missing needs an expectation.
 */
export function diagnose(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const findings = [
    ...sidecarFindings(trip, expectations),
    ...proxyFindings(trip, expectations),
    ...originFindings(trip, expectations),
    ...clientFindings(trip, expectations),
    ...ambiguityFindings(trip),
  ];
  if (
    clientFailedUnexpectedly(trip, expectations) &&
    findings.every(({ cause }) => kinds[cause].merelyMissing === true)
  ) {
    const { client } = trip;
    const seen = `curl ended with exit code ${client.exitCode}: ${client.errorMessage}`;
    findings.push(finding(client, 'UNEXPLAINED', seen, 'exit code 0'));
  }
  if (clientFailedUnexpectedly(trip, expectations)) findings.push(...closingFindings(trip));
  return bySpecificity(withoutRepetitions(findings));
}

/** The finding about the title, if any, and all findings that explain it. */
export function diagnoseTitle(
  trip: Trip,
  title: string,
  expectations: readonly Expectation[] = [],
): TripFinding[] {
  const { client } = trip;
  const own: TripFinding[] = [];
  if (client.title === undefined) {
    const page =
      client.bytesDownloaded === 0 ? 'no page' : `a page of ${client.bytesDownloaded} bytes without one`;
    own.push(finding(client, 'TITLE_MISSING', page, `"${title}"`));
  } else if (client.title !== title) {
    own.push(finding(client, 'TITLE_DIFFERS', `"${client.title}"`, `"${title}"`));
  }
  const clientOwn = clientFindings(trip, []);
  if (own.length === 0 && clientOwn.length === 0 && client.exitCode === 0) return [];
  return bySpecificity(withoutRepetitions([...own, ...diagnose(trip, expectations)]));
}

/** A refusal is as expected only when the client got it too. */
function clientFailedUnexpectedly(trip: Trip, expectations: readonly Expectation[]): boolean {
  const refusal = expectedRefusal(expectations);
  return trip.client.exitCode !== 0 && (refusal === undefined || trip.client.connectStatus !== refusal);
}

function ambiguityFindings(trip: Trip): TripFinding[] {
  return trip.ambiguities
    .filter((ambiguity) => !ambiguity.harmless)
    .map(({ witness, rivals, lines }) => ({
      cause: 'AMBIGUOUS' as const,
      seen:
        `${lines.length === 1 ? 'a line' : `${lines.length} lines`} of the ${witness} that ` +
        (rivals.length === 0
          ? 'fit this trip about equally well'
          : `trip ${rivals.join(', ')} may claim as well`) +
        `: ${lines.join(' | ')}`,
      expected: `one line of the ${witness} that fits this trip alone`,
    }));
}

function bySpecificity(findings: readonly TripFinding[]): TripFinding[] {
  return findings.toSorted((a, b) => kinds[a.cause].rank - kinds[b.cause].rank);
}

/** One finding per cause: client and proxy often say the same, and the log, which comes first, says it better. */
function withoutRepetitions(findings: readonly TripFinding[]): TripFinding[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = kinds[finding.cause].repeatable === true ? `${finding.cause} ${finding.seen}` : finding.cause;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** What the client itself says is wrong. curl's exit codes: https://curl.se/libcurl/c/libcurl-errors.html */
function clientFindings(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const findings = [...whereItWent(trip)];
  const refusal = expectedRefusal(expectations);
  if (trip.client.exitCode === 0) return [...findings, ...answer(trip, expectations)];
  if (refusal !== undefined && trip.client.connectStatus === refusal) return findings;
  const cause = causeOfFailure(trip);
  if (cause !== undefined) findings.push(cause);
  return findings;
}

/** Where the client connected to, which the page alone does not show. */
function whereItWent(trip: Trip): TripFinding[] {
  const { client, via } = trip;
  const connected = agrees('client.to', factsOf(trip));
  if (connected === false && client.remote !== undefined && via !== undefined) {
    const seen = `the client connected to ${formatEndpoint(client.remote)}`;
    return [finding(client, 'WENT_ROUND_PROXY', seen, `to the proxy, ${formatEndpoint(via)}`)];
  }
  if (client.exitCode === 0 && (client.remote === undefined || client.local === undefined)) {
    const seen = `curl succeeded but gave no ${client.remote === undefined ? 'remote' : 'local'} address`;
    return [finding(client, 'CLIENT_SILENT', seen, 'both ends of its connection')];
  }
  return [];
}

/** What came back, for a curl that ended with 0, as it also does for an error page. */
function answer(trip: Trip, expectations: readonly Expectation[]): TripFinding[] {
  const { client, via } = trip;
  const findings: TripFinding[] = [];
  if (via !== undefined && trip.url.startsWith('https:') && client.connectStatus !== 200) {
    const { connectStatus } = client;
    const seen = connectStatus === 0 ? 'curl made no CONNECT' : `curl's CONNECT got ${connectStatus}`;
    findings.push(finding(client, 'STATUS_DISAGREES', seen, '200 to its CONNECT'));
  }
  const wanted = expectations.find((expectation) => expectation.kind === 'origin')?.status;
  const good =
    wanted === undefined
      ? (client.httpStatus >= 200 && client.httpStatus < 400) ||
        client.httpStatus === expectedRefusal(expectations)
      : client.httpStatus === wanted;
  if (!good) {
    const seen = client.httpStatus === 0 ? 'no status' : `status ${client.httpStatus}`;
    const expected = wanted === undefined ? 'a status from 200 to 399' : `status ${wanted}`;
    findings.push(finding(client, 'HTTP_STATUS', seen, expected));
  }
  return findings;
}

/** Undefined when only the other witnesses can tell. */
function causeOfFailure(trip: Trip): TripFinding | undefined {
  const { client, via } = trip;
  const said = `curl: exit code ${client.exitCode}, ${client.errorMessage}`;
  const find = (cause: TripCauseCode, expected: string): TripFinding =>
    finding(client, cause, said, expected);
  const proxy = via === undefined ? 'the proxy' : `the proxy, ${formatEndpoint(via)}`;
  const proxySpoke = (trip.proxy?.length ?? 0) > 0;
  const sidecarSpokeHttp = trip.sidecar?.some((line) => line.request !== '- - -') === true;
  switch (client.connectStatus) {
    case 403:
    case 407:
      return find('PROXY_DENIED', 'CONNECT answered with 200');
    case 404:
      // Squid never answers a CONNECT with 404; Envoy does, when it treats the CONNECT as HTTP.
      if (!proxySpoke) return find('ROUTE_NOT_FOUND', 'CONNECT answered with 200');
      break;
    case 502:
    case 503:
    case 504:
      if (client.proxyError?.startsWith('ERR_CONNECT_FAIL') === true && !proxySpoke) {
        return find('DESTINATION_DOWN', 'CONNECT answered with 200');
      }
      // The proxy's own line, or Envoy's, says more: their rules apply.
      return proxySpoke || sidecarSpokeHttp
        ? undefined
        : find('PROXY_CANNOT_RESOLVE', 'CONNECT answered with 200');
  }
  const tunnelStood = client.connectStatus === 200;
  switch (client.exitCode) {
    case 5:
      return find('PROXY_UNREACHABLE', `a connection to ${proxy}`);
    case 6:
      return via === undefined
        ? find('DESTINATION_DOWN', 'a name that can be resolved')
        : find('WENT_ROUND_PROXY', `a connection to ${proxy}, which resolves the name itself`);
    case 7:
      return via === undefined
        ? find('DESTINATION_DOWN', 'a connection')
        : find('PROXY_UNREACHABLE', `a connection to ${proxy}`);
    case 28:
      return via !== undefined && !tunnelStood && !proxySpoke && client.remote === undefined
        ? find('PROXY_UNREACHABLE', `a connection to ${proxy}`)
        : find('DESTINATION_SLOW', 'the page within the limit');
    case 51:
    case 60:
      return find('TLS_UNTRUSTED', 'a certificate the client trusts');
    case 35:
      return tunnelStood || via === undefined
        ? find('TLS_FAILED', 'a TLS handshake with the destination')
        : undefined;
    case 18:
    case 52:
    case 56:
      return tunnelStood || via === undefined ? find('DESTINATION_DOWN', 'a whole page') : undefined;
    default:
      // Below 0 the exit code is not known; from 126 on it is the shell's or a signal's, not curl's.
      return client.exitCode < 0 || client.exitCode >= 126
        ? find('CLIENT_SILENT', "curl's own exit code and figures")
        : undefined;
  }
}
