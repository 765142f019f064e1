import type { Configuration } from '../helpers/configuration/configuration.ts';
import { EnvironmentError, messageOf } from '../helpers/errors.ts';
import { readKubeconfig } from '../helpers/existing/kubeconfig.ts';
import { announceReport, storeReport } from '../helpers/job/stored-report.ts';
import { connect, type Kube } from '../helpers/kube/client.ts';
import type { Report } from '../helpers/report/report.ts';
import type { Results } from '../helpers/results/results.ts';
import { existingClusterOf } from '../helpers/session/existing-session.ts';
import { reportPlaceOf } from '../helpers/session/surroundings.ts';

/**
 * Says in the ConfigMap that was asked for that a run has begun: whoever looks meanwhile finds no verdict of an earlier
 * run there, and what is wrong with the place is known before anything slow.
 * @throws EnvironmentError when it cannot be written
 */
export async function announce(configuration: Configuration, { runId }: Report): Promise<void> {
  const { reportConfigMap } = configuration;
  if (reportConfigMap === undefined) return;
  try {
    await announceReport(kubeOf(configuration), reportPlaceOf(reportConfigMap), runId);
  } catch (error) {
    throw new EnvironmentError(
      `The report cannot be left in ConfigMap ${reportConfigMap}: ${messageOf(error)}`,
      'Does the namespace exist, and may this user get and patch the ConfigMap? ./conformance job prints what it takes.',
      { cause: error },
    );
  }
}

/**
 * Leaves the report in that ConfigMap. It is in its folder all the same: what goes wrong here changes no verdict.
 * @returns a line for people, undefined when nothing was asked for
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
    return `The report was not left in ConfigMap ${reportConfigMap}: ${messageOf(error)}`;
  }
}

function kubeOf(configuration: Configuration): Kube {
  const existing = existingClusterOf(configuration);
  if (existing === undefined) throw new TypeError('the run starts a cluster of its own');
  return connect(readKubeconfig(existing));
}
