import { eventually } from '../../helpers/eventually/eventually.ts';
import type { Taker } from '../../helpers/istio/taker.ts';
import { askTaker, sameTaker, toldTaker, wayOf, type Way } from '../../helpers/istio/way.ts';
import { timeouts } from '../../helpers/timeouts.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import { fail, waitOrFail } from './must.ts';
import type { World } from './world.ts';

/**
 * What takes a connection to the proxy without the document's ServiceEntry. In somebody's mesh it is what the mesh makes
 * of it, asked before the entry is there; in the suite's own, where nothing else is, it must be PassthroughCluster.
 */
export async function baselineOf(world: World): Promise<Way> {
  const known = world.baselineWay.known();
  if (known !== undefined) return known;
  const { kube, namespaces, edition, mesh } = world;
  const pod = { namespace: namespaces.mesh, pod: world.sourcePod.get() };
  const client = { labels: { app: edition.client }, rootNamespace: mesh.system };
  const way = await wayOf(kube, pod, world.proxy(), client);
  if (way === undefined) {
    fail(
      'LISTENER_MISSING',
      'the sidecar has no listener for outbound connections',
      'a listener virtualOutbound, which takes what no other one does',
    );
  }
  world.baselineWay.set(way);
  return way;
}

/** Whether the mesh is somebody's, who may have more in it than the document's reader. */
export function isSomebodys({ session }: World): boolean {
  return session.existing !== undefined;
}

/** Waits until the sidecar does with a connection to the proxy what it did before the entry. */
export async function entryMustBeForgotten(world: World): Promise<void> {
  if (!isSomebodys(world)) {
    await takerMust(world, `have no listener for ${formatEndpoint(world.proxy())}`, ({ reach }) => {
      return reach === 'rest';
    });
    return;
  }
  const { taker, sentence } = world.baselineWay.get();
  await takerMust(world, `be as it was without the entry (${sentence})`, (now) => sameTaker(now, taker));
}

/** Waits until what takes a connection to the proxy is as `condition` wants it. */
export async function takerMust(
  world: World,
  what: string,
  condition: (taker: Taker) => boolean,
): Promise<void> {
  const pod = { namespace: world.namespaces.mesh, pod: world.sourcePod.get() };
  const expected = `the sidecar to ${what} within ${timeouts.configPush / 1000} s of the change`;
  await waitOrFail('LISTENER_DIFFERS', expected, () =>
    eventually(
      `the sidecar to ${what}`,
      async () => {
        const taker = await askTaker(world.kube, pod, world.proxy());
        if (taker === undefined) throw new Error('it has no listener for outbound connections');
        if (!condition(taker)) throw new Error(`a connection to the proxy goes to ${toldTaker(taker)}`);
      },
      { timeoutMs: timeouts.configPush, intervalMs: 50 },
    ),
  );
}
