import { configurationSchema, type Configuration } from '../configuration/configuration.ts';
import { UsageError } from '../errors.ts';
import type { ReportPlace } from '../job/stored-report.ts';

const presets = configurationSchema.parse({});

/** Whether the run goes to a cluster that is there already. */
export function isExisting({ kubeconfig, inCluster }: Configuration): boolean {
  return inCluster || kubeconfig !== undefined;
}

/** Whether a run of this configuration needs a container engine: for a cluster of its own, or to run istioctl. */
export function needsEngine(configuration: Configuration): boolean {
  return !isExisting(configuration) || configuration.installIstio || configuration.injection === 'manual';
}

/**
 * Looks whether the options fit together, before anything is touched.
 * @throws UsageError for the first that does not
 */
export function surroundingsMustFit(configuration: Configuration): void {
  if (isExisting(configuration)) mustFitExisting(configuration);
  else mustFitOwn(configuration);
  if (configuration.everyNode && configuration.injection === 'manual') {
    throw new UsageError(
      '--every-node and --injection manual exclude each other',
      'The clients on the nodes get their sidecar by the namespace’s label: leave --injection out.',
    );
  }
}

/** Each option that means something in somebody else's cluster alone, and whether it was given. */
function onlyExisting(configuration: Configuration): readonly [option: string, given: boolean][] {
  const { context, installIstio, revision, pullSecret, namespace, proxyNamespace, reportConfigMap } =
    configuration;
  return [
    ['--context', context !== undefined],
    ['--install-istio', installIstio],
    ['--revision', revision !== undefined],
    ['--pull-secret', pullSecret !== undefined],
    ['--namespace', namespace !== presets.namespace],
    ['--proxy-namespace', proxyNamespace !== presets.proxyNamespace],
    ['--report-config-map', reportConfigMap !== undefined],
  ];
}

function mustFitOwn(configuration: Configuration): void {
  for (const [option, given] of onlyExisting(configuration)) {
    if (!given) continue;
    throw new UsageError(
      `${option} is for a cluster that is there already, and none was named`,
      'Say which: --kubeconfig FILE. Without it the run starts a cluster of its own.',
    );
  }
}

function mustFitExisting(configuration: Configuration): void {
  const { keep, k8s, istio, installIstio, revision, inCluster, kubeconfig, context } = configuration;
  if (inCluster && (kubeconfig !== undefined || context !== undefined)) {
    throw new UsageError(
      `--in-cluster and ${kubeconfig === undefined ? '--context' : '--kubeconfig'} exclude each other`,
      'A pod reaches its own cluster by its service account, any other by a kubeconfig.',
    );
  }
  if (keep) {
    throw new UsageError(
      '--keep keeps a cluster that the run started, and this one is there already',
      'Leave it out: the cluster stays, and what the run makes in it goes.',
    );
  }
  if (k8s !== undefined) {
    throw new UsageError(
      '--k8s chooses the version of a cluster that the run starts, and this one is there already',
      'Leave it out: the version is read from the cluster.',
    );
  }
  if (istio !== undefined && !installIstio) {
    throw new UsageError(
      '--istio chooses the version that the run installs, and it installs none in a cluster that is there already',
      'Leave it out to judge the Istio that is there, or add --install-istio.',
    );
  }
  if (revision !== undefined && installIstio) {
    throw new UsageError(
      '--revision and --install-istio exclude each other',
      'A revision chooses between control planes that are there; the run installs the default one.',
    );
  }
  if (configuration.reportConfigMap !== undefined) reportPlaceOf(configuration.reportConfigMap);
  namespacesMustFit(configuration);
}

/**
 * The ConfigMap that `NAMESPACE/NAME` means.
 * @throws UsageError when it means none
 */
export function reportPlaceOf(text: string): ReportPlace {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (dnsLabel.test(namespace) && dnsLabel.test(name) && more.length === 0) return { namespace, name };
  throw new UsageError(
    `--report-config-map ${text}: this is no ConfigMap`,
    'Say NAMESPACE/NAME, each of lower-case letters, digits and hyphens.',
  );
}

/** What a label of DNS may be, and so the name of a namespace. */
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const longest = 63;
/** The hermetic destination's namespace is named after the proxy's. */
export const originSuffix = '-origin';

/** @throws UsageError for names that cannot be namespaces, or are not different */
export function namespacesMustFit({
  namespace,
  proxyNamespace,
}: Pick<Configuration, 'namespace' | 'proxyNamespace'>): void {
  nameMustFit('--namespace', namespace, longest);
  nameMustFit('--proxy-namespace', proxyNamespace, longest - originSuffix.length);
  const taken = [proxyNamespace, `${proxyNamespace}${originSuffix}`].find((name) => name === namespace);
  if (taken === undefined) return;
  throw new UsageError(
    `--namespace and --proxy-namespace must differ, and both lead to ${taken}`,
    `The client in the mesh, the proxy (--proxy-namespace) and the destination (the same with ${originSuffix}) each have a namespace of their own.`,
  );
}

export function nameMustFit(option: string, name: string, most = longest): void {
  if (dnsLabel.test(name) && name.length <= most) return;
  throw new UsageError(
    `${option} ${name}: no namespace can be called so`,
    `Lower-case letters, digits and hyphens, ${most} characters at most, a letter or digit at both ends.`,
  );
}
