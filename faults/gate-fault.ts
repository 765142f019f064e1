import type { CauseCode } from '../helpers/causes/causes.ts';
import type { Given } from '../helpers/given/given.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import type { GatePlan } from '../helpers/results/gate.ts';
import type { Gate } from '../suites/upgrade/gate.ts';

/** Something wrong with an upgrade that the gate must catch, in this phase, at this step and with this cause. */
export interface GateFault {
  /** Stable, e.g. `GATE-INJECTOR-BROKEN`. */
  readonly id: string;
  readonly title: string;
  readonly strategy: GatePlan['strategy'];
  readonly strict?: true;
  readonly expect: { readonly step: string; readonly cause: CauseCode };
  /** The step before which it is put in, `phase/STEP`; before the first phase when not given. */
  readonly before?: string;
  readonly inject?: (gate: Gate) => Promise<void> | void;
  /** The configuration that the mesh gets, as if the user gave it. @param images Of the old version */
  readonly given?: (images: ImageSet) => Given;
}
