import type { Configuration } from '../configuration/configuration.ts';
import type { SessionFacts } from '../session/session.ts';
import type { GatePlan, GateResults } from '../results/gate.ts';
import type { StepResult } from '../results/step.ts';

/** What a step's test hands to the reporter. */
export type StepMeta = Pick<
  StepResult,
  | 'id'
  | 'pass'
  | 'phase'
  | 'title'
  | 'section'
  | 'command'
  | 'facts'
  | 'trips'
  | 'findings'
  | 'durationMs'
  | 'evidence'
> & { readonly versions: Readonly<Record<string, string>> };

declare module 'vitest' {
  interface ProvidedContext {
    /** The run that the tests are part of: set by the CLI, or by suites/setup.ts for a plain `vitest run`. */
    session: SessionFacts;
    /** What a suite of somebody's own is to run with; set by `conformance()` in its vitest configuration. */
    conformance: Configuration;
    /** What the gate is asked to do; set by `conformance gate`. */
    gate: GatePlan;
  }
  interface TaskMeta {
    step?: StepMeta;
    /** Known before the step begins. */
    starting?: Pick<StepMeta, 'id' | 'title' | 'pass' | 'phase'>;
    /** What is known of a gate after this step. */
    gate?: Pick<GateResults, 'traffic' | 'comparisons' | 'mesh'>;
  }
}
