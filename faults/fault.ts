import type { CheckoutRun } from './checkout.ts';
import type { CauseCode } from '../helpers/causes/causes.ts';
import type { Rig } from './rig.ts';

/** Something put into a real mesh that the suite must catch, at this step and with this cause. */
export interface Fault {
  /** Stable, e.g. `ENTRY-PROTOCOL-HTTP`; faults.json and `conformance faults ID` refer to it. */
  readonly id: string;
  readonly title: string;
  readonly expect: { readonly step: string; readonly cause: CauseCode };
  /** The step before which it is put in; before the first when not given. */
  readonly before?: string;
  /** The first step that it can touch; what comes before is as the sound pass before left it. */
  readonly from?: 'BEFORE-1';
  readonly inject: (rig: Rig) => Promise<void> | void;
  /** Takes it out of the cluster again; altered fixtures read as before by themselves. */
  readonly undo?: (rig: Rig) => Promise<void>;
  /** The cluster does not outlive it, so it comes last. */
  readonly fatal?: true;
}

/** A fault of the surroundings, which a run meets before there is a cluster: a whole run of its own. */
export interface RunFault {
  readonly id: string;
  readonly title: string;
  readonly expect: { readonly step: 'set-up'; readonly cause: CauseCode };
  /** Why it cannot be tried on this machine; undefined when it can. */
  readonly impossible: () => Promise<string | undefined>;
  /** Runs the suite in the broken surroundings. */
  readonly run: () => Promise<CheckoutRun>;
}
