import type { Cause } from '../causes/cause.ts';
import { causes, type CauseCode } from '../causes/causes.ts';
import type { StepResult } from '../results/step.ts';
import type { Verdict } from '../results/results.ts';
import { byId } from './stability.ts';

export interface Outcome {
  readonly verdict: Verdict;
  /** One line a failed step; empty when all is well. */
  readonly reason: string;
  /** What decided a verdict other than conformant; a usage error has none. */
  readonly cause?: CauseCode;
}

export interface RunFacts {
  /** Ids of the steps that were to run, in each pass. */
  readonly expected: readonly string[];
  /** How many passes were to be made. */
  readonly repeat: number;
  readonly steps: readonly StepResult[];
  readonly target: 'live' | 'given' | 'hermetic';
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
  /** Whether the cluster still answered after the last step. */
  readonly clusterServes: boolean;
}

/**
 * What the steps' results mean. A red verdict must mean Istio or the mesh: where the first failure comes from the
 * surroundings (a dead cluster, an image that cannot be pulled, the real Wikipedia being down), nothing can be
 * said about conformance, and the verdict is `environment`. Of several passes a failure in any one makes it
 * `unstable`.
 */
export function verdictOf(run: RunFacts): Outcome {
  const { repeat, steps, target, problems, clusterServes } = run;
  const failed = steps.filter(({ status }) => status === 'failed');
  const reasons = repeat === 1 ? failed.map((step) => `${step.id}: ${causeOf(step)}`) : instabilities(run);
  const outside = problems.map((problem) => `Outside the steps: ${problem}`);
  const reason = [...reasons, ...outside].join('\n');
  if (!clusterServes) {
    const parts = [named('CLUSTER_LOST'), ...(reason === '' ? [] : [reason])];
    return { verdict: 'environment', cause: 'CLUSTER_LOST', reason: parts.join('\n') };
  }
  // What failed first broke the chain; later failures may be its consequence.
  const [first] = failed;
  if (first !== undefined) {
    const cause = first.findings[0]?.cause ?? 'UNEXPLAINED';
    const weather = isWeather(causes[cause], target);
    return { verdict: weather ? 'environment' : repeat === 1 ? 'not conformant' : 'unstable', cause, reason };
  }
  if (outside.length > 0) return { verdict: 'environment', cause: 'ENVIRONMENT', reason };
  const silent = withoutResult(run);
  if (silent.length > 0) {
    const missing = `Steps without a result: ${silent.join(', ')}`;
    return { verdict: 'environment', cause: 'ENVIRONMENT', reason: missing };
  }
  return { verdict: 'conformant', reason: '' };
}

/** What was to run and did not pass, pass by pass; empty only when all of it did. */
function withoutResult({ expected, repeat, steps }: RunFacts): string[] {
  if (expected.length === 0) return ['all'];
  const passed = new Set(
    steps.filter(({ status }) => status === 'passed').map(({ id, pass }) => `${id} ${pass}`),
  );
  const silent: string[] = [];
  for (let pass = 1; pass <= repeat; pass += 1) {
    const missing = expected.filter((id) => !passed.has(`${id} ${pass}`));
    if (repeat === 1) silent.push(...missing);
    else if (missing.length === expected.length) silent.push(`all of pass ${pass}`);
    else silent.push(...missing.map((id) => `${id} (pass ${pass})`));
  }
  return silent;
}

/** A line for each step that did not pass in all passes. */
function instabilities({ expected, repeat, steps }: RunFacts): string[] {
  const results = byId(steps);
  return [...new Set([...expected, ...results.keys()])].flatMap((id) => {
    const runs = results.get(id) ?? [];
    const passed = runs.filter(({ status }) => status === 'passed').length;
    const failed = runs.filter(({ status }) => status === 'failed');
    const [first] = failed;
    if (first !== undefined) {
      if (failed.length === repeat) {
        return [`${id}: failed in every pass, so this is no flake: ${causeOf(first)}`];
      }
      return [
        `${id}: passed in ${passed} of ${repeat}; first failure in pass ${first.pass}: ${causeOf(first)}`,
      ];
    }
    const skipped = runs.find(({ status }) => status === 'skipped');
    if (skipped === undefined) {
      return passed === repeat
        ? []
        : [`${id}: passed in ${passed} of ${repeat}, without a result in the others`];
    }
    return [
      `${id}: passed in ${passed} of ${repeat}; first skipped in pass ${skipped.pass} ${skipped.reason}`,
    ];
  });
}

function causeOf({ findings, reason }: StepResult): string {
  const code = findings[0]?.cause;
  return code === undefined ? (reason.split('\n')[0] ?? '') : named(code);
}

/** A cause as reasons begin with it: `REGISTRY_LIMIT: A registry limits pulls`. */
export function named(code: CauseCode): string {
  return `${code}: ${causes[code].title}`;
}

/** The real destination may be down, slow or intercepted without any fault of the mesh; ours may not. */
function isWeather({ family }: Cause, target: 'live' | 'given' | 'hermetic'): boolean {
  return family === 'environment' || (family === 'destination' && target !== 'hermetic');
}
