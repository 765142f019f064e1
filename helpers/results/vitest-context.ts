import type { ProvidedContext } from 'vitest';
import type { Configuration } from '../configuration/configuration.ts';
import type { GateKnown } from './gate.ts';
import type { StepRecord } from './step.ts';

/** What the CLI provides to the tests, and what the tests report to it. */
declare module 'vitest' {
  interface ProvidedContext {
    /** The run's configuration; set by the CLI, and by `conformance()` in a vitest configuration. */
    conformance: Configuration;
  }
  interface TaskMeta {
    /** What a step's test hands to the reporters: known in part before it starts, in full after it. */
    step?: StepRecord;
    /** Component → version, of what has run so far. */
    versions?: Readonly<Record<string, string>>;
    /** What is known of a gate after this step. */
    gate?: GateKnown;
  }
}

/** What `conformance()` provides. A type that names it brings this declaration along, into the package's types as well. */
export type ProvidedByLibrary = Pick<ProvidedContext, 'conformance'>;
