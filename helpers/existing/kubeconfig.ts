import { existsSync } from 'node:fs';
import { KubeConfig, type Cluster } from '@kubernetes/client-node';
import { closest } from 'fastest-levenshtein';
import { attempt, EnvironmentError, thrownAs, UsageError } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { apiMessage, connect } from '../kube/client.ts';
import { clientGoProxyFor } from '../proxies/variables.ts';
import { timeouts } from '../timeouts.ts';

/** How to reach an existing cluster. */
export type ExistingCluster = { readonly kubeconfig: string; readonly context?: string } | 'in-cluster';

/**
 * The kubeconfig's text with the chosen context as its current one, and with paths that hold wherever it is read.
 * @throws UsageError for a file or a context that is not there
 */
export function readKubeconfig(existing: ExistingCluster): string {
  const config = new KubeConfig();
  if (existing === 'in-cluster') {
    if (!existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token')) {
      throw new UsageError(
        '--in-cluster, but this is no pod with a service account',
        'Inside a cluster run it as a Job (./conformance job); elsewhere say --kubeconfig FILE.',
      );
    }
    config.loadFromCluster();
    return config.exportConfig();
  }
  const { kubeconfig, context } = existing;
  attempt(
    () => {
      config.loadFromFile(kubeconfig);
    },
    thrownAs(
      UsageError,
      `The kubeconfig ${kubeconfig} cannot be read`,
      'Say --kubeconfig FILE with the file that kubectl uses, e.g. ~/.kube/config.',
    ),
  );
  const names = config.getContexts().map(({ name }) => name);
  const wanted = context ?? config.getCurrentContext();
  if (!names.includes(wanted)) {
    const nearest = names.length === 0 ? '' : `; the nearest is ${closest(wanted, names)}`;
    throw new UsageError(
      wanted === ''
        ? `The kubeconfig ${kubeconfig} has no current context`
        : `The kubeconfig ${kubeconfig} has no context ${wanted}${nearest}`,
      names.length === 0 ? 'It has no context at all.' : `Choose one with --context: ${names.join(', ')}`,
    );
  }
  config.setCurrentContext(wanted);
  config.clusters = config.clusters.map(asKubectlReaches);
  return config.exportConfig();
}

/** kubectl goes through HTTPS_PROXY where the kubeconfig names no proxy of its own; the JavaScript client only knows the latter. */
function asKubectlReaches(cluster: Cluster): Cluster {
  const proxyUrl = cluster.proxyUrl ?? clientGoProxyFor(process.env, cluster.server);
  return proxyUrl === undefined ? cluster : { ...cluster, proxyUrl };
}

/**
 * The version of a cluster's API server, e.g. `v1.35.4`.
 * @throws EnvironmentError when it does not answer, or does not know who asks
 */
export async function serverVersion(kubeconfig: string): Promise<string> {
  const kube = connect(kubeconfig);
  const server = kube.config.getCurrentCluster()?.server ?? '';
  try {
    const answer = await orLate(kube.version.getCode(), timeouts.probe);
    if (answer === late) throw new Error(`no answer within ${timeouts.probe / 1000} s`);
    return answer.gitVersion;
  } catch (error) {
    throw new EnvironmentError(
      `The API server ${server} cannot be used: ${apiMessage(error)}`,
      'Try kubectl with the same kubeconfig and context: kubectl version',
      { cause: error },
    );
  }
}
