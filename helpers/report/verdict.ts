import { causes, type Cause } from '../trip/causes.ts';
import type { StepResult, Verdict } from './results.ts';

export interface Outcome {
  readonly verdict: Verdict;
  /** One line a failed step; empty when all is well. */
  readonly reason: string;
}

export interface RunFacts {
  readonly steps: readonly StepResult[];
  readonly target: 'live' | 'hermetic';
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
  /** Whether the cluster still answered after the last step. */
  readonly clusterServes: boolean;
}

/**
 * What the steps' results mean. A red verdict must mean Istio or the mesh: where the first failure comes from the
 * surroundings (a dead cluster, an image that cannot be pulled, the real Wikipedia being down), nothing can be
 * said about conformance, and the verdict is `environment`.
 */
export function verdictOf({ steps, target, problems, clusterServes }: RunFacts): Outcome {
  const failed = steps.filter(({ status }) => status === 'failed');
  const reasons = failed.map(({ id, reason, findings }) => {
    const code = findings[0]?.cause;
    return `${id}: ${code === undefined ? (reason.split('\n')[0] ?? '') : `${code}: ${causes[code].title}`}`;
  });
  if (problems.length > 0)
    return { verdict: 'environment', reason: `Outside the steps: ${problems.join('; ')}` };
  if (steps.length === 0) return { verdict: 'environment', reason: 'No step was run.' };
  if (failed.length === 0) return { verdict: 'conformant', reason: '' };
  if (!clusterServes) {
    return {
      verdict: 'environment',
      reason: ['The cluster stopped answering during the run.', ...reasons].join('\n'),
    };
  }
  // What failed first broke the chain; later failures may be its consequence.
  const first = failed[0]?.findings[0]?.cause;
  const weather = first !== undefined && isWeather(causes[first], target);
  return { verdict: weather ? 'environment' : 'not conformant', reason: reasons.join('\n') };
}

/** The real destination may be down, slow or intercepted without any fault of the mesh; ours may not. */
function isWeather({ family }: Cause, target: 'live' | 'hermetic'): boolean {
  return family === 'environment' || (family === 'destination' && target === 'live');
}
