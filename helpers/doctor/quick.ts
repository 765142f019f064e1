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

/** Left out for an existing cluster, whose nodes pull the images. */
const ofOwnCluster: readonly string[] = ['engine', 'disk-cache'];

/**
 * What of the doctor costs milliseconds, before anything slow starts: warnings as a line each.
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
  if (bad.length > 0) throw errorOf(bad);
}

function errorOf(bad: readonly Checked[]): EnvironmentError {
  return new EnvironmentError(
    bad.map(({ message }) => message).join('\n'),
    [...new Set(bad.map(({ hint }) => hint)), 'All checks: ./conformance doctor'].join('\n'),
    { code: bad[0]?.code ?? 'ENVIRONMENT' },
  );
}

const noEngine = (): Promise<never> => Promise.reject(new Error('no engine is used'));
