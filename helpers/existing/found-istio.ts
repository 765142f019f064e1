import {
  AdmissionregistrationV1Api,
  type V1MutatingWebhook,
  type V1ConfigMap,
  type V1Deployment,
  type V1MutatingWebhookConfiguration,
} from '@kubernetes/client-node';
import { closest } from 'fastest-levenshtein';
import { parse } from 'yaml';
import { z } from 'zod';
import { kubeObject } from '../kube/manifests.ts';
import { EnvironmentError, UsageError } from '../errors.ts';
import { controlPlaneVersion } from '../istio/control-plane.ts';
import {
  discoverySelectors,
  isSelected,
  labelsForDiscovery,
  type DiscoverySelector,
} from '../istio/discovery-selectors.ts';
import { istiodOf, meshConfigMapOf, type Revision } from '../istio/revision.ts';
import { find } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';

/** An Istio that was there before the run. */
export interface FoundIstio {
  /** e.g. `1.29.1`; undefined where neither it nor its Deployment tells. */
  readonly version: string | undefined;
  readonly revision: Revision;
  /** Namespace of its control plane. */
  readonly namespace: string;
  /** Whose configuration is for the whole mesh (meshConfig.rootNamespace); the control plane's where it says nothing. */
  readonly root: string;
  /** Labels of a namespace, or of its pods, that its injector heeds. */
  readonly injection: Readonly<Record<string, string>>;
  /** Labels of a namespace that gets no sidecars; none where only labelled namespaces get them. */
  readonly noInjection: Readonly<Record<string, string>>;
  /** Labels a namespace needs for this control plane to look at it at all; none without discovery selectors. */
  readonly discovery: Readonly<Record<string, string>>;
}

/** A revision, or a tag of one, by the injector it has. */
export interface Injector {
  readonly revision: string;
  /** Name by which namespaces choose it. */
  readonly name: string;
  readonly namespace: string;
  /** It serves `istio-injection=enabled` too. */
  readonly isDefault: boolean;
}

const meshConfig = z.looseObject({
  discoverySelectors: discoverySelectors.default([]),
  rootNamespace: z.string().optional(),
  defaultServiceExportTo: z.array(z.string()).default([]),
});

/**
 * The injector of a cluster's Istio: injectors decide what gets a sidecar of which control plane.
 * @param wanted Name of a revision or tag, where there are several
 * @returns undefined when the cluster has none
 * @throws UsageError when it has several and none is wanted, or has not the wanted one
 */
export async function findInjector(kube: Kube, wanted: string | undefined): Promise<Injector | undefined> {
  return choose(await injectorsOf(kube), wanted);
}

/**
 * What its control plane says of itself.
 * @param names Namespaces of the run, which it must look at
 * @throws EnvironmentError when it cannot be judged: without a control plane
 */
export async function readIstio(kube: Kube, chosen: Injector, names: readonly string[]): Promise<FoundIstio> {
  const { namespace, name, isDefault } = chosen;
  const revision = chosen.revision === 'default' ? undefined : chosen.revision;
  const config = await meshConfigOf(kube, revision, namespace);
  return {
    version: await versionOf(kube, revision, namespace),
    revision,
    namespace,
    root: config.rootNamespace ?? namespace,
    injection: isDefault ? { 'istio-injection': 'enabled' } : { 'istio.io/rev': name },
    noInjection: (await injectsUnasked(kube, names)) ? { 'istio-injection': 'disabled' } : {},
    discovery: discoveryLabels(config.discoverySelectors, names),
  };
}

/**
 * Labels that the run's namespaces need for the control plane to look at them.
 * @throws EnvironmentError when no label can make it
 */
export function discoveryLabels(
  selectors: readonly DiscoverySelector[],
  names: readonly string[],
): Readonly<Record<string, string>> {
  const found = labelsForDiscovery(
    selectors,
    names.map((name) => ({ 'kubernetes.io/metadata.name': name })),
  );
  if ('labels' in found) {
    // The client's namespace gets its injection label from the document; the others must not have one.
    const { 'istio-injection': _injection, 'istio.io/rev': _revision, ...labels } = found.labels;
    return labels;
  }
  throw new EnvironmentError(
    `Istio does not look at the namespaces ${names.join(', ')}, whatever their labels (meshConfig.discoverySelectors): ${found.impossible.join('; ')}`,
    'Choose namespaces that Istio looks at (--namespace, --proxy-namespace), or add a discovery selector for these.',
  );
}

