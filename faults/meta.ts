import type { FaultResult } from './result.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Ids of the faults to try. */
    faults: readonly string[];
  }
  interface TaskMeta {
    fault?: FaultResult;
  }
}
