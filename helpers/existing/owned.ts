import type { KubernetesObject } from '@kubernetes/client-node';
import { apply, remove } from '../kube/apply.ts';
import { fieldManager, unlessRefused, type Kube } from '../kube/client.ts';
import { isOurs, isPrepared, ownerLabel, runLabel } from './ownership.ts';
import { namespaceObject } from '../kube/manifests.ts';
import { podsMustBeGone } from '../kube/workloads.ts';
import { interruptSquid } from '../proxy/squid-process.ts';
import { allEditions } from '../../fixtures/document/editions.ts';

/** Kinds that a run puts into its namespaces, in the order in which they go. */
export const ownedKinds = [
  ['networking.istio.io/v1', 'ServiceEntry'],
  ['networking.istio.io/v1', 'Sidecar'],
  ['telemetry.istio.io/v1', 'Telemetry'],
  ['apps/v1', 'Deployment'],
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
] as const;

/**
 * Removes what runs made, by label and at once: their namespaces, and in prepared ones everything but the namespace.
 * @param kube Without a dress: what it puts on objects is what goes
 * @param namespaces Those to look at; one that does not exist is nothing to remove
 * @param runId Of this run alone
 * @returns what was removed, for people
 */
export async function removeOwned(
  kube: Kube,
  namespaces: readonly string[],
  runId?: string,
): Promise<string[]> {
  const removed = await Promise.all(namespaces.map((name) => removeIn(kube, name, runId)));
  return removed.flat();
}

async function removeIn(kube: Kube, name: string, runId: string | undefined): Promise<string[]> {
  const namespace = await namespaceNamed(kube, name);
  if (namespace === undefined || !isOurs(namespace)) return [];
  const marked = namespace.metadata?.labels?.[runLabel];
  if (isPrepared(namespace)) {
    const removed = await empty(kube, name, runId);
    // An apply without them removes the labels that the run added to the namespace itself.
    if (marked !== undefined && (runId === undefined || marked === runId)) {
      await apply(kube, [namespaceObject(name)]);
    }
    return removed;
  }
  if (runId !== undefined && marked !== runId) return [];
  await Promise.all([remove(kube, [namespaceObject(name)]), endProxies(kube, name)]);
  return [`namespace ${name}`];
}

/** Squid would wait 30 s by itself. Who may not ask for its pods, or has none, waits for the namespace alone. */
async function endProxies(kube: Kube, namespace: string): Promise<void> {
  const apps = new Set(allEditions.map(({ proxy }) => proxy.app));
  const ending = [...apps].map((app) =>
    podsMustBeGone(kube, namespace, `app=${app}`, (pod) =>
      interruptSquid(kube, { namespace, pod, container: app }),
    ),
  );
  await Promise.allSettled(ending);
}

/** Every namespace that is the suite's, made by a run or prepared. */
export async function ownNamespaces(kube: Kube): Promise<string[]> {
  const { items } = await kube.core.listNamespace({ labelSelector: `${ownerLabel}=${fieldManager}` });
  return items.map(({ metadata }) => metadata?.name ?? '');
}

export async function namespaceNamed(kube: Kube, name: string): Promise<KubernetesObject | undefined> {
  return kube.core.readNamespace({ name }).catch(unlessRefused(404));
}

async function empty(kube: Kube, namespace: string, runId: string | undefined): Promise<string[]> {
  const selector = [
    `${ownerLabel}=${fieldManager}`,
    ...(runId === undefined ? [] : [`${runLabel}=${runId}`]),
  ];
  const removed: string[] = [];
  for (const [apiVersion, kind] of ownedKinds) {
    const found = await listed(kube, apiVersion, kind, namespace, selector.join(','));
    const objects = found
      // What a Deployment made goes with it.
      .filter(({ metadata }) => (metadata?.ownerReferences ?? []).length === 0)
      .map(({ metadata }) => ({ apiVersion, kind, metadata: { name: metadata?.name ?? '', namespace } }));
    await remove(kube, objects);
    removed.push(...objects.map(({ metadata }) => `${kind} ${namespace}/${metadata.name}`));
  }
  return removed;
}

async function listed(
  kube: Kube,
  apiVersion: string,
  kind: string,
  namespace: string,
  labelSelector: string,
): Promise<KubernetesObject[]> {
  const { objects } = kube;
  const list = await objects
    .list(apiVersion, kind, namespace, undefined, undefined, undefined, undefined, labelSelector)
    // The cluster has no Istio, so it does not know its kinds.
    .catch(unlessRefused(404));
  return list?.items ?? [];
}
