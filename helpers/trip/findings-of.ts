import { EnvironmentError, messageOf } from '../errors.ts';
import { ExecError } from '../kube/exec.ts';
import { ConformanceError, type Finding } from './finding.ts';

/**
 * The named causes in whatever a step threw: its own finding, a matcher's (vitest keeps what a matcher gives as
 * `meta` in the error's context), or UNEXPLAINED with the error's message.
 */
export function findingsOf(error: unknown): readonly Finding[] {
  if (error instanceof ConformanceError) return error.findings;
  // A command that could not be run tells nothing about the mesh; one that ran and failed is another matter.
  if (error instanceof EnvironmentError || error instanceof ExecError) {
    const seen = error instanceof EnvironmentError ? `${error.message} ${error.hint}` : error.message;
    const cause = error instanceof EnvironmentError ? error.code : 'ENVIRONMENT';
    return [{ cause, seen, expected: 'surroundings in which the step can be judged' }];
  }
  return (
    matcherFindings(error) ?? [
      { cause: 'UNEXPLAINED', seen: messageOf(error), expected: 'the step ends without an error' },
    ]
  );
}

interface MatcherError {
  readonly __vitest_error_context__?: { readonly meta?: { readonly findings?: readonly Finding[] } };
}

function matcherFindings(error: unknown): readonly Finding[] | undefined {
  if (!(error instanceof Error)) return undefined;
  const { __vitest_error_context__: context } = error as MatcherError;
  const findings = context?.meta?.findings;
  return findings === undefined || findings.length === 0 ? undefined : findings;
}
