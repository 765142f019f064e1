import { clusters, dumpEntries } from '../../helpers/istio/sidecar.ts';
import { takerOf, type Taker } from '../../helpers/istio/taker.ts';
import { askTaker, clustersOf, sameTaker, toldTaker, wayOf, type Way } from '../../helpers/istio/way.ts';
import { formatEndpoint, type Endpoint } from '../../helpers/trip/endpoint.ts';
import { fail, sidecarMust } from './must.ts';
import { entriesOf } from './service-entry.ts';
import type { World } from './world.ts';

/**
 * What takes a connection to the proxy without the document's ServiceEntry. In an existing mesh it is what the mesh makes
 * of it, asked before the entry is there; in the suite's own, where nothing else is, it must be PassthroughCluster.
 */
export async function baselineOf(world: World): Promise<Way> {
  const known = world.baselineWay.known();
  if (known !== undefined) return known;
  const way = await wayTo(world, world.proxy());
  const held = await clusters(world.kube, world.clientPod());
  const names = clusterNames(world);
  world.baselineWay.set(way);
  world.clusterOfOthers.set(held.some(({ name }) => names.includes(name)));
  return way;
}

/** What takes a connection of the client now, and because of what. */
export async function wayTo(world: World, to: Endpoint): Promise<Way> {
  const { kube, clientLabels: labels, mesh } = world;
  const client = { labels, rootNamespace: mesh.root };
  const way = await wayOf(kube, world.clientPod(), to, client);
  if (way !== undefined) return way;
  return fail(
    'LISTENER_MISSING',
    'the sidecar has no listener for outbound connections',
    'a listener virtualOutbound, which takes what no other one does',
  );
}

/** Of the entries of this run, the clusters that a sidecar has for them. */
function clusterNames(world: World): readonly string[] {
  return entriesOf(world).map(({ cluster: { name } }) => name);
}

/** Whether the mesh is an existing one, or has the user's own configuration: it may have more than the document's reader has. */
export function isOthersMesh({ session }: World): boolean {
  return session.existing !== undefined || session.given !== undefined;
}

/** Waits until the sidecar does with a connection to the proxy what it did before the entry. */
export async function entryMustBeForgotten(world: World): Promise<void> {
  if (!isOthersMesh(world)) {
    await takerMust(world, `have no listener for ${formatEndpoint(world.proxy())}`, ({ reach }) => {
      return reach === 'rest';
    });
    return;
  }
  const baseline = world.baselineWay.known();
  const what =
    baseline === undefined ? 'do without the entry' : `be as it was without the entry (${baseline.sentence})`;
  const names = clusterNames(world);
  const { kube } = world;
  const pod = world.clientPod();
  await sidecarMust(
    what,
    async () => {
      const [listening, known] = await Promise.all([
        dumpEntries(kube, pod, 'dynamic_listeners'),
        clusters(kube, pod),
      ]);
      // Another entry of the same host, for another address, has a cluster of this name before and after.
      const stays = world.clusterOfOthers.known() === true;
      const left = known.find(({ name }) => names.includes(name));
      if (!stays && left !== undefined) throw new Error(`there is a cluster ${left.name}`);
      const taker = takerOf(listening, world.proxy());
      if (taker === undefined) throw new Error('it has no listener for outbound connections');
      const carries = clustersOf(taker).some((name) => names.includes(name));
      if (carries || (baseline !== undefined && !sameTaker(taker, baseline.taker))) {
        throw new Error(`a connection to the proxy goes to ${toldTaker(taker)}`);
      }
    },
    // Listeners come a moment after clusters; where it is not known what is to be there, the state has to settle.
    { consecutive: baseline === undefined ? 5 : 1 },
  );
  if (baseline === undefined) await baselineOf(world);
}

/** Waits until what takes a connection to the proxy is as `condition` wants it. */
export async function takerMust(
  world: World,
  what: string,
  condition: (taker: Taker) => boolean,
): Promise<void> {
  await sidecarMust(what, async () => {
    const taker = await askTaker(world.kube, world.clientPod(), world.proxy());
    if (taker === undefined) throw new Error('it has no listener for outbound connections');
    if (!condition(taker)) throw new Error(`a connection to the proxy goes to ${toldTaker(taker)}`);
  });
}
