import { randomBytes } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import type { Destination } from '../destination/destination.ts';
import type { Existing } from '../existing/existing.ts';
import type { Given } from '../given/given.ts';
import type { UpgradePair } from '../gate/rules.ts';
import type { GatePlan } from '../results/gate.ts';
import type { ImageSet } from '../images/roles.ts';
import type { BegunInstall } from '../istio/install.ts';
import type { Namespaces } from '../kube/manifests.ts';
import type { RunPlan } from './proxy.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run that the tests of a plain `vitest run` are part of; set by suites/setup.ts. */
    session: SessionFacts;
    /** Name of the BroadcastChannel by which the CLI hands its tests what they work with. */
    channel: string;
  }
}

/** What the tests need to know of the run they are in; plain data, since they run in another process. */
export interface SessionFacts extends RunPlan {
  readonly runId: string;
  readonly images: ImageSet;
  /** Those of further versions of Istio, where the run is about more than one. */
  readonly others: readonly ImageSet[];
  readonly cluster: Cluster;
  readonly destination: Destination;
  readonly namespaces: Namespaces;
  /** What a run in an existing cluster keeps to. */
  readonly existing?: Existing;
  /** The user's own configuration of the mesh, in a cluster of the suite's own. */
  readonly given?: Given;
  /** Absolute path of the run's report folder. */
  readonly reportFolder: string;
  /** Temporary folder of the run, where the document's reader stands. */
  readonly folder: string;
  /** Istio's installation, where it began with the set-up: the first pass finds it there. */
  readonly begunInstall?: BegunInstall;
}

/** What the CLI hands its tests, once there is a session. */
export interface Handed {
  readonly session: SessionFacts;
  /** The upgrade to judge. */
  readonly gate?: GatePlan;
  /** Ids of the faults, or healthy meshes, to try. */
  readonly faults?: readonly string[];
}

export interface Session extends AsyncDisposable {
  readonly facts: SessionFacts;
}

/** Versions of Istio that one cluster goes through. */
export type Upgrade = Omit<UpgradePair, 'strategy'>;

/** Names a run: the time, so that folders sort; the process and a random part, so that two at once differ. */
export function newRunId(): string {
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${process.pid}-${randomBytes(2).toString('hex')}`;
}

export interface SessionOptions {
  /** The pair of a gate, checked already: the cluster has the images of both versions. */
  readonly upgrade?: Upgrade;
  /** The user's own configuration of the mesh, and the suite's own that it goes over, with its `${NAMES}`. */
  readonly given?: { readonly given: Given; readonly base: string } | undefined;
  /** A user upgrades the Istio of an existing cluster meanwhile. */
  readonly theirUpgrade?: boolean;
  /** Begins Istio's installation as soon as the API server answers; it needs neither DNS nor the destination. */
  readonly install?: ((cluster: Cluster, images: ImageSet) => Promise<BegunInstall>) | undefined;
}
