import type { Configuration } from '../configuration/configuration.ts';
import { settingsMustFit } from '../configuration/settings.ts';
import { UsageError } from '../errors.ts';
import type { ReportPlace } from '../job/stored-report.ts';

export function isExisting({ kubeconfig, inCluster }: Configuration): boolean {
  return inCluster || kubeconfig !== undefined;
}

/** Whether a run of this configuration needs a container engine: for a cluster of its own, or to run istioctl. */
export function needsEngine(configuration: Configuration): boolean {
  return !isExisting(configuration) || configuration.installIstio || configuration.injection === 'manual';
}

/**
 * Checks that the settings fit together, before anything is touched.
 * @throws UsageError for the first that does not
 */
export function surroundingsMustFit(configuration: Configuration): void {
  settingsMustFit(configuration);
  if (!isExisting(configuration)) return;
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
    `--report-config-map ${text}: this names no ConfigMap`,
    'Use NAMESPACE/NAME, each of lower-case letters, digits and hyphens.',
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
    `The client in the mesh, the proxy (--proxy-namespace) and the destination (the same with ${originSuffix}) each need their own namespace.`,
  );
}

export function nameMustFit(option: string, name: string, most = longest): void {
  if (dnsLabel.test(name) && name.length <= most) return;
  throw new UsageError(
    `${option} ${name}: not a valid name of a namespace`,
    `Lower-case letters, digits and hyphens, ${most} characters at most, a letter or digit at both ends.`,
  );
}
