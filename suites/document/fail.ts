import type { CauseCode } from '../../helpers/causes/causes.ts';
import { ConformanceError } from '../../helpers/trip/finding.ts';

/** Fails the step with a named cause, what was seen and what was expected. */
export function fail(cause: CauseCode, seen: string, expected: string): never {
  throw new ConformanceError([{ cause, seen, expected }]);
}

/** Fails the step unless `actual` is `expected`. */
export function mustEqual(cause: CauseCode, what: string, actual: string, expected: string): void {
  if (actual !== expected)
    fail(cause, `${what} is ${actual === '' ? 'empty' : `"${actual}"`}`, `"${expected}"`);
}
