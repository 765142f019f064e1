import { clusters } from '../../helpers/istio/sidecar.ts';
import type { Claimant, ServiceEntry } from '../../helpers/istio/taker-makers.ts';
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
  // A Sidecar resource of the mesh may hide an entry from the client: then its sidecar does not have the cluster.
  const pod = world.clientPod();
  const held = new Set((await clusters(world.kube, pod)).map(({ name }) => name));
  const has = ({ host }: Claimant): boolean => held.has(clusterName(host, proxy.port));
  const visible = found.map(({ ip, by }): Led => ({ ip, by: by.filter(has) }));
  return visible.some(({ by }) => by.length > 0) ? visible : [];
}

/** The entries of the mesh that are judged instead of the document's; none where the document's is applied. */
export function judgedEntries(world: World): readonly Judged[] {
  return judgedOf(world.theirEntries.known() ?? []);
}
