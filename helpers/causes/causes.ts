import type { Cause, TripCause } from './cause.ts';
import { environmentCauses } from './environment.ts';
import { stateCauses } from './state.ts';
import { trafficCauses } from './traffic.ts';
import { upgradeCauses } from './upgrade.ts';
import { yourProxyCauses } from './your-proxy.ts';

/** The closed list: a failure has one of these causes, or is UNEXPLAINED. */
export const causes = {
  ...trafficCauses,
  ...stateCauses,
  ...upgradeCauses,
  ...yourProxyCauses,
  ...environmentCauses,
} as const satisfies Record<string, Cause>;

export type CauseCode = keyof typeof causes;

/**
 * Those that `diagnose` may give. A cause without a rank is not among them, so the compiler refuses to diagnose it.
 */
export type TripCauseCode = {
  [C in CauseCode]: (typeof causes)[C] extends TripCause ? C : never;
}[CauseCode];
