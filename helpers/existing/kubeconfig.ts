import { existsSync } from 'node:fs';
import { KubeConfig, type Cluster } from '@kubernetes/client-node';
import { closest } from 'fastest-levenshtein';
import { ActionableError, attempt, EnvironmentError, thrownAs, UsageError } from '../errors.ts';
import { late, orLate } from '../eventually/eventually.ts';
import { apiMessage, apiStatus, connect, type Kube } from '../kube/client.ts';
import { clientGoProxyFor, withoutCredentials } from '../proxies/variables.ts';
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
  if (names.length === 0) {
    throw new UsageError(
      `The kubeconfig ${kubeconfig} has no context: is it one?`,
      'Say --kubeconfig FILE with the file that kubectl uses, e.g. ~/.kube/config.',
    );
  }
  if (!names.includes(wanted)) {
    throw new UsageError(
      wanted === ''
        ? `The kubeconfig ${kubeconfig} has no current context`
        : `The kubeconfig ${kubeconfig} has no context ${wanted}; the nearest is ${closest(wanted, names)}`,
      `Choose one with --context: ${names.join(', ')}`,
    );
  }
  config.setCurrentContext(wanted);
  const { cluster = '', user = '' } = config.getContextObject(wanted) ?? {};
  const server = config.getCluster(cluster)?.server;
  if (server === undefined || config.getUser(user) === null) {
    const what = server === undefined ? `cluster ${cluster}` : `user ${user}`;
    throw new UsageError(
      `Context ${wanted} of the kubeconfig ${kubeconfig} names ${what}, which is not in it`,
      'Choose another one with --context, or repair the file.',
    );
  }
  if (!URL.canParse(server)) {
    throw new UsageError(
      `The kubeconfig ${kubeconfig} has no URL as the server of cluster ${cluster}: ${server}`,
      'It begins with https://',
    );
  }
  config.clusters = config.clusters.map(asKubectlReaches);
  const { proxyUrl } = config.getCurrentCluster() ?? {};
  if (proxyUrl !== undefined && !/^(https?|socks5h?):$/.test(URL.parse(proxyUrl)?.protocol ?? '')) {
    throw new UsageError(
      `The API server ${server} is to be asked through a proxy, which is no URL of one: ${withoutCredentials(proxyUrl)}`,
      'http://HOST:PORT, as proxy-url of the cluster in the kubeconfig, else as HTTPS_PROXY; NO_PROXY names servers that need none.',
    );
  }
  return config.exportConfig();
}

/** kubectl goes through HTTPS_PROXY where the kubeconfig names no proxy of its own; the JavaScript client only knows the latter. */
function asKubectlReaches(cluster: Cluster): Cluster {
  const proxyUrl = cluster.proxyUrl ?? clientGoProxyFor(process.env, cluster.server);
  return proxyUrl === undefined ? cluster : { ...cluster, proxyUrl };
}

/** ` through the proxy http://p:3128`, for people; '' where the API server is asked without one. */
export function proxyTo({ config }: Pick<Kube, 'config'>): string {
  const { proxyUrl } = config.getCurrentCluster() ?? {};
  return proxyUrl === undefined ? '' : ` through the proxy ${withoutCredentials(proxyUrl)}`;
}

/**
 * The version of a cluster's API server, e.g. `v1.35.4`.
 * @throws EnvironmentError when it does not answer, or does not know who asks
 */
export async function serverVersion(kubeconfig: string): Promise<string> {
  return askingApi(kubeconfig, async (kube) => {
    const answer = await orLate(kube.version.getCode(), timeouts.probe);
    if (answer === late) throw new Error(`no answer within ${timeouts.probe / 1000} s`);
    // Whatever answers with something else is not an API server.
    if (!('gitVersion' in Object(answer))) throw new Error('what answers there is no API server');
    return answer.gitVersion;
  });
}

/**
 * What `work` finds out from the API server.
 * @throws EnvironmentError when it does not answer, or not to who asks
 */
export async function askingApi<T>(kubeconfig: string, work: (kube: Kube) => Promise<T>): Promise<T> {
  const kube = connect(kubeconfig);
  try {
    return await work(kube);
  } catch (error) {
    if (error instanceof ActionableError) throw error;
    const server = kube.config.getCurrentCluster()?.server ?? '';
    const said = `The API server ${server} cannot be used${proxyTo(kube)}: ${apiMessage(error)}`;
    throw new EnvironmentError(said, hintFor(error), { cause: error });
  }
}

function hintFor(error: unknown): string {
  const again = 'Try kubectl with the same kubeconfig and context: kubectl auth can-i --list';
  const said = apiMessage(error);
  const hints: readonly [boolean, string][] = [
    [apiStatus(error) === 401, 'The credentials in the kubeconfig are wrong, or have run out: log in again.'],
    [
      apiStatus(error) === 403,
      'Have an administrator apply the output of ./conformance rbac; every user may ask for their own rights otherwise.',
    ],
    [/ENOENT/.test(said), 'The kubeconfig names a file, or a program, that is not there.'],
    [
      /^Proxy (response|connection)/i.test(said),
      'The proxy refuses, wants a name and password, or does not reach the server itself. It is proxy-url of the cluster in the kubeconfig, else HTTPS_PROXY; NO_PROXY names servers that need none.',
    ],
    [/wrong version number/.test(said), 'What answers there speaks no TLS.'],
    [
      /certificate|altname|\bca\b|SSL|TLS|PEM/i.test(said),
      'Check the certificates and the server in the kubeconfig; a company proxy may stand between (NO_PROXY).',
    ],
    [
      /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|no answer|timeout|ECONNRESET|other side closed/i.test(said),
      'Is the cluster up, the address right, the VPN connected, and the proxy (HTTPS_PROXY, NO_PROXY) as kubectl needs it?',
    ],
  ];
  const [found] = hints.flatMap(([fits, hint]) => (fits ? [hint] : []));
  return found === undefined ? again : `${found} ${again}`;
}
