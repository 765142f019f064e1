import type { StepResult } from '../results/step.ts';
import { named } from '../report/verdict.ts';
import type { Outcome } from '../results/results.ts';
import { causes } from '../causes/causes.ts';
import type { GatePhase } from '../results/gate.ts';

export interface GateFacts {
  readonly steps: readonly StepResult[];
  readonly phases: readonly GatePhase[];
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
  /** Whether the cluster still answered after the last step. */
  readonly clusterServes: boolean;
}

/** The phase that a gate ends with when it got through. */
const lastPhase = 'clean-up';

/**
 * Whether the upgrade may go out. Red means the upgrade or the mesh; where the first failure comes from the
 * surroundings nothing can be said, and the verdict is `environment`.
 */
export function gateOutcome({ steps, phases, problems, clusterServes }: GateFacts): Outcome {
  const titles = new Map(phases.map(({ id, title }) => [id, title]));
  const failed = steps.filter(({ status }) => status === 'failed');
  const reasons = failed.map(({ phase = '', id, findings }) => {
    const cause = named(findings[0]?.cause ?? 'UNEXPLAINED');
    return `${titles.get(phase) ?? phase}: ${id}: ${cause}`;
  });
  const outside = problems.map((problem) => `Outside the steps: ${problem}`);
  const reason = [...reasons, ...outside].join('\n');
  if (!clusterServes) {
    const parts = [named('CLUSTER_LOST'), ...(reason === '' ? [] : [reason])];
    return { verdict: 'environment', cause: 'CLUSTER_LOST', reason: parts.join('\n') };
  }
  const [first] = failed;
  if (first !== undefined) {
    const cause = first.findings[0]?.cause ?? 'UNEXPLAINED';
    const weather = causes[cause].family === 'environment';
    return { verdict: weather ? 'environment' : 'not conformant', cause, reason };
  }
  if (outside.length > 0) return { verdict: 'environment', cause: 'ENVIRONMENT', reason };
  const unsound = phases.filter(({ passed, skipped }) => passed === 0 || skipped > 0);
  if (unsound.length > 0 || phases.at(-1)?.id !== lastPhase) {
    const which = unsound.map(({ title }) => title).join(', ') || `the gate ended before its ${lastPhase}`;
    return { verdict: 'environment', cause: 'ENVIRONMENT', reason: `Phases without a result: ${which}` };
  }
  return { verdict: 'conformant', reason: '' };
}
