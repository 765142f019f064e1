import type { KubernetesObject } from '@kubernetes/client-node';
import { documentNamespaces, type Namespaces } from '../../helpers/session/namespaces.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { ownedKinds } from '../../helpers/existing/owned.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { exec, ExecError } from '../../helpers/kube/exec.ts';
import { belongsToIstio, takeSnapshot, type Snapshot } from '../../helpers/kube/snapshot.ts';
import { clientsIn } from '../../helpers/scale/objects.ts';
import { podsMustBeGone } from '../../helpers/kube/workloads.ts';
import { serviceEntryIn } from './service-entry.ts';
import type { World } from './world.ts';

/** What the snapshot leaves out: Istio, and what the cluster's own machinery writes when it likes. */
export function notCompared(object: KubernetesObject): boolean {
  const { namespace = '', annotations = {}, labels = {} } = object.metadata ?? {};
  if (namespace.startsWith('kube-') || namespace === documentNamespaces.origin) return true;
  // k3s' deploy controller, which goes on applying its own manifests after the node is ready.
  const marks = [...Object.keys(annotations), ...Object.keys(labels)];
  if (marks.some((mark) => mark.startsWith('objectset.rio.cattle.io/'))) return true;
  if (/cattle\.io\//.test(object.apiVersion ?? '')) return true;
  return belongsToIstio(object);
}

/** The cluster's objects; in somebody else's cluster those of the run's namespaces, since the rest changes when it likes. */
export async function snapshotOf({ kube, session, namespaces }: World): Promise<Snapshot> {
  const scope = session.existing === undefined ? undefined : [namespaces.mesh, namespaces.external];
  return scope === undefined
    ? takeSnapshot(kube, notCompared)
    : takeSnapshot(kube, notCompared, { kinds: ownedKinds, namespaces: scope });
}

/** What samples/sleep/sleep.yaml makes, by name: enough to delete it. */
export const sleepObjects: readonly KubernetesObject[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sleep' } },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'sleep' } },
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'sleep' } },
];

/** What CONTROL-7 puts into the client's namespace, by name; whatever else the controls make is in `external`. */
export function registryOnlySidecarIn(namespace: string): KubernetesObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'conformance-registry-only', namespace },
  };
}

/**
 * Brings a used cluster back to where the document begins, whatever the run or pass before left in it. Where it left
 * nothing, that is a dozen requests that find nothing.
 */
export async function resetDocument(
  kube: Kube,
  { mesh, external }: Namespaces = documentNamespaces,
  prepared: readonly string[] = [],
): Promise<void> {
  await remove(kube, sleepObjects, mesh);
  await podsMustBeGone(kube, mesh, 'app=sleep');
  await remove(kube, [serviceEntryIn(mesh), registryOnlySidecarIn(mesh), ...clientsIn(mesh)]);
  await remove(kube, [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'squid', namespace: external } },
  ]);
  await podsMustBeGone(kube, external, 'app=squid', (pod) => interruptSquid(kube, pod, external));
  if (!prepared.includes(external)) {
    await remove(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: external } }]);
  }
  // The label comes back with BEFORE-2; manual injection goes without.
  await apply(kube, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: mesh } }]);
}

/**
 * `squid -k interrupt`: Squid ends at once. On SIGTERM alone, which the kubelet sends, it waits 30 s
 * (shutdown_lifetime, which the document's configuration leaves alone) for connections that nobody has open.
 */
export async function interruptSquid(
  kube: Kube,
  pod: string,
  namespace = documentNamespaces.external,
): Promise<void> {
  try {
    await exec(kube, { namespace, pod, container: 'squid' }, ['kill', '-INT', '1']);
  } catch (error) {
    // It ended before it could be told to.
    if (!(error instanceof ExecError)) throw error;
  }
}
