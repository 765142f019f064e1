import type { CheckoutRun } from './checkout.ts';
import type { CauseCode } from '../helpers/causes/causes.ts';
import type { ManifestObject } from './objects.ts';
import type { Rig } from './rig.ts';

/** A change to a real mesh, made with the tools of a rig. */
export interface Change<R extends Rig = Rig> {
  /** Stable, e.g. `ENTRY-HTTP`; faults.json and `conformance faults ID` refer to it. */
  readonly id: string;
  readonly title: string;
  /** Objects beside the document's: applied, and removed again. */
  readonly objects?: (rig: R) => readonly ManifestObject[];
  /** Whatever else it changes. */
  readonly inject?: (rig: R) => Promise<void> | void;
  /** Takes that out of the cluster again; altered fixtures read as before by themselves. */
  readonly undo?: (rig: R) => Promise<void>;
}

/** A change that the suite must catch, at this step and with this cause. */
export interface Fault extends Change {
  /** The step before which it is made; before the first when not given. */
  readonly before?: string;
  /** The first step that it can touch; earlier ones are as the last sound pass left them. */
  readonly from?: 'BEFORE-1';
  /** It ends the cluster, so it comes last. */
  readonly fatal?: true;
  /** Many tunnels at once, where it shows only then; SCALE-1 is tried as well. */
  readonly load?: { readonly clients: number; readonly tunnels: number };
  readonly expect: {
    readonly step: string;
    readonly cause: CauseCode;
    /** The object that is to blame, where the finding must name it. */
    readonly names?: string;
  };
}

/** As the tables have it: with the id as its key. */
export type FaultEntry = Omit<Fault, 'id'>;

/** The entries of a table with their ids; the compiler refuses a second one of the same id. */
export function identified<Entry extends object>(
  table: Readonly<Record<string, Entry>>,
): (Entry & { readonly id: string })[] {
  return Object.entries(table).map(([id, entry]) => ({ id, ...entry }));
}

/** A fault of the machine, which a run meets before it has a cluster: it takes a whole run. */
export interface RunFault {
  readonly id: string;
  readonly title: string;
  readonly expect: { readonly step: 'set-up'; readonly cause: CauseCode };
  /** Why it cannot be tried on this machine; undefined when it can. */
  readonly impossible: () => Promise<string | undefined>;
  /** Runs the suite on the broken machine. */
  readonly run: () => Promise<CheckoutRun>;
}

export async function make<R extends Rig>(change: Change<R>, rig: R): Promise<void> {
  if (change.objects !== undefined) await rig.apply(...change.objects(rig));
  await change.inject?.(rig);
}

export async function undo<R extends Rig>(change: Change<R>, rig: R): Promise<void> {
  if (change.objects !== undefined) await rig.remove(...change.objects(rig));
  await change.undo?.(rig);
}
