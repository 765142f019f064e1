import type { CauseCode } from './causes.ts';
import { clientFindings } from './diagnose.client.ts';
import { originFindings, proxyFindings, sidecarFindings } from './diagnose.logs.ts';
import { expectedRefusal, type Expectation } from './expectations.ts';
import type { Finding } from './finding.ts';
import type { trafficCauses } from './causes.traffic.ts';
import type { yourProxyCauses } from './causes.your-proxy.ts';
import type { Trip } from './statements.ts';

/**
 * Most specific first. What names an object in the mesh stands before what the proxy or the destination did, as the
 * first finding decides whether a run is red or the weather; what is merely missing, and follows from something
 * else, stands last.
 */
const specificity = [
  'ROUTE_NOT_FOUND',
  'BLACKHOLE',
  'PASSTHROUGH',
  'WRONG_CLUSTER',
  'WRONG_UPSTREAM',
  'LISTENER_SPEAKS_HTTP',
  'SIDECAR_UNEXPECTED',
  'PROXY_DENIED',
  'PROXY_NOT_DENYING',
  'PROXY_CANNOT_RESOLVE',
  'WENT_ROUND_PROXY',
  'PROXY_UNREACHABLE',
  'TLS_UNTRUSTED',
  'TLS_FAILED',
  'DESTINATION_SLOW',
  'DESTINATION_DOWN',
  'CLIENT_SILENT',
  'AMBIGUOUS',
  'DUPLICATE_STATEMENT',
  'ADDRESSES_DISAGREE',
  'BYTES_DISAGREE',
  'STATUS_DISAGREES',
  'TIMES_DISAGREE',
  'SIDECAR_LOG_FORMAT',
  'YOUR_PROXY_LOG_FORMAT',
  'STALE_ONLY',
  'NO_SIDECAR_STATEMENT',
  'WRONG_RESULT',
  'NO_PROXY_STATEMENT',
  'HTTP_STATUS',
  'NO_ORIGIN_STATEMENT',
  'TITLE_DIFFERS',
  'TITLE_MISSING',
  'UNEXPLAINED',
] as const satisfies readonly (keyof typeof trafficCauses | keyof typeof yourProxyCauses)[];

/** They say that something is missing, not why the client failed. */
const merelyMissing: ReadonlySet<CauseCode> = new Set([
  'SIDECAR_LOG_FORMAT',
  'YOUR_PROXY_LOG_FORMAT',
  'STALE_ONLY',
  'NO_SIDECAR_STATEMENT',
  'NO_PROXY_STATEMENT',
  'NO_ORIGIN_STATEMENT',
]);

/**
 * Everything about a trip that is not as expected, the most specific cause first; empty for a sound one.
 *
 * Whatever is expected, the statements there are must agree with each other, and the client must have succeeded
 * (unless the proxy is expected to refuse). A witness that must not be missing needs an expectation of its own.
 */
export function diagnose(trip: Trip, expectations: readonly Expectation[]): Finding[] {
  const findings = [
    ...sidecarFindings(trip, expectations),
    ...proxyFindings(trip, expectations),
    ...originFindings(trip, expectations),
    ...clientFindings(trip, expectations),
    ...ambiguityFindings(trip),
  ];
  if (
    clientFailedUnexpectedly(trip, expectations) &&
    findings.every(({ cause }) => merelyMissing.has(cause))
  ) {
    findings.push({
      cause: 'UNEXPLAINED',
      seen: `curl ended with exit code ${trip.client.exitCode}: ${trip.client.errorMessage}`,
      expected: 'exit code 0',
      statement: trip.client,
    });
  }
  return bySpecificity(withoutRepetitions(findings));
}

/** The title's finding, if any, and whatever else is wrong that explains it. */
export function diagnoseTitle(trip: Trip, title: string): Finding[] {
  const { client } = trip;
  const own: Finding[] = [];
  if (client.title === undefined) {
    const page =
      client.bytesDownloaded === 0 ? 'no page' : `a page of ${client.bytesDownloaded} bytes without one`;
    own.push({ cause: 'TITLE_MISSING', seen: page, expected: `"${title}"`, statement: client });
  } else if (client.title !== title) {
    own.push({
      cause: 'TITLE_DIFFERS',
      seen: `"${client.title}"`,
      expected: `"${title}"`,
      statement: client,
    });
  }
  const clientOwn = clientFindings(trip, []);
  if (own.length === 0 && clientOwn.length === 0 && client.exitCode === 0) return [];
  return bySpecificity(withoutRepetitions([...own, ...diagnose(trip, [])]));
}

/** A refusal is as expected only when the client got it, too. */
function clientFailedUnexpectedly(trip: Trip, expectations: readonly Expectation[]): boolean {
  const refusal = expectedRefusal(expectations);
  return trip.client.exitCode !== 0 && (refusal === undefined || trip.client.connectStatus !== refusal);
}

function ambiguityFindings(trip: Trip): Finding[] {
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

function bySpecificity(findings: readonly Finding[]): Finding[] {
  const rank = (finding: Finding): number => {
    const codes: readonly string[] = specificity;
    const index = codes.indexOf(finding.cause);
    return index < 0 ? codes.length : index;
  };
  return [...findings].sort((a, b) => rank(a) - rank(b));
}

/** One finding a cause and expectation: client and proxy often tell the same, the log's words are the better ones. */
function withoutRepetitions(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = repeatable.has(finding.cause) ? `${finding.cause} ${finding.seen}` : finding.cause;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Two of these can be true of one trip for different reasons. */
const repeatable: ReadonlySet<CauseCode> = new Set([
  'ADDRESSES_DISAGREE',
  'BYTES_DISAGREE',
  'TIMES_DISAGREE',
  'AMBIGUOUS',
  'DUPLICATE_STATEMENT',
  'STALE_ONLY',
]);
