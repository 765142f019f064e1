import type { Step } from '../document/step.ts';
import type { Phase } from './gate.ts';

/** Who takes the mesh from one version to the other: the suite by istioctl, or a user by whatever they use. */
export interface Maker {
  /** What the versions are called in titles; a user's are not known before they are found. */
  readonly called: { readonly from: string; readonly to: string };
  /** Phases before the document's first pass: until the mesh is there. The last is `install`. */
  readonly beginning: readonly Phase[];
  readonly upgrade: { readonly title: string; readonly steps: readonly Step[] };
  /** Takes it back, after the first workload was restarted under the new version. */
  readonly back: readonly Step[];
  /** What comes before the suite restarts its own workloads. */
  readonly restarting: readonly Step[];
}
