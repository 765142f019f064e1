import type { CauseCode } from '../helpers/causes/causes.ts';
import type { Given } from '../helpers/given/given.ts';
import type { ImageSet } from '../helpers/images/roles.ts';
import type { GatePlan } from '../helpers/results/gate.ts';
import type { ManifestObject } from './objects.ts';
import type { Gate } from '../suites/upgrade/gate.ts';

interface AnyUpgrade {
  /** Stable, e.g. `GATE-INJECTOR-BROKEN`. */
  readonly id: string;
  readonly title: string;
  readonly strict?: true;
}

/** The suite's own upgrade of a mesh of its own. */
export interface OwnUpgrade extends AnyUpgrade {
  readonly strategy: Exclude<GatePlan['strategy'], 'unknown'>;
  /** The step before which it is changed, `phase/STEP`; before the first phase when not given. */
  readonly before?: string;
  readonly inject?: (gate: Gate) => Promise<void> | void;
  /** Version that the upgrade goes to, where it is about this pair alone. */
  readonly to?: string;
  /** The configuration that the mesh gets, as if the user gave it. */
  readonly given?: (from: ImageSet, to: ImageSet) => Given;
}

/** A user's upgrade of their own mesh, which the suite finds in an existing cluster. */
export interface TheirUpgrade extends AnyUpgrade {
  /** How their mesh was installed; by default as the suite's own. */
  readonly installed?: (manifest: string) => string;
  /** What else the user's cluster has, from before the gate on. */
  readonly objects?: readonly ManifestObject[];
  /** Stands for the user's command, which ends with exit code 0. */
  readonly theirs: (gate: Gate) => Promise<void>;
}

/** An upgrade with something wrong that the gate must catch, in this phase, at this step and with this cause. */
interface Caught {
  readonly expect: {
    readonly step: string;
    readonly cause: CauseCode;
    /** The object that is to blame, where the finding must name it. */
    readonly names?: string;
  };
}

export type OwnGateFault = OwnUpgrade & Caught;
export type TheirGateFault = TheirUpgrade & Caught;
export type GateFault = OwnGateFault | TheirGateFault;
/** An upgrade that may go out: the gate must say so. */
export type HealthyUpgrade = OwnUpgrade | TheirUpgrade;
