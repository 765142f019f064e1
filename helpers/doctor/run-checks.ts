import { ActionableError, EnvironmentError, messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/deadline.ts';
import { timeouts } from '../timeouts.ts';
import type { Check, Checked, Finding } from './check.ts';
import { failed, warning } from './check.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * All checks at once, each with its own deadline. When no engine answers, the check `engine` says so; the others
 * that need one say that they were skipped.
 * @returns one result a check, in their order; never rejects
 */
export function runChecks(
  checks: readonly Check[],
  surroundings: Surroundings,
  deadlineMs: number = timeouts.doctorCheck,
): Promise<Checked[]> {
  return Promise.all(
    checks.map(async (check): Promise<Checked> => {
      const { id, group } = check;
      const finding = await findingOf(check, surroundings, deadlineMs);
      const { status, message } = finding;
      const bad = finding.status === 'ok' ? undefined : finding;
      return {
        id,
        group,
        status,
        message: oneLine(message),
        hint: oneLine(bad?.hint ?? ''),
        code: bad?.code ?? 'ENVIRONMENT',
      };
    }),
  );
}

async function findingOf(check: Check, surroundings: Surroundings, deadlineMs: number): Promise<Finding> {
  if (check.needsEngine === true && !(await answers(surroundings))) {
    // The check `engine` says what to do about it.
    return warning('not checked: the engine does not answer', '');
  }
  try {
    const finding = await orLate(Promise.resolve(check.look(surroundings)), deadlineMs);
    if (finding !== late) return finding;
    return warning(
      `no answer within ${deadlineMs / 1000} s`,
      'What it asks hangs or is slow: a run would wait for it as well.',
    );
  } catch (error) {
    if (error instanceof EnvironmentError) return failed(error.message, error.hint, error.code);
    if (error instanceof ActionableError) return failed(error.message, error.hint);
    return warning(`could not be checked: ${messageOf(error)}`, 'A run may still work; try it.');
  }
}

function answers({ engine }: Surroundings): Promise<boolean> {
  return engine().then(
    () => true,
    () => false,
  );
}

/** Engines and libraries answer in several lines; a check is one. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ').trim();
}
