import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Cluster } from '../cluster/cluster.ts';
import { encodeOwner, thisProcess } from '../cluster/labels.ts';
import { inspectImage } from '../engine.ts';
import { pull } from '../images/registry.ts';
import { uninstallIstio } from '../istio/install.ts';
import { istioSystem } from '../istio/revision.ts';
import { apply, find, remove } from '../kube/apply.ts';
import { fieldManager, type Kube } from '../kube/client.ts';
import { namespaceNamed } from './owned.ts';
import { processAnnotation } from './ownership.ts';
import { kubeObject, namespaceObject } from '../kube/manifests.ts';

/** In the control plane's namespace: that a run installed Istio, and what of it was there before. */
const record: V1ConfigMap = kubeObject('ConfigMap', {
  name: `${fieldManager}-installed`,
  namespace: istioSystem,
});

const before = z.object({
  /** Whether the control plane's namespace was there. */
  namespace: z.boolean(),
  /** Istio's CustomResourceDefinitions: remains of an earlier installation, say. */
  definitions: z.array(z.string()),
  /** What istiod puts into each namespace, as `namespace/name`. */
  distributed: z.array(z.string()),
  /** The istioctl that takes it away again. */
  istioctl: z.string(),
});

/** Writes down that the run is about to install Istio, so that even a killed run's goes again. To be called before it. */
export async function recordInstallation(kube: Kube, istioctl: string): Promise<void> {
  const known: z.infer<typeof before> = {
    namespace: (await namespaceNamed(kube, istioSystem)) !== undefined,
    definitions: (await definitions(kube)).map(({ metadata }) => metadata?.name ?? ''),
    distributed: (await distributed(kube)).map(placeOf),
    istioctl,
  };
  if (!known.namespace) {
    await apply(kube, [namespaceObject(istioSystem)]);
  }
  const annotations = { [processAnnotation]: encodeOwner(thisProcess()) };
  await apply<KubernetesObject>(kube, [
    {
      ...record,
      metadata: { ...record.metadata, annotations },
      data: { before: JSON.stringify(known) },
    } as V1ConfigMap,
  ]);
}

/** The record of a run that installed Istio, undefined when there is none. */
export function installation(kube: Kube): Promise<V1ConfigMap | undefined> {
  return find<V1ConfigMap>(kube, record);
}

/**
 * Takes away the Istio that a run installed, by its record: `istioctl uninstall --purge`, and what that leaves behind, the
 * CustomResourceDefinitions, the namespace, and its certificates in all others, where they were not there before.
 */
export async function uninstallRecorded(kube: Kube, cluster: Cluster, found: V1ConfigMap): Promise<void> {
  const known = before.parse(JSON.parse(found.data?.['before'] ?? ''));
  await imageMustBeThere(known.istioctl);
  await uninstallIstio(cluster, { images: { istioctl: { reference: known.istioctl } } }, 'everything');
  await remove(
    kube,
    (await definitions(kube)).filter(({ metadata }) => !known.definitions.includes(metadata?.name ?? '')),
  );
  // With istiod gone, nothing puts them back.
  await remove(
    kube,
    (await distributed(kube)).filter((object) => !known.distributed.includes(placeOf(object))),
  );
  await remove(kube, known.namespace ? [record] : [namespaceObject(istioSystem)]);
}

/** Pulls an image into the engine that it has not. @throws EnvironmentError when it cannot be pulled */
export async function imageMustBeThere(reference: string): Promise<void> {
  if ((await inspectImage(reference)) === undefined) await pull(reference, () => undefined);
}

/** What istiod puts into each namespace that it looks at, and no uninstallation takes away. */
export const distributedNames: readonly string[] = ['istio-ca-root-cert', 'istio-ca-crl'];

async function distributed(kube: Kube): Promise<KubernetesObject[]> {
  const { items } = await kube.core.listConfigMapForAllNamespaces({ labelSelector: 'istio.io/config=true' });
  return items
    .filter(({ metadata }) => distributedNames.includes(metadata?.name ?? ''))
    .map(({ metadata: { name = '', namespace = '' } = {} }) => kubeObject('ConfigMap', { name, namespace }));
}

function placeOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

async function definitions(kube: Kube): Promise<KubernetesObject[]> {
  const apiVersion = 'apiextensions.k8s.io/v1';
  const kind = 'CustomResourceDefinition';
  const { items } = await kube.objects.list(apiVersion, kind);
  return items
    .filter(({ metadata }) => metadata?.name?.endsWith('.istio.io') === true)
    .map(({ metadata }) => ({ apiVersion, kind, metadata: { name: metadata?.name ?? '' } }));
}
