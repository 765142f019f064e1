import { clusters, dumpEntries } from '../../helpers/istio/sidecar.ts';
import { takerOf } from '../../helpers/istio/taker.ts';
import type { Claimant, ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { clustersOf } from '../../helpers/istio/way.ts';
import { listOf } from '../../helpers/kube/client.ts';
import { clusterName } from '../../helpers/document/edition.ts';
import { entriesFor, judgedOf, type Judged, type Led } from './their-entry.ts';
import type { World } from './world.ts';

/** The entries of the mesh for each address of the proxy; none where the document's is to be applied. */
export async function theirEntriesOf(world: World): Promise<readonly Led[]> {
  const known = world.theirEntries.known();
  if (known !== undefined) return known;
  const found = await askEntries(world);
  world.theirEntries.set(found);
  return found;
}

async function askEntries(world: World): Promise<readonly Led[]> {
  const { proxy, configuration, existing } = world.session;
  if (proxy.kind !== 'given' || existing === undefined || configuration.entry === 'own') return [];
  const items = await listOf<ServiceEntry>(world.kube, 'networking.istio.io/v1', 'ServiceEntry');
  // What is in the client's namespace is the suite's.
  const theirs = items.filter(({ metadata }) => metadata?.namespace !== world.namespaces.mesh);
  const found = entriesFor(theirs, {
    entry: configuration.entry,
    ips: proxy.name === undefined ? world.proxyIps.get() : [world.proxyIp.get()],
    port: proxy.port,
    name: proxy.name?.replace(/\.$/, ''),
    clientNamespace: world.clientNamespace,
    wide: world.givenClient !== undefined,
  });
  if (found.length === 0 || configuration.entry !== 'auto') return found;
  // A Sidecar resource of the mesh may hide an entry from the client: then its sidecar has neither cluster nor listener.
  const pod = world.clientPod();
  const [known, listening] = await Promise.all([
    clusters(world.kube, pod),
    dumpEntries(world.kube, pod, 'dynamic_listeners'),
  ]);
  const held = new Set(known.map(({ name }) => name));
  const visible = found.map(({ ip, by }): Led => {
    const taker = takerOf(listening, { ip, port: proxy.port });
    const handed = taker === undefined ? [] : clustersOf(taker);
    const has = ({ host }: Claimant): boolean => {
      const cluster = clusterName(host, proxy.port);
      return held.has(cluster) || handed.includes(cluster);
    };
    return { ip, by: by.filter(has) };
  });
  return visible.some(({ by }) => by.length > 0) ? visible : [];
}

/** The entries of the mesh that are judged instead of the document's; none where the document's is applied. */
export function judgedEntries(world: World): readonly Judged[] {
  return judgedOf(world.theirEntries.known() ?? []);
}
