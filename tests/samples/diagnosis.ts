import { diagnose } from '../../helpers/trip/diagnose.ts';
import { origin, proxy, sidecar, type Expectation } from '../../helpers/trip/expectations.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { cluster } from './trip.ts';
import type { Trip } from '../../helpers/trip/statements.ts';

/** What the tests expect of a sound trip: one statement of each witness. */
export const expected: readonly Expectation[] = [
  sidecar({ cluster }),
  proxy({ result: 'TCP_TUNNEL/200', peer: '10.42.0.4' }),
  origin({ status: 200 }),
];

export function codes(trip: Trip, expectations = expected): string[] {
  return diagnose(trip, expectations).map(({ cause }) => cause);
}

export function first(trip: Trip, expectations = expected): Finding | undefined {
  return diagnose(trip, expectations)[0];
}
