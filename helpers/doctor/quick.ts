import type { Configuration } from '../configuration/configuration.ts';
import { EnvironmentError } from '../errors.ts';
import type { Progress } from '../progress/progress.ts';
import type { Check, Checked } from './check.ts';
import { engineChecks } from './checks.engine.ts';
import { machineChecks } from './checks.machine.ts';
import { networkChecks } from './checks.network.ts';
import { nodeCheck } from './checks.suite.ts';
import { runChecks } from './run-checks.ts';
import { surroundingsOf } from './surroundings.ts';

export const allChecks: readonly Check[] = [...engineChecks, ...machineChecks, ...networkChecks, nodeCheck];

/**
 * What of the doctor costs milliseconds, before anything slow starts: warnings as a line each.
 * @param engine Whether the run needs an engine at all
 * @throws EnvironmentError for what failed, as the doctor would tell it
 */
export async function quickDoctor(
  configuration: Configuration,
  progress: Pick<Progress, 'note'>,
  { engine = true }: { readonly engine?: boolean } = {},
): Promise<void> {
  const checks = allChecks.filter(({ quick, needsEngine }) => quick && (engine || !needsEngine));
  const asked = engine ? checks : checks.filter(({ id }) => id !== 'engine');
  const surroundings = surroundingsOf(configuration, { quick: true });
  const results = await runChecks(asked, engine ? surroundings : { ...surroundings, engine: noEngine });
  for (const { id, status, message, hint } of results) {
    if (status === 'warning') progress.note(`  warning: ${id}: ${message} (${hint})`);
  }
  const bad = results.filter(({ status }) => status === 'failed');
  if (bad.length > 0) throw errorOf(bad);
}

function errorOf(bad: readonly Checked[]): EnvironmentError {
  const [first] = bad;
  return new EnvironmentError(
    bad.map(({ message }) => message).join('\n'),
    [...new Set(bad.map(({ hint }) => hint)), 'All checks: ./conformance doctor'].join('\n'),
    { ...(first === undefined ? {} : { code: first.code }) },
  );
}

const noEngine = (): Promise<never> => Promise.reject(new Error('no engine is used'));
