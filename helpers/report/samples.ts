import type { CauseCode } from '../trip/causes.ts';
import type { StepResult } from './results.ts';

/** A step's result, for tests: it passed in the first pass; `changes` replace fields. */
export function stepResult(changes: Partial<StepResult> = {}): StepResult {
  return {
    id: 'MESH-2',
    pass: 1,
    title: 'the page arrives',
    section: 'configure-traffic-to-external-https-proxy',
    command: '',
    status: 'passed',
    reason: '',
    durationMs: 0,
    findings: [],
    facts: {},
    trips: [],
    evidence: '',
    ...changes,
  };
}

/** One that failed of a named cause. */
export function failedResult(cause: CauseCode, changes: Partial<StepResult> = {}): StepResult {
  return stepResult({
    status: 'failed',
    reason: `${cause}: title\nmore`,
    findings: [{ cause, seen: 'this', expected: 'that' }],
    ...changes,
  });
}
