import { expect } from 'vitest';
import { causes, type CauseCode } from '../causes/causes.ts';
import { diagnose, diagnoseTitle } from './diagnose.ts';
import type { Expectation } from './expectations.ts';
import { renderFindings, type Finding, renderTrip } from './finding.ts';
import type { Trip } from './statements.ts';

/**
 * Matchers for trips. Importing this file (as vitest's setup file) adds them to `expect`.
 * A failure's message has the findings and the statements side by side; `meta` of the error has both as data.
 */
interface TripMatchers<R> {
  /** The client succeeded and the page's title is this one. Where not, what is expected of witnesses tells why. */
  toHaveTitle: (title: string, ...expectations: readonly Expectation[]) => R;
  /**
   * Each expected witness has exactly one statement, each is as expected, and all that spoke agree: addresses,
   * bytes, times, statuses. Needs an expectation, as without one it would prove little.
   */
  toHaveCrossed: (...expectations: readonly [Expectation, ...Expectation[]]) => R;
  /** The trip is not as expected, and this is the first, most specific cause: for what must not work. */
  toBeDiagnosedAs: (cause: CauseCode, ...expectations: readonly Expectation[]) => R;
}

declare module 'vitest' {
  // The declaration that is extended has these parameters, so this one must: vitest.dev/guide/extending-matchers
  /* eslint-disable @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type */
  interface Matchers<
    R extends void | Promise<void> = void | Promise<void>,
    T = unknown,
  > extends TripMatchers<R> {}
  /* eslint-enable @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type */
}

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
  readonly meta: { readonly findings: readonly Finding[]; readonly trip: Trip };
}

expect.extend({
  toHaveTitle(received: unknown, title: string, ...expectations: readonly Expectation[]): Result {
    const trip = asTrip(received, 'toHaveTitle');
    return result(trip, diagnoseTitle(trip, title, expectations), `has the title "${title}"`);
  },
  toHaveCrossed(received: unknown, ...expectations: readonly Expectation[]): Result {
    const trip = asTrip(received, 'toHaveCrossed');
    if (expectations.length === 0) throw new TypeError('toHaveCrossed needs at least one expectation');
    const kinds = expectations.map((expectation) => expectation.kind);
    if (new Set(kinds.map((kind) => kind.replace('no-', ''))).size !== kinds.length) {
      throw new TypeError(`toHaveCrossed takes one expectation a witness, not ${kinds.join(', ')}`);
    }
    return result(trip, diagnose(trip, expectations), `crossed ${kinds.join(', ')} as expected`);
  },
  toBeDiagnosedAs(received: unknown, cause: CauseCode, ...expectations: readonly Expectation[]): Result {
    const trip = asTrip(received, 'toBeDiagnosedAs');
    const findings = diagnose(trip, expectations);
    const found = findings[0]?.cause;
    return {
      pass: found === cause,
      message: () =>
        found === cause
          ? `expected another first cause than ${cause}: ${causes[cause].title}\n\n${renderTrip(trip)}`
          : `expected ${cause}: ${causes[cause].title}; found ${found ?? 'nothing wrong'}\n\n${renderFindings(findings, trip)}`,
      // What must break and does not has no cause of its own.
      meta: { findings: findings.length === 0 ? [nothingWrong(cause)] : findings, trip },
    };
  },
});

function nothingWrong(cause: CauseCode): Finding {
  return {
    cause: 'CONTROL_DIFFERS',
    seen: 'nothing wrong in any statement',
    expected: `${cause}: ${causes[cause].title}`,
  };
}

function result(trip: Trip, findings: readonly Finding[], sound: string): Result {
  return {
    pass: findings.length === 0,
    message: () =>
      findings.length === 0
        ? `the trip ${sound}, which it must not\n\n${renderTrip(trip)}`
        : renderFindings(findings, trip),
    meta: { findings, trip },
  };
}

/** @throws TypeError when it is no trip: a matcher on the wrong thing must not look like a verdict. */
function asTrip(received: unknown, matcher: string): Trip {
  if (!isTrip(received)) throw new TypeError(`${matcher} is for trips, not for ${typeof received}`);
  return received;
}

function isTrip(value: unknown): value is Trip {
  return (
    typeof value === 'object' &&
    value !== null &&
    'client' in value &&
    'unmatched' in value &&
    'ambiguities' in value &&
    'tolerances' in value
  );
}
