import type { Cause } from '../causes/cause.ts';
import { causes, type CauseCode } from '../causes/causes.ts';
import type { Difference, GatePhase } from './gate.ts';
import type { Outcome, Verdict } from './results.ts';
import type { StepResult } from './step.ts';

/** What a run and a gate are judged by. */
interface Facts {
  readonly steps: readonly StepResult[];
  /** What went wrong outside the steps. */
  readonly problems: readonly string[];
  /** Whether the cluster still answered after the last step. */
  readonly clusterServes: boolean;
}

export interface RunFacts extends Facts {
  /** Ids of the steps that were to run, in each pass. */
  readonly expected: readonly string[];
  /** How many passes were to run. */
  readonly repeat: number;
  readonly target: 'live' | 'given' | 'hermetic';
}

export interface GateFacts extends Facts {
  readonly target: RunFacts['target'];
  readonly phases: readonly GatePhase[];
}

/** The phase with which a complete gate ends. */
const lastPhase = 'clean-up';

/** What a run's results mean. A failure in any of several passes makes it `unstable`. */
export function verdictOf(run: RunFacts): Outcome {
  const { repeat, steps, target } = run;
  const failed = steps.filter(({ status }) => status === 'failed');
  const missing = withoutResult(run);
  return outcomeOf(run, {
    reasons: repeat === 1 ? failed.map((step) => `${step.id}: ${causeOf(step)}`) : instabilities(run),
    red: repeat === 1 ? 'not conformant' : 'unstable',
    environment: environmentOf(target),
    missing: missing.length === 0 ? undefined : `Steps without a result: ${missing.join(', ')}`,
  });
}

/** What a gate's results mean: whether the upgrade may go out. */
export function gateOutcome(gate: GateFacts): Outcome {
  const { steps, phases, target } = gate;
  const titles = new Map(phases.map(({ id, title }) => [id, title]));
  const failed = steps.filter(({ status }) => status === 'failed');
  const unsound = phases.filter(({ passed, skipped }) => passed === 0 || skipped > 0);
  const which = unsound.map(({ title }) => title).join(', ') || `the gate ended before its ${lastPhase}`;
  const whole = unsound.length === 0 && phases.at(-1)?.id === lastPhase;
  return outcomeOf(gate, {
    reasons: failed.map(
      ({ phase = '', id, findings }) =>
        `${titles.get(phase) ?? phase}: ${id}: ${named(findings[0]?.cause ?? 'UNEXPLAINED')}`,
    ),
    red: 'not conformant',
    environment: environmentOf(target),
    missing: whole ? undefined : `Phases without a result: ${which}`,
  });
}

/**
 * Which differences make a gate red, and which need a review.
 * @param strict New differences of the access log and of the configuration are red as well
 */
export function judge(
  differences: readonly Difference[],
  { strict }: { readonly strict: boolean },
): { readonly regressions: readonly Difference[]; readonly warnings: readonly Difference[] } {
  const red = ({ severity, kind }: Difference): boolean =>
    severity === 'regression' || (strict && severity === 'warning' && (kind === 'log' || kind === 'config'));
  return {
    regressions: differences.filter(red),
    warnings: differences.filter((difference) => difference.severity === 'warning' && !red(difference)),
  };
}

/**
 * A red verdict must mean Istio or the mesh. Where the first failure comes from somewhere else (a dead cluster, an image
 * that cannot be pulled, the real Wikipedia being down), nothing can be said about conformance: `environment`.
 * @param judging `environment`: whether a cause says nothing about the mesh
 */
function outcomeOf(
  { steps, problems, clusterServes }: Facts,
  judging: {
    readonly reasons: readonly string[];
    readonly red: Verdict;
    readonly environment: (code: CauseCode) => boolean;
    readonly missing: string | undefined;
  },
): Outcome {
  const outside = problems.map((problem) => `Outside the steps: ${problem}`);
  const reason = [...judging.reasons, ...outside].join('\n');
  if (!clusterServes) {
    const parts = [named('CLUSTER_LOST'), ...(reason === '' ? [] : [reason])];
    return { verdict: 'environment', cause: 'CLUSTER_LOST', reason: parts.join('\n') };
  }
  // What failed first broke the chain; later failures may be its consequence.
  const first = steps.find(({ status }) => status === 'failed');
  if (first !== undefined) {
    const cause = first.findings[0]?.cause ?? 'UNEXPLAINED';
    return { verdict: judging.environment(cause) ? 'environment' : judging.red, cause, reason };
  }
  if (outside.length > 0) return { verdict: 'environment', cause: 'ENVIRONMENT', reason };
  const { missing } = judging;
  if (missing !== undefined) return { verdict: 'environment', cause: 'ENVIRONMENT', reason: missing };
  return { verdict: 'conformant', reason: '' };
}

/** Which causes say nothing about the mesh. */
function environmentOf(target: RunFacts['target']): (code: CauseCode) => boolean {
  return target === 'hermetic' ? isEnvironment : isTheRealWorld;
}

function isEnvironment(code: CauseCode): boolean {
  const { family }: Cause = causes[code];
  return family === 'environment';
}

/**
 * The real destination may be down, slow or intercepted without any fault of the mesh, and the proxy's network may have
 * no DNS or no way out; the suite's own destination needs neither.
 */
function isTheRealWorld(code: CauseCode): boolean {
  const { family }: Cause = causes[code];
  return isEnvironment(code) || family === 'destination' || code === 'PROXY_CANNOT_RESOLVE';
}

/** Steps that were to run and did not pass, pass by pass. */
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
  const results = Map.groupBy(steps, ({ id }) => id);
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
