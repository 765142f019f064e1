import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { accessLogTelemetryName } from '../../helpers/istio/access-log.ts';
import { canTouch, influencing, type InfluencedRequest } from '../../helpers/istio/influences.ts';
import { nameOf, unlessRefused } from '../../helpers/kube/client.ts';
import { livePods } from '../../helpers/kube/workloads.ts';
import { entriesOf, isServiceEntryOfTheDocument, ownHost } from './service-entry.ts';
import type { World } from './world.ts';

/** Objects besides the document's entry, and what the run made for its access log, that can change the way of this request. */
export async function others(world: World): Promise<readonly KubernetesObject[]> {
  const objects = await influencing(world.kube, (object) => isServiceEntryOfTheDocument(world, object));
  const pod = await sourcePod(world);
  const request: InfluencedRequest = {
    ...destinationOf(world),
    clientNamespace: world.clientNamespace,
    clientLabels: pod?.metadata?.labels ?? world.givenClient?.labels ?? {},
    namespaces: [...new Set([...(Object.values(world.namespaces) as string[]), world.clientNamespace])],
    rootNamespace: world.mesh.root,
  };
  const ownTelemetry = `Telemetry ${world.namespaces.mesh}/${accessLogTelemetryName}`;
  return objects.filter((object) => canTouch(object, request) && nameOf(object) !== ownTelemetry);
}

/** Before the proxy has its address, none is in question. */
function destinationOf(world: World): Pick<InfluencedRequest, 'hosts' | 'to'> {
  const ips = world.proxyIps.known();
  const port = world.proxyPort.known();
  if (ips === undefined || port === undefined) return { hosts: [ownHost(world)], to: [] };
  return { hosts: entriesOf(world).map(({ host }) => host), to: ips.map((ip) => ({ ip, port })) };
}

/** The pod of the client in the mesh; undefined while there is none. */
export async function sourcePod({
  kube,
  edition,
  namespaces,
  givenClient,
}: World): Promise<V1Pod | undefined> {
  if (givenClient !== undefined) {
    const { namespace, pod: name } = givenClient;
    return kube.core.readNamespacedPod({ namespace, name }).catch(unlessRefused(404));
  }
  const [pod] = await livePods(kube, namespaces.mesh, `app=${edition.client}`);
  return pod;
}
