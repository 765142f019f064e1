import { EnvironmentError, messageOf } from '../errors.ts';
import { ExecError } from '../kube/exec.ts';
import type { Finding, FindingsContext } from './finding.ts';

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
  return [{ cause: 'UNEXPLAINED', seen: messageOf(error), expected: 'the step ends without an error' }];
}
