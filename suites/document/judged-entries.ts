import { clusters, dumpEntries } from '../../helpers/istio/sidecar.ts';
import { takerOf } from '../../helpers/istio/taker.ts';
import type { Claimant, ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { clustersOf } from '../../helpers/istio/way.ts';
import { nameGiven } from '../../helpers/proxy/proxy.ts';
import { listOf } from '../../helpers/kube/client.ts';
import { clusterName } from '../../helpers/document/edition.ts';
import {
  entriesFor,
  entriesSince,
  judgedOf,
  newcomersOf,
  type Asked,
  type Judged,
  type Led,
} from './their-entry.ts';
import type { World } from './world.ts';

/**
 * The entries of the mesh for each address of the proxy; none where the document's is to be applied. After an upgrade they are
 * asked for each time, since it may have changed them.
 */
export async function theirEntriesOf(world: World): Promise<readonly Led[]> {
  if (world.entriesBefore.length > 0) return entriesAfter(world);
  const known = world.theirEntries.known();
  if (known !== undefined) return known;
  const found = await askEntries(world);
  world.theirEntries.set(found);
  return found;
}

async function askEntries(world: World): Promise<readonly Led[]> {
  const { proxy, configuration, existing } = world.session;
  if (proxy.kind !== 'given' || existing === undefined || configuration.entry === 'own') return [];
  const found = entriesFor(await entriesOfOthers(world), asking(world));
  if (found.length === 0 || configuration.entry !== 'auto') return found;
  const visible = await visibleOf(world, found);
  return visible.some(({ by }) => by.length > 0) ? visible : [];
}

/**
 * By their objects alone: a sidecar whose control plane is changed may lack an entry that was judged, and that is to be red,
 * and no reason to apply the document's.
 */
async function entriesAfter(world: World): Promise<readonly Led[]> {
  const found = entriesSince(world.entriesBefore, await entriesOfOthers(world), asking(world));
  // They may be hidden from the client, as they were then.
  const newcomers = newcomersOf(world.entriesBefore, found);
  const seen = newcomers.length === 0 ? [] : (await visibleOf(world, found)).flatMap(({ by }) => by);
  const hidden = newcomers.filter((one) => !seen.includes(one));
  const led = found.map(({ ip, by }): Led => ({ ip, by: by.filter((one) => !hidden.includes(one)) }));
  // Where all are gone, those that were judged stay the entries of this run: nothing takes their place.
  if (judgedOf(led).length > 0) world.theirEntries.set(led);
  return led;
}

/** What is in the client's namespace is the suite's. */
async function entriesOfOthers({ kube, namespaces }: World): Promise<readonly ServiceEntry[]> {
  const items = await listOf<ServiceEntry>(kube, 'networking.istio.io/v1', 'ServiceEntry');
  return items.filter(({ metadata }) => metadata?.namespace !== namespaces.mesh);
}

function asking(world: World): Asked {
  const { proxy, configuration } = world.session;
  const name = nameGiven(proxy);
  return {
    entry: configuration.entry,
    ips: name === undefined ? world.proxyIps.get() : [world.proxyIp.get()],
    port: world.proxyPort.get(),
    name,
    clientNamespace: world.clientNamespace,
    wide: world.givenClient !== undefined,
  };
}

/** A Sidecar resource of the mesh may hide an entry from the client: then its sidecar has neither cluster nor listener. */
async function visibleOf(world: World, found: readonly Led[]): Promise<readonly Led[]> {
  const pod = world.clientPod();
  const port = world.proxyPort.get();
  const [known, listening] = await Promise.all([
    clusters(world.kube, pod),
    dumpEntries(world.kube, pod, 'dynamic_listeners'),
  ]);
  const held = new Set(known.map(({ name }) => name));
  return found.map(({ ip, by }): Led => {
    const taker = takerOf(listening, { ip, port });
    const handed = taker === undefined ? [] : clustersOf(taker);
    const has = ({ host }: Claimant): boolean => {
      const cluster = clusterName(host, port);
      return held.has(cluster) || handed.includes(cluster);
    };
    return { ip, by: by.filter(has) };
  });
}

/** The entries of the mesh that are judged instead of the document's; none where the document's is applied. */
export function judgedEntries(world: World): readonly Judged[] {
  return judgedOf(world.theirEntries.known() ?? []);
}
