import type { SessionFacts } from '../session/session.ts';
import type { StepResult } from './results.ts';

/** What a step's test hands to the reporter. */
export type StepMeta = Pick<
  StepResult,
  'id' | 'pass' | 'title' | 'section' | 'command' | 'facts' | 'trips' | 'findings' | 'durationMs' | 'evidence'
> & { readonly versions: Readonly<Record<string, string>> };

declare module 'vitest' {
  interface ProvidedContext {
    /** The run that the tests are part of: set by the CLI, or by suites/setup.ts for a plain `vitest run`. */
    session: SessionFacts;
  }
  interface TaskMeta {
    step?: StepMeta;
  }
}
