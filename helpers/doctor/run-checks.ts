import { ActionableError, EnvironmentError, messageOf } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { timeouts } from '../timeouts.ts';
import { type Check, type Checked, type Finding, failed, warning } from './check.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Progress } from '../progress/progress.ts';
import { engineChecks } from './checks.engine.ts';
import { machineChecks } from './checks.machine.ts';
import { networkChecks } from './checks.network.ts';
import { nodeCheck } from './checks.suite.ts';

/**
 * All checks at once, each with its own deadline. When no engine answers, the check `engine` says so; the others
 * that need one say that they were skipped.
 * @returns one result a check, in their order; never rejects
 */
export function runChecks(checks: readonly Check[], surroundings: Surroundings): Promise<Checked[]> {
  return Promise.all(
    checks.map(async (check): Promise<Checked> => {
      const { id, group } = check;
      const finding = await findingOf(check, surroundings);
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

async function findingOf(check: Check, surroundings: Surroundings): Promise<Finding> {
  if (check.needsEngine === true && !(await answers(surroundings))) {
    // The check `engine` says what to do about it.
    return warning('not checked: the engine does not answer', '');
  }
  try {
    const finding = await orLate(Promise.resolve(check.look(surroundings)), timeouts.doctorCheck);
    if (finding !== late) return finding;
    return warning(
      `no answer within ${timeouts.doctorCheck / 1000} s`,
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

export const allChecks: readonly Check[] = [...engineChecks, ...machineChecks, ...networkChecks, nodeCheck];

/** Left out for an existing cluster, whose nodes pull the images. */
const ofOwnCluster: readonly string[] = ['engine', 'disk-cache'];

/**
 * Runs the doctor's quick checks before anything slow starts, and notes each warning in a line.
 * @param ownCluster The run starts a cluster in the engine here
 * @throws EnvironmentError for what failed, as the doctor would tell it
 */
export async function quickDoctor(
  configuration: Configuration,
  progress: Pick<Progress, 'note'>,
  { ownCluster }: { readonly ownCluster: boolean },
): Promise<void> {
  const checks = allChecks.filter(
    ({ id, quick = false, needsEngine = false }) =>
      quick && (ownCluster || !(needsEngine || ofOwnCluster.includes(id))),
  );
  const surroundings = surroundingsOf(configuration, { quick: true });
  const results = await runChecks(checks, ownCluster ? surroundings : { ...surroundings, engine: noEngine });
  for (const { id, status, message, hint } of results) {
    if (status === 'warning' && hint !== '') progress.note(`  warning: ${id}: ${message} (${hint})`);
  }
  const bad = results.filter(({ status }) => status === 'failed');
  if (bad.length > 0)
    throw new EnvironmentError(
      bad.map(({ message }) => message).join('\n'),
      [...new Set(bad.map(({ hint }) => hint)), 'All checks: ./conformance doctor'].join('\n'),
      { code: bad[0]?.code ?? 'ENVIRONMENT' },
    );
}

const noEngine = (): Promise<never> => Promise.reject(new Error('no engine is used'));
