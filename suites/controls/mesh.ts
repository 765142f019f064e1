import type { KubernetesObject } from '@kubernetes/client-node';
import { apply, remove } from '../../helpers/kube/apply.ts';
import type { Listener } from '../../helpers/istio/sidecar.ts';
import { expectationsOf, sidecar, type Expectation } from '../../helpers/trip/expectations.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { applyServiceEntry } from '../document/3-configure-traffic.ts';
import { entryOf, serviceEntryIn } from '../document/service-entry.ts';
import { chainsOf, sidecarMust, sidecarMustTunnel } from '../document/sidecar.ts';
import type { World } from '../document/world.ts';

/** The document's request from the pod with a sidecar. */
export async function meshTrip(world: World, url?: string): Promise<Trip> {
  const client = world.meshClient();
  world.witnesses.follow('sidecar', { ...client, container: 'istio-proxy' });
  const options = { via: world.proxy(), sidecar: true, ...(url === undefined ? {} : { url }) };
  const trip = await world.witnesses.fetch(client, options);
  return world.evidence(trip);
}

/** What a trip of the document's own way must show; another `cluster` for another way. */
export function documentsWay(
  world: World,
  cluster = entryOf(world).cluster.name,
): [Expectation, ...Expectation[]] {
  return [
    sidecar({ cluster, upstream: world.proxy() }),
    ...expectationsOf(world.session.proxy),
    ...world.witnesses.originExpectations(),
  ];
}

/** Does `work` while the document's ServiceEntry is gone from the sidecar too, and puts it back even when that fails. */
export async function withoutEntry(world: World, work: () => Promise<void>): Promise<void> {
  await remove(world.kube, [serviceEntryIn(world)]);
  await thenAlways(
    async () => {
      await nothingMustListen(world);
      await work();
    },
    async () => {
      await applyServiceEntry(world);
      await sidecarMustTunnel(world);
    },
  );
}

/** Does `work` while the objects are there, and removes them even when that fails. */
export async function withObjects(
  world: World,
  objects: readonly KubernetesObject[],
  work: () => Promise<void>,
): Promise<void> {
  await thenAlways(
    async () => {
      await apply(world.kube, objects);
      await work();
    },
    () => remove(world.kube, objects),
  );
}

/** Waits until the sidecar has no listener for the proxy's port: from then on it does what it does by default. */
export async function nothingMustListen(world: World): Promise<void> {
  await sidecarMust(world, `have no listener on port ${world.proxyPort.get()}`, (all) => {
    const left = onPort(all, world.proxyPort.get());
    if (left.length > 0) throw new Error(`there is ${left.map(({ name }) => name).join(', ')}`);
  });
}

/** Waits until the sidecar takes the port for HTTP. */
export async function httpMustListen(world: World): Promise<void> {
  await sidecarMust(world, `speak HTTP on port ${world.proxyPort.get()}`, (all) => {
    const found = onPort(all, world.proxyPort.get());
    const chains = found.flatMap(chainsOf);
    if (!chains.some((chain) => chain.startsWith('HttpConnectionManager'))) {
      throw new Error(`its listeners on that port: ${chains.join('; ') || 'none'}`);
    }
  });
}

/** Waits until what no listener claims goes to this cluster: PassthroughCluster or BlackHoleCluster. */
export async function unknownMustGoTo(world: World, cluster: string): Promise<void> {
  await sidecarMust(world, `send unknown addresses to ${cluster}`, (all) => {
    const outbound = all.find(({ name }) => name === 'virtualOutbound');
    const chains = outbound === undefined ? [] : chainsOf(outbound);
    if (!chains.some((chain) => chain.startsWith(`TcpProxy → ${cluster}`) && !chain.includes('15001'))) {
      throw new Error(`virtualOutbound: ${chains.join('; ') || 'not there'}`);
    }
  });
}

function onPort(all: readonly Listener[], port: number): Listener[] {
  return all.filter(({ address }) => address?.socket_address.port_value === port);
}

/** As `finally`, but when both fail the error of `work` is thrown. */
async function thenAlways(work: () => Promise<void>, restore: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await restore().catch(() => undefined);
    throw error;
  }
  await restore();
}
