import type { CauseCode } from '../helpers/causes/causes.ts';
import type { Given } from '../helpers/given/given.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import type { GatePlan } from '../helpers/results/gate.ts';
import type { ManifestObject } from './objects.ts';
import type { Gate } from '../suites/upgrade/gate.ts';

/** Something wrong with an upgrade that the gate must catch, in this phase, at this step and with this cause. */
interface OfUpgrade {
  /** Stable, e.g. `GATE-INJECTOR-BROKEN`. */
  readonly id: string;
  readonly title: string;
  readonly strict?: true;
  readonly expect: { readonly step: string; readonly cause: CauseCode };
}

/** In the suite's own upgrade of a mesh of its own. */
export interface OwnGateFault extends OfUpgrade {
  readonly strategy: Exclude<GatePlan['strategy'], 'unknown'>;
  /** The step before which it is put in, `phase/STEP`; before the first phase when not given. */
  readonly before?: string;
  readonly inject?: (gate: Gate) => Promise<void> | void;
  /** Version that the upgrade goes to, where the fault is one of this pair alone. */
  readonly to?: string;
  /** The configuration that the mesh gets, as if the user gave it. */
  readonly given?: (from: ImageSet, to: ImageSet) => Given;
}

/** In a user's upgrade of their own mesh, which the suite finds in an existing cluster. */
export interface TheirGateFault extends OfUpgrade {
  /** What else the user's cluster has, from before the gate on. */
  readonly objects?: readonly ManifestObject[];
  /** Stands for the user's command, which ends with exit code 0. */
  readonly theirs: (gate: Gate) => Promise<void>;
}

export type GateFault = OwnGateFault | TheirGateFault;
