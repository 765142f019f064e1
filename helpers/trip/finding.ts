import type { Cause } from '../causes/cause.ts';
import { causes, type CauseCode, type TripCauseCode } from '../causes/causes.ts';
import { labelled, renderTrip } from './render.ts';
import type { Statement, Trip } from './statements.ts';
import { EnvironmentError } from '../errors.ts';
import { apiMessage, apiTrouble } from '../kube/client.ts';
import { ExecError } from '../kube/exec.ts';

/** One thing that is not as it must be, with its cause, and what was seen this time. */
export interface Finding {
  readonly cause: CauseCode;
  readonly seen: string;
  readonly expected: string;
  /** What to do, where this case says more than its cause does. */
  readonly advice?: string;
  readonly statement?: Statement;
}

export interface TripFinding extends Finding {
  readonly cause: TripCauseCode;
}

/**
 * Where an error carries findings: vitest keeps there what a matcher returns as `meta`, and a step's own failure keeps
 * them in the same place.
 */
interface FindingsContext {
  readonly meta?: { readonly findings?: readonly Finding[]; readonly trip?: Trip | undefined };
}

/** Something is not as the document says. The message is for someone who has not written the suite. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
  /** The most specific first; never empty. */
  readonly findings: readonly Finding[];
  readonly trip: Trip | undefined;
  readonly __vitest_error_context__: FindingsContext;

  /** @throws TypeError when there is no finding: a failure without a cause is a defect of the suite. */
  constructor(findings: readonly Finding[], trip?: Trip) {
    if (findings.length === 0) throw new TypeError('a ConformanceError needs a finding');
    super(renderFindings(findings, trip));
    this.findings = findings;
    this.trip = trip;
    this.__vitest_error_context__ = { meta: { findings, trip } };
  }
}

/** The first finding in full, the others in short, then the trip's statements side by side and their lines. */
export function renderFindings(findings: readonly Finding[], trip?: Trip): string {
  const [first, ...others] = findings;
  const parts: string[] = [];
  if (first !== undefined) {
    const cause: Cause = causes[first.cause];
    parts.push(
      [
        `${first.cause}: ${cause.title}`,
        labelled('seen', first.seen),
        labelled('expected', first.expected),
        labelled('why', cause.why),
        labelled('do', first.advice ?? cause.do),
      ].join('\n'),
    );
  }
  if (others.length > 0) {
    parts.push(
      [
        'Also found, often a consequence:',
        ...others.map((finding) =>
          [
            `${finding.cause}: ${causes[finding.cause].title}`,
            labelled('seen', finding.seen),
            labelled('expected', finding.expected),
          ].join('\n'),
        ),
      ].join('\n'),
    );
  }
  if (trip !== undefined) parts.push(renderTrip(trip), renderLines(trip));
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The raw lines behind the statements, unwrapped, to be copied and searched for. */
function renderLines(trip: Trip): string {
  return [...(trip.sidecar ?? []), ...(trip.proxy ?? []), ...(trip.origin ?? [])]
    .map((statement) => `${statement.witness}: ${statement.line}`)
    .join('\n');
}

/** The findings in the error of a failed step or matcher; without any, one for the error itself. */
export function findingsOf(error: unknown): readonly Finding[] {
  const { __vitest_error_context__: context } = Object(error) as {
    readonly __vitest_error_context__?: FindingsContext;
  };
  const findings = context?.meta?.findings ?? [];
  if (findings.length > 0) return findings;
  // A command that could not be run says nothing about the mesh; one that ran and failed does.
  if (error instanceof EnvironmentError || error instanceof ExecError) {
    const seen = error instanceof EnvironmentError ? `${error.message} ${error.hint}` : error.message;
    const cause = error instanceof EnvironmentError ? error.code : 'ENVIRONMENT';
    return [{ cause, seen, expected: 'surroundings in which the step can be judged' }];
  }
  const trouble = apiTrouble(error);
  if (trouble !== undefined) {
    const expected = 'an API server that answers whoever the kubeconfig says asks';
    return [{ cause: 'ENVIRONMENT', seen: `the API server: ${trouble}`, expected }];
  }
  return [{ cause: 'UNEXPLAINED', seen: apiMessage(error), expected: 'the step ends without an error' }];
}
