import { listOf, type Kube } from '../kube/client.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { dumpEntries, type SidecarPod } from './sidecar.ts';
import { takerOf, type Taker } from './taker.ts';
import {
  makersOf,
  routesConnect,
  sentenceOf,
  type Makers,
  type MeshObjects,
  type Service,
  type ServiceEntry,
  type SidecarResource,
} from './taker-makers.ts';

/** The way of a connection through a sidecar as it is now: what takes it, and who in the cluster put that there. */
export interface Way {
  readonly taker: Taker;
  readonly makers: Makers;
  /** Of an HTTP listener, whether it has a route for CONNECT; undefined where that is not known. */
  readonly connects: boolean | undefined;
  readonly sentence: string;
}

export const outsideClusters: readonly string[] = ['PassthroughCluster', 'BlackHoleCluster'];

/** What takes a connection now; undefined when the sidecar has no listener for outbound connections. */
export async function askTaker(kube: Kube, pod: SidecarPod, to: Endpoint): Promise<Taker | undefined> {
  return takerOf(await dumpEntries(kube, pod, 'dynamic_listeners'), to);
}

/**
 * What takes a connection now, and because of what.
 * @param client The pod's labels and the mesh's root namespace, by which Sidecar resources choose
 * @returns undefined when the sidecar has no listener for outbound connections
 */
export async function wayOf(
  kube: Kube,
  pod: SidecarPod,
  to: Endpoint,
  client: { readonly labels: Readonly<Record<string, string>>; readonly rootNamespace: string },
): Promise<Way | undefined> {
  const taker = await askTaker(kube, pod, to);
  if (taker === undefined) return undefined;
  const networking = 'networking.istio.io/v1';
  // Everything but a way out of the mesh has clusters or routes that name its maker.
  const registered = !clustersOf(taker).some((name) => outsideClusters.includes(name));
  const none = Promise.resolve([]);
  const [clusters, routes, sidecars, serviceEntries, services] = await Promise.all([
    registered ? dumpEntries(kube, pod, 'dynamic_active_clusters') : none,
    registered ? dumpEntries(kube, pod, 'dynamic_route_configs') : none,
    listOf<SidecarResource>(kube, networking, 'Sidecar'),
    registered ? listOf<ServiceEntry>(kube, networking, 'ServiceEntry') : none,
    registered ? listOf<Service>(kube, 'v1', 'Service') : none,
  ]);
  const dumps = { clusters, routes };
  const objects: MeshObjects = {
    ...{ serviceEntries, services, sidecars, rootNamespace: client.rootNamespace },
    // Where no Sidecar resource says it, the mesh's configuration is what the sidecar does.
    outboundTrafficPolicy: clustersOf(taker).includes('BlackHoleCluster') ? 'REGISTRY_ONLY' : 'ALLOW_ANY',
  };
  const makers = makersOf(taker, dumps, objects, { namespace: pod.namespace, labels: client.labels });
  const connects = routesConnect(taker, dumps);
  return { taker, makers, connects, sentence: sentenceOf(taker, makers, connects) };
}

/** The clusters that a TCP listener hands a connection to; none for any other. */
export function clustersOf({ handling }: Pick<Taker, 'handling'>): readonly string[] {
  return handling.kind === 'tcp' ? handling.clusters.map(({ name }) => name) : [];
}

/** Whether two takers do the same with a connection. */
export function sameTaker(a: Taker, b: Taker): boolean {
  return toldTaker(a) === toldTaker(b);
}

/** A taker in few words: `0.0.0.0_8080, HTTP, routes 8080`. */
export function toldTaker({ listener, handling }: Taker): string {
  switch (handling.kind) {
    case 'tcp':
      return `${listener}, TCP to ${handling.clusters.map(({ name }) => name).join(', ')}`;
    case 'http':
      return `${listener}, HTTP, routes ${handling.routeConfig ?? 'of its own'}`;
    case 'none':
    case 'unknown':
      return `${listener}, ${handling.what}`;
  }
}
