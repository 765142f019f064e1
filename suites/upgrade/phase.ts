import type { Step } from '../document/step.ts';

/** Passes over the document in a gate; the phases of one pass share its world. */
export type PassName = 'before' | 'upgrade' | 'old proxy' | 'fresh proxy' | 'rolled back';

/** A part of the gate that people are told by name. */
export interface Phase {
  /** Stable, for the report: `document-old-proxy`. */
  readonly id: string;
  readonly title: string;
  readonly pass: PassName;
  readonly steps: readonly Step[];
  /** Phases all of whose steps must have passed: without them this one would say nothing. */
  readonly needs: readonly string[];
}
