import { expect } from 'vitest';
import { clusters } from '../../helpers/istio/sidecar.ts';
import { clustersOf, type Way } from '../../helpers/istio/way.ts';
import { expectationsOf, sidecar, type Expectation } from '../../helpers/trip/expectations.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { baselineOf, isOthersMesh, takerMust } from '../document/baseline.ts';
import { fail, sidecarMust } from '../document/must.ts';
import { documentsSidecar } from '../document/sidecar.ts';
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
export function documentsWay(world: World, cluster?: string): [Expectation, ...Expectation[]] {
  return [
    cluster === undefined ? documentsSidecar(world) : sidecar({ cluster, upstream: world.proxy() }),
    ...expectationsOf(world.session.proxy),
    ...world.witnesses.originExpectations(),
  ];
}

/**
 * The document's request where its entry is not there: it must go by PassthroughCluster in the suite's own mesh, and in
 * an existing one where that mesh sends it.
 */
export async function tripMustGoByBaseline(world: World): Promise<void> {
  if (!isOthersMesh(world)) {
    await tripMustPassThrough(world);
    return;
  }
  const way = await baselineOf(world);
  const { handling } = way.taker;
  const to = clustersOf(way.taker);
  if (to.includes('PassthroughCluster')) {
    await tripMustPassThrough(world);
  } else if (to.includes('BlackHoleCluster')) {
    expect(await meshTrip(world)).toBeDiagnosedAs('BLACKHOLE', documentsSidecar(world));
  } else if (handling.kind === 'http' && way.connects === false) {
    expect(await meshTrip(world)).toBeDiagnosedAs('ROUTE_NOT_FOUND', documentsSidecar(world));
  } else {
    tripMustHaveGoneBy(await meshTrip(world), way);
  }
}

async function tripMustPassThrough(world: World): Promise<void> {
  const trip = await meshTrip(world);
  world.note('title', trip.client.title ?? '');
  expect(trip).toHaveTitle(world.session.destination.title);
  expect(trip).toHaveCrossed(...documentsWay(world, 'PassthroughCluster'));
}

/** What the client gets on the way of another entry is that entry's; that the request went this way is what counts. */
function tripMustHaveGoneBy({ sidecar: lines = [], client }: Trip, { taker, sentence }: Way): void {
  const [line] = lines;
  // What matches no filter chain is closed without a line of its own.
  if (line === undefined && taker.handling.kind === 'none' && client.exitCode !== 0) return;
  if (line === undefined) fail('NO_SIDECAR_STATEMENT', 'no line of the sidecar', `its line: ${sentence}`);
  const to = clustersOf(taker);
  if (to.length > 0 && !to.includes(line.upstreamCluster)) {
    fail('WRONG_CLUSTER', `cluster ${line.upstreamCluster}: ${line.line}`, sentence);
  }
}

/**
 * Waits until the sidecar takes a request for the proxy for HTTP.
 * @param host What the HTTP listener must be for: the mesh may have one of the port for others
 */
export async function httpMustListen(world: World, host: string): Promise<void> {
  await clusterMustBeThere(world, `outbound|${world.proxyPort.get()}||${host}`);
  await takerMust(world, `speak HTTP on port ${world.proxyPort.get()}`, ({ handling }) => {
    return handling.kind === 'http';
  });
}

async function clusterMustBeThere(world: World, name: string): Promise<void> {
  if (!isOthersMesh(world)) return;
  const pod = world.clientPod();
  await sidecarMust(`have a cluster ${name}`, async () => {
    const known = await clusters(world.kube, pod);
    // A Service's host goes on with the cluster's domain.
    if (!known.some((one) => `${one.name}.`.startsWith(`${name}.`))) throw new Error('there is none');
  });
}

/** Waits until the sidecar sends a request for the proxy to this cluster: PassthroughCluster or BlackHoleCluster. */
export async function takerMustBe(world: World, cluster: string): Promise<void> {
  await takerMust(world, `send unknown addresses to ${cluster}`, (taker) => {
    return clustersOf(taker).includes(cluster);
  });
}
