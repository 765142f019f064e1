import { makersOfDifference, differencesOf, type Difference } from '../../helpers/istio/taker-differences.ts';
import { dumpEntries } from '../../helpers/istio/sidecar.ts';
import { rejectedListeners, takerOf, type RejectedListener } from '../../helpers/istio/taker.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { others } from './others.ts';
import { entryOf } from './service-entry.ts';
import { judgedEntries } from './judged-entries.ts';
import { theirWayOf, type Taken, type TheirWay } from './their-way.ts';
import type { World } from './world.ts';

const causeOf = {
  http: 'LISTENER_DIFFERS',
  'filter chain': 'LISTENER_DIFFERS',
  filter: 'LISTENER_DIFFERS',
  tunnel: 'SIDECAR_TUNNELS',
  weights: 'LISTENER_DIFFERS',
  'cluster missing': 'CLUSTER_DIFFERS',
  'cluster type': 'CLUSTER_DIFFERS',
  'transport socket': 'CLUSTER_DIFFERS',
  'connection limit': 'CONNECTION_LIMIT',
  'idle timeout': 'SIDECAR_IDLE_TIMEOUT',
  'longest duration': 'SIDECAR_REFUSED',
  'connect timeout': 'CLUSTER_DIFFERS',
  'source address': 'CLUSTER_DIFFERS',
  'outlier detection': 'CLUSTER_DIFFERS',
} as const satisfies Record<Difference['what'], CauseCode>;

/** A difference, and in words who made it. */
export interface Told extends Difference {
  readonly told: string;
}

/** What carries connections in a sidecar, as far as it is not the document's plain way. */
export interface Carrier {
  readonly differences: readonly Told[];
  /** Of the listeners that Envoy was sent, those it did not take. */
  readonly rejected: readonly RejectedListener[];
  /** Where entries of the mesh are judged, how they lead to the proxy. */
  readonly theirs: TheirWay | undefined;
}

/** What carries connections to these addresses in the sidecar of this pod, now. */
export async function carrierOf(world: World, pod: string, to: readonly Endpoint[]): Promise<Carrier> {
  const client = { namespace: world.clientNamespace, pod };
  const [listeners, clusters] = await Promise.all([
    dumpEntries(world.kube, client, 'dynamic_listeners'),
    dumpEntries(world.kube, client, 'dynamic_active_clusters'),
  ]);
  const taken = to.flatMap((each): Taken[] => {
    const taker = takerOf(listeners, each);
    return taker === undefined ? [] : [{ to: each, taker }];
  });
  const theirs =
    judgedEntries(world).length === 0 ? undefined : await theirWayOf(world, client, taken, clusters);
  const all = taken
    .flatMap((one) => differencesOf(one.taker, clusters, entryOf(world, one.to).cluster.type))
    .filter((difference) => theirs?.isTheirs(difference) !== true);
  const found = [...new Map(all.map((each) => [`${each.what} ${each.seen}`, each])).values()];
  const objects = found.length === 0 ? [] : await others(world);
  const differences = found.map((difference) => ({
    ...difference,
    told: `${difference.seen}${madeBy(makersOfDifference(difference, objects), difference)}`,
  }));
  return { differences, rejected: rejectedListeners(listeners), theirs };
}

function madeBy(makers: readonly string[], { what }: Difference): string {
  if (makers.length === 0) return what === 'connect timeout' ? ', made by meshConfig.connectTimeout' : '';
  return `, made by ${makers.join(' or ')}`;
}

/** The findings of what breaks the document's way, in the order in which a connection meets it. */
export function breaking(differences: readonly Told[]): Finding[] {
  return differences
    .filter(({ effect }) => effect === 'breaks')
    .map(({ what, told, expected }) => ({ cause: causeOf[what], seen: told, expected }));
}

/** Notes what only limits the document's way: a longer or a further connection can meet it. */
export function noteLimits(world: World, pod: string, differences: readonly Told[]): void {
  const limits = differences
    .filter(({ effect }) => effect === 'limits')
    .map(({ what, told, limit }) => ({ what, told, ...(limit === undefined ? {} : { limit }) }));
  if (pod === world.sourcePod.known()) world.limits.set(limits);
  if (limits.length > 0) world.note('limits', [...new Set(limits.map(({ told }) => told))].join('; '));
}

/** Envoy's own words on listeners that it did not take, and who may have made them so. */
export async function rejection(
  world: World,
  listeners: readonly RejectedListener[],
): Promise<Finding | undefined> {
  const [first] = listeners;
  if (first === undefined) return undefined;
  const { name, details, activeBefore } = first;
  const kept = activeBefore ? ' and keeps an older one' : '';
  return {
    cause: 'CONFIG_REJECTED',
    seen: `Envoy rejects listener ${name}${kept}: ${details}${await perhapsBy(world)}`,
    expected: 'a sidecar that takes every listener it is sent',
  };
}

/** Only these write Envoy's own configuration, so that they can make a listener or cluster invalid. */
const writers = /^(EnvoyFilter|WasmPlugin|Telemetry)$/;

/** `; it may come from …`: the objects of these kinds that can touch the request; '' without any. */
export async function perhapsBy(world: World, kinds = writers): Promise<string> {
  const makers = (await others(world)).filter(({ kind = '' }) => kinds.test(kind)).map(nameOf);
  return makers.length === 0 ? '' : `; it may come from ${makers.sort().join(' or ')}`;
}

/** The listeners that Envoy rejected and that connections to a port, or whatever has no listener, would take. */
export async function rejectedFor(
  world: World,
  pod: string,
  port: number,
): Promise<readonly RejectedListener[]> {
  const client = { namespace: world.clientNamespace, pod };
  const entries = await dumpEntries(world.kube, client, 'dynamic_listeners');
  return rejectedListeners(entries).filter(
    ({ name }) => name.endsWith(`_${port}`) || name === 'virtualOutbound',
  );
}
