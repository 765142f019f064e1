import type { KubernetesObject } from '@kubernetes/client-node';
import { allEditions } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import { belongsTo } from '../../helpers/given/given.ts';
import { accessLogTelemetryName } from '../../helpers/istio/access-log.ts';
import { kubeObject, namespaceObject, originNamespace } from '../../helpers/kube/manifests.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';
import { apply, remove } from '../../helpers/kube/apply.ts';
import { ownedKinds } from '../../helpers/existing/owned.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { belongsToIstio, takeSnapshot, type Snapshot } from '../../helpers/kube/snapshot.ts';
import { clientsIn } from '../../helpers/scale/objects.ts';
import { podsMustBeGone } from '../../helpers/kube/workloads.ts';
import { interruptSquid } from '../../helpers/proxy/squid-process.ts';
import { serviceEntryIn } from './service-entry.ts';
import type { World } from './world.ts';

/** What the snapshot leaves out: Istio, and what the cluster's own machinery writes when it likes. */
export function notCompared(object: KubernetesObject): boolean {
  const { kind } = object;
  const { name, namespace = '', annotations = {}, labels = {} } = object.metadata ?? {};
  if (namespace.startsWith('kube-') || namespace === originNamespace) return true;
  // Made when a sidecar is found to write no log, and removed with the run.
  if (name === accessLogTelemetryName && kind === 'Telemetry') return true;
  // k3s' deploy controller, which goes on applying its own manifests after the node is ready.
  const marks = [...Object.keys(annotations), ...Object.keys(labels)];
  if (marks.some((mark) => mark.startsWith('objectset.rio.cattle.io/'))) return true;
  if (/cattle\.io\//.test(object.apiVersion ?? '')) return true;
  return belongsToIstio(object);
}

/** The cluster's objects; in an existing cluster those of the run's namespaces, since the rest may change at any time. */
export async function snapshotOf({ kube, session }: World): Promise<Snapshot> {
  return snapshotIn(kube, session);
}

/** The same of a session whose steps have not begun. */
export async function snapshotIn(kube: Kube, session: SessionFacts): Promise<Snapshot> {
  const { existing, namespaces } = session;
  const scope = existing === undefined ? undefined : [namespaces.mesh, namespaces.external];
  return scope === undefined
    ? ownSnapshot(kube, session)
    : takeSnapshot(kube, notCompared, { kinds: ownedKinds, namespaces: scope });
}

/** The objects of a cluster of the suite's own, without those that the user's manifests bring. */
export function ownSnapshot(kube: Kube, { given }: Pick<SessionFacts, 'given'>): Promise<Snapshot> {
  const isTheirs = belongsTo(given);
  return takeSnapshot(kube, (object) => notCompared(object) || isTheirs(object));
}

/** What the sample that sends the requests makes, by name: enough to delete it. */
export function clientObjects({ client }: Edition): readonly KubernetesObject[] {
  return [
    kubeObject('ServiceAccount', { name: client }),
    kubeObject('Service', { name: client }),
    kubeObject('Deployment', { name: client }),
  ];
}

/** The document's proxy and its configuration, by name. */
export function proxyObjects({
  edition: { proxy },
  namespaces: { external: namespace },
}: Pick<World, 'edition' | 'namespaces'>): readonly KubernetesObject[] {
  return [
    kubeObject('Deployment', { name: proxy.app, namespace }),
    kubeObject('ConfigMap', { name: proxy.configMap, namespace }),
  ];
}

/**
 * The Sidecar resource of the controls for the suite's client, by name. What else the controls make is in `external`; in an existing
 * cluster the run's namespaces are emptied by label.
 */
export function clientSidecarIn(namespace: string): KubernetesObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'conformance-client', namespace },
  };
}

/**
 * Brings a used cluster back to where the document begins, whatever an earlier run or pass of any edition left in it.
 * Where nothing is left, that is a dozen requests that find nothing.
 */
export async function resetDocument(
  kube: Kube,
  session: Pick<SessionFacts, 'namespaces' | 'existing'>,
): Promise<void> {
  const { mesh, external } = session.namespaces;
  const ownClient = session.existing?.client === undefined;
  for (const edition of allEditions) {
    if (ownClient) {
      await remove(kube, clientObjects(edition), mesh);
      await podsMustBeGone(kube, mesh, `app=${edition.client}`);
    }
    await remove(kube, [serviceEntryIn({ ...session, edition })]);
    const { app } = edition.proxy;
    await remove(kube, proxyObjects({ ...session, edition }));
    await podsMustBeGone(kube, external, `app=${app}`, (pod) =>
      interruptSquid(kube, { namespace: external, pod, container: app }),
    );
  }
  if (ownClient) await remove(kube, [clientSidecarIn(mesh), ...clientsIn(mesh)]);
  if (session.existing?.prepared.includes(external) !== true) {
    await remove(kube, [namespaceObject(external)]);
  }
  // The label comes back with BEFORE-2; manual injection goes without.
  await apply(kube, [namespaceObject(mesh)]);
}
