import type { Configuration } from '../helpers/configuration/configuration.ts';
import { EnvironmentError, messageOf, thrownAs } from '../helpers/errors.ts';
import { readKubeconfig } from '../helpers/existing/kubeconfig.ts';
import { announceReport, storeReport } from '../helpers/job/stored-report.ts';
import { connect, type Kube } from '../helpers/kube/client.ts';
import type { Report } from '../helpers/report/report.ts';
import type { Results } from '../helpers/results/results.ts';
import { existingClusterOf } from '../helpers/session/existing-session.ts';
import { reportPlaceOf } from '../helpers/session/surroundings.ts';

/**
 * Writes to the ConfigMap of --report-config-map that a run has begun: readers no longer find an earlier run's verdict
 * there, and a ConfigMap that cannot be written is known before anything slow.
 * @throws EnvironmentError when it cannot be written
 */
export async function announce(configuration: Configuration, { runId }: Report): Promise<void> {
  const { reportConfigMap } = configuration;
  if (reportConfigMap === undefined) return;
  const told = async (): Promise<void> =>
    announceReport(kubeOf(configuration), reportPlaceOf(reportConfigMap), runId);
  await told().catch(
    thrownAs(
      EnvironmentError,
      `The report cannot be stored in ConfigMap ${reportConfigMap}`,
      'Check that the namespace exists and that this user may get and patch the ConfigMap; ./conformance job prints the permissions.',
    ),
  );
}

/**
 * Stores the report in that ConfigMap. It is in its folder too: a failure here changes no verdict.
 * @returns a line for people; undefined without --report-config-map
 */
export async function leave(
  configuration: Configuration,
  results: Results,
  { folder }: Report,
): Promise<string | undefined> {
  const { reportConfigMap } = configuration;
  if (reportConfigMap === undefined) return undefined;
  try {
    const place = reportPlaceOf(reportConfigMap);
    const without = await storeReport(kubeOf(configuration), place, results, folder);
    return `ConfigMap: ${reportConfigMap}${without === undefined ? '' : `, without ${without}: too large for one`}`;
  } catch (error) {
    return `The report was not stored in ConfigMap ${reportConfigMap}: ${messageOf(error)}`;
  }
}

function kubeOf(configuration: Configuration): Kube {
  const existing = existingClusterOf(configuration);
  if (existing === undefined) throw new TypeError('the run starts a cluster of its own');
  return connect(readKubeconfig(existing));
}
