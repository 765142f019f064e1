import { causes, type Cause } from '../trip/causes.ts';
import type { StepResult, Verdict } from './results.ts';

export interface Outcome {
  readonly verdict: Verdict;
  /** One line a failed step; empty when all is well. */
  readonly reason: string;
}

export interface RunFacts {
  /** Ids of the steps that were to run. */
  readonly expected: readonly string[];
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
export function verdictOf({ expected, steps, target, problems, clusterServes }: RunFacts): Outcome {
  const failed = steps.filter(({ status }) => status === 'failed');
  const reasons = failed.map(({ id, reason, findings }) => {
    const code = findings[0]?.cause;
    return `${id}: ${code === undefined ? (reason.split('\n')[0] ?? '') : `${code}: ${causes[code].title}`}`;
  });
  const outside = problems.map((problem) => `Outside the steps: ${problem}`);
  const reason = [...reasons, ...outside].join('\n');
  if (!clusterServes) {
    return {
      verdict: 'environment',
      reason: ['The cluster stopped answering during the run.', reason].join('\n'),
    };
  }
  // What failed first broke the chain; later failures may be its consequence.
  const [first] = failed;
  if (first !== undefined) {
    const code = first.findings[0]?.cause;
    const weather = code !== undefined && isWeather(causes[code], target);
    return { verdict: weather ? 'environment' : 'not conformant', reason };
  }
  if (outside.length > 0) return { verdict: 'environment', reason };
  const passed = new Set(steps.filter(({ status }) => status === 'passed').map(({ id }) => id));
  const silent = expected.filter((id) => !passed.has(id));
  if (expected.length === 0 || silent.length > 0) {
    return { verdict: 'environment', reason: `Steps without a result: ${silent.join(', ') || 'all'}` };
  }
  return { verdict: 'conformant', reason: '' };
}

/** The real destination may be down, slow or intercepted without any fault of the mesh; ours may not. */
function isWeather({ family }: Cause, target: 'live' | 'hermetic'): boolean {
  return family === 'environment' || (family === 'destination' && target === 'live');
}