/** @throws UsageError when the choice is not clear */
export function choose(injectors: readonly Injector[], wanted: string | undefined): Injector | undefined {
  const names = [...new Set(injectors.map(({ name }) => name))].sort();
  if (wanted !== undefined) {
    const found = injectors.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    throw new UsageError(
      `The cluster's Istio has no revision or tag ${wanted}${names.length === 0 ? '' : `; the nearest is ${closest(wanted, names)}`}`,
      names.length === 0
        ? 'It has no Istio at all; --install-istio installs one.'
        : `It has: ${names.join(', ')}`,
    );
  }
  const byDefault = injectors.find(({ isDefault }) => isDefault);
  const revisions = [...new Set(injectors.map(({ revision }) => revision))];
  if (byDefault !== undefined || revisions.length < 2) return byDefault ?? injectors[0];
  throw new UsageError(
    `The cluster has ${revisions.length} revisions of Istio and none is the default: ${revisions.sort().join(', ')}`,
    `Choose one with --revision NAME; revisions and tags: ${names.join(', ')}.`,
  );
}

/** Every revision and tag of the cluster's Istio that injects. */
export async function injectorsOf(kube: Kube): Promise<Injector[]> {
  return (await configurationsOf(kube)).flatMap(injectorIn);
}

export async function configurationsOf({ config }: Kube): Promise<V1MutatingWebhookConfiguration[]> {
  const api = config.makeApiClient(AdmissionregistrationV1Api);
  const { items } = await api.listMutatingWebhookConfiguration({ labelSelector: 'app=sidecar-injector' });
  return items;
}

/** Whether pods without a label get a sidecar in one of these namespaces (`enableNamespacesByDefault`). */
async function injectsUnasked(kube: Kube, names: readonly string[]): Promise<boolean> {
  const webhooks = (await configurationsOf(kube)).flatMap(({ webhooks: all = [] }) => all);
  return webhooks.some((one) =>
    names.some((name) => injects(one, { 'kubernetes.io/metadata.name': name }, {})),
  );
}

/** Whether a pod gets a sidecar of this injector when it starts, by the labels of its namespace and its own. */
export function injects(
  { namespaceSelector = {}, objectSelector = {} }: V1MutatingWebhook,
  namespace: Readonly<Record<string, string>>,
  pod: Readonly<Record<string, string>>,
): boolean {
  const selector = discoverySelectors.element;
  return (
    isSelected(selector.parse(namespaceSelector), namespace) &&
    isSelected(selector.parse(objectSelector), pod)
  );
}

function injectorIn({ metadata, webhooks = [] }: V1MutatingWebhookConfiguration): Injector[] {
  const { 'istio.io/rev': revision, 'istio.io/tag': tag } = metadata?.labels ?? {};
  const service = webhooks[0]?.clientConfig.service;
  if (revision === undefined || service === undefined) return [];
  const isDefault = webhooks.some(({ namespaceSelector }) =>
    namespaceSelector?.matchExpressions?.some(
      ({ key, values }) => key === 'istio-injection' && values?.includes('enabled') === true,
    ),
  );
  return [{ revision, name: tag ?? revision, namespace: service.namespace, isDefault }];
}

/** The mesh's configuration as this revision's control plane has it, as far as it is asked for here. */
export async function meshConfigOf(
  kube: Kube,
  revision: Revision,
  namespace: string,
): Promise<Readonly<z.infer<typeof meshConfig>>> {
  const stored = await find<V1ConfigMap>(
    kube,
    kubeObject('ConfigMap', { name: meshConfigMapOf(revision), namespace }),
  );
  return meshConfig.parse(parse(stored?.data?.['mesh'] ?? '{}') ?? {});
}

/** What the control plane tells, where it may be asked; else what its Deployment says: by the image's tag, or its label. */
async function versionOf(kube: Kube, revision: Revision, namespace: string): Promise<string | undefined> {
  const name = istiodOf(revision);
  const stored = await find<V1Deployment>(kube, kubeObject('Deployment', { name, namespace }));
  if (stored === undefined) {
    throw new EnvironmentError(
      `The cluster has an injector of Istio, but no control plane: no Deployment ${namespace}/${name}`,
      'A control plane outside the cluster is not supported; what an uninstallation left behind goes with istioctl uninstall --purge.',
    );
  }
  try {
    return await controlPlaneVersion(kube, revision, namespace);
  } catch {
    // The minimal permissions do not allow to run anything in the control plane's namespace.
    const image = stored.spec?.template.spec?.containers[0]?.image ?? '';
    const label = stored.metadata?.labels?.['app.kubernetes.io/version'] ?? '';
    return versionIn(image.split(':').at(-1) ?? '') ?? versionIn(label);
  }
}

/** The release that a version is a build of: a company's own say more (`1.29.1-corp.2`). */
export function releaseOf(version: string): string {
  return versionIn(version) ?? version;
}

/** The version that a tag begins with: builds add to it what they are (`1.29.1-distroless`). */
export function versionIn(tag: string): string | undefined {
  return /^v?(\d+\.\d+\.\d+(-(alpha|beta|rc|dev)[\w.]*)?)(?![\w.])/.exec(tag)?.[1];
}
