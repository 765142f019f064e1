import type { KubernetesObject } from '@kubernetes/client-node';
import type { Cluster } from '../cluster/k3s.ts';
import type { ImageSet } from '../images/roles.ts';
import { uninstallIstio } from '../istio/install.ts';
import { istioSystem } from '../istio/revision.ts';
import { remove } from '../kube/apply.ts';
import type { Kube } from '../kube/client.ts';
import { namespaceNamed } from './owned.ts';

/** What of Istio was in the cluster before the run installed one: remains of an earlier installation, say. */
export interface Before {
  readonly namespace: boolean;
  readonly definitions: ReadonlySet<string>;
}

export async function installedByUs(kube: Kube): Promise<Before> {
  return {
    namespace: (await namespaceNamed(kube, istioSystem)) !== undefined,
    definitions: new Set((await definitions(kube)).map(({ metadata }) => metadata?.name ?? '')),
  };
}

/**
 * Takes away the Istio that the run installed: `istioctl uninstall --purge`, and what that leaves behind, the
 * CustomResourceDefinitions and the namespace, where they were not there before.
 */
export async function uninstallOurs(
  kube: Kube,
  cluster: Cluster,
  images: ImageSet,
  before: Before,
): Promise<void> {
  await uninstallIstio(cluster, images, 'everything');
  await remove(
    kube,
    (await definitions(kube)).filter(({ metadata }) => !before.definitions.has(metadata?.name ?? '')),
  );
  if (before.namespace) return;
  await remove(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: istioSystem } }]);
}

async function definitions(kube: Kube): Promise<KubernetesObject[]> {
  const apiVersion = 'apiextensions.k8s.io/v1';
  const kind = 'CustomResourceDefinition';
  const { items } = await kube.objects.list(apiVersion, kind);
  return items
    .filter(({ metadata }) => metadata?.name?.endsWith('.istio.io') === true)
    .map(({ metadata }) => ({ apiVersion, kind, metadata: { name: metadata?.name ?? '' } }));
}
