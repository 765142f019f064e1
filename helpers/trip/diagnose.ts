import type { TripCause } from '../causes/cause.ts';
import { causes, type TripCauseCode } from '../causes/causes.ts';
import { clientFindings } from './diagnose.client.ts';
import { closingFindings, originFindings, proxyFindings, sidecarFindings } from './diagnose.logs.ts';
import { expectedRefusal, type Expectation } from './expectations.ts';
import type { TripFinding } from './finding.ts';
import type { Trip } from './statements.ts';

/** The causes of trips, with their ranks. */
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
    findings.push({
      cause: 'UNEXPLAINED',
      seen: `curl ended with exit code ${trip.client.exitCode}: ${trip.client.errorMessage}`,
      expected: 'exit code 0',
      statement: trip.client,
    });
  }
  if (clientFailedUnexpectedly(trip, expectations)) findings.push(...closingFindings(trip));
  return bySpecificity(withoutRepetitions(findings));
}

/** The finding about the title, if any, and all findings that explain it. */
export function diagnoseTitle(trip: Trip, title: string): TripFinding[] {
  const { client } = trip;
  const own: TripFinding[] = [];
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
