import type { Configuration } from '../configuration/configuration.ts';
import type { GatePlan, GateResults } from '../results/gate.ts';
import type { StepRecord } from '../results/step.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** What a suite of somebody's own is to run with; set by `conformance()` in its vitest configuration. */
    conformance: Configuration;
    /** What the gate is asked to do; set by `conformance gate`. */
    gate: GatePlan;
  }
  interface TaskMeta {
    /** What a step's test hands to the reporters: known in part before it starts, in full after it. */
    step?: StepRecord;
    /** Component → version, of what has run so far. */
    versions?: Readonly<Record<string, string>>;
    /** What is known of a gate after this step. */
    gate?: Pick<GateResults, 'traffic' | 'comparisons' | 'mesh'>;
  }
}
