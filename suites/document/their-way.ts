import type { KubernetesObject } from '@kubernetes/client-node';
import {
  gatewayWay,
  type Gateway,
  type GatewayObjects,
  type GatewayWay,
  type Selecting,
  type VirtualService,
} from '../../helpers/istio/egress.ts';
import { onwardOf, type Onward } from '../../helpers/istio/onward.ts';
import { endpointsOf, type SidecarPod } from '../../helpers/istio/sidecar.ts';
import type { Taker } from '../../helpers/istio/taker.ts';
import type { Difference } from '../../helpers/istio/taker-differences.ts';
import { selects, type Claimant, type ServiceEntry } from '../../helpers/istio/taker-makers.ts';
import { clustersOf } from '../../helpers/istio/way.ts';
import { listOf, nameOf } from '../../helpers/kube/client.ts';
import { formatEndpoint, type Endpoint } from '../../helpers/trip/endpoint.ts';
import type { Upstreams } from '../../helpers/trip/expectations.ts';
import type { Finding } from '../../helpers/trip/finding.ts';
import { others } from './others.ts';
import { entryOf } from './service-entry.ts';
import { judgedEntries } from './judged-entries.ts';
import type { Carried } from './their-entry.ts';
import type { World } from './world.ts';

/** What takes a connection to an address of the proxy. */
export interface Taken {
  readonly to: Endpoint;
  readonly taker: Taker;
}

/** The ways by which an existing mesh leads to the proxy. */
export interface TheirWay {
  /** By address of the proxy. */
  readonly carried: ReadonlyMap<string, Carried>;
  /** Where a connection would not get to the proxy, with the object that has it so. */
  readonly astray: readonly Finding[];
  /** Further objects that have a part in it, for a person. */
  readonly by: readonly string[];
  /** Whether a difference to the document's plain way is one of those ways. */
  readonly isTheirs: (difference: Difference) => boolean;
}

/**
 * Where the sidecar hands connections for the proxy, where entries of the mesh lead there. It may do so by other means than
 * the document's one cluster: by workloads that an entry selects, by subsets, by a VirtualService, through an egress
 * gateway. What counts is that each of them ends at the proxy.
 */
export async function theirWayOf(
  world: World,
  pod: SidecarPod,
  taken: readonly Taken[],
  clusters: readonly unknown[],
): Promise<TheirWay> {
  const ips = world.proxyIps.get();
  const proxy = ips.map((ip) => ({ ip, port: world.proxyPort.get() }));
  const names = [...new Set(taken.flatMap(({ taker }) => clustersOf(taker)))];
  const endpoints = await endpointsOf(world.kube, pod, names);
  let asked: Promise<GatewayObjects> | undefined;
  const gatewayObjects = (): Promise<GatewayObjects> => (asked ??= gatewayObjectsOf(world));
  const carried = new Map<string, Carried>();
  const astray: Finding[] = [];
  const by = new Set<string>();
  const foreign = new Set<string>();
  const leading = new Set<string>();
  for (const { to, taker } of taken) {
    const own = entryOf(world, to).cluster.name;
    let upstreams: Upstreams = [to];
    for (const name of clustersOf(taker)) {
      if (name !== own) foreign.add(name);
      const onward = onwardOf(name, clusters, endpoints, proxy);
      // That it is missing, is a difference.
      if (onward === undefined) continue;
      // Where no rule leads there, another host has the listener.
      if (onward.leads && (hostOf(name) === hostOf(own) || taker.madeBy !== undefined)) {
        leading.add(name);
        if (upstreams !== 'any' && onward.type !== 'ORIGINAL_DST') upstreams = proxy;
        if (name !== own && taker.madeBy !== undefined) by.add(`${taker.madeBy} sends it to ${name}`);
        continue;
      }
      const through =
        hostOf(name) === hostOf(own) ? undefined : await throughGateway(world, name, to, gatewayObjects);
      if (through?.leads === true) {
        by.add(through.told);
        upstreams = 'any';
      } else {
        astray.push(await strays(world, { to, taker }, name, onward, through?.told));
      }
    }
    carried.set(to.ip, { clusters: clustersOf(taker), upstreams });
  }
  return {
    carried,
    astray,
    by: [...by],
    isTheirs: ({ what, cluster }) =>
      what === 'weights' ||
      // A rule may have another type made of the entry's resolution (loadBalancer PASSTHROUGH): what counts is where it leads.
      (what === 'cluster type' && leading.has(cluster ?? '')) ||
      (foreign.has(cluster ?? '') && theirBusiness.includes(what)),
  };
}

/** Of a cluster that is not the entry's own, what its owner has as they like. */
const theirBusiness: readonly Difference['what'][] = ['cluster type', 'transport socket'];

const networking = 'networking.istio.io/v1';

async function gatewayObjectsOf({ kube }: World): Promise<GatewayObjects> {
  const [routes, gateways, services] = await Promise.all([
    listOf<VirtualService>(kube, networking, 'VirtualService'),
    listOf<Gateway>(kube, networking, 'Gateway'),
    listOf<Selecting>(kube, 'v1', 'Service'),
  ]);
  return { routes, gateways, services };
}

async function throughGateway(
  world: World,
  cluster: string,
  to: Endpoint,
  objects: () => Promise<GatewayObjects>,
): Promise<GatewayWay | undefined> {
  const { host, cluster: own } = entryOf(world, to);
  const found = gatewayWay({ cluster, host, port: to.port }, await objects());
  if (found?.leads !== true || own.type !== 'ORIGINAL_DST') return found;
  const [entry = host] = entriesOfHost(world, host).map(({ name }) => name);
  const told = `${entry} has resolution NONE, by which a gateway connects to its own address`;
  return { leads: false, told };
}

async function strays(
  world: World,
  { to, taker }: Taken,
  cluster: string,
  { to: where, type }: Onward,
  because: string | undefined,
): Promise<Finding> {
  const { host, cluster: own } = entryOf(world, to);
  const connects = where.length === 0 ? 'has no endpoint' : `connects to ${where.slice(0, 5).join(', ')}`;
  if (hostOf(cluster) === hostOf(own.name)) {
    const rules = type === 'ORIGINAL_DST' ? await portMakers(world) : await subsetMakers(world, cluster);
    const makers = rules.length > 0 ? rules : await endpointMakers(world, host, where);
    return {
      cause: 'CLUSTER_DIFFERS',
      seen: `${cluster} ${connects}, made by ${makers.join(' or ')}`,
      expected: `connections to ${formatEndpoint(to)}`,
    };
  }
  const makers = taker.madeBy === undefined ? await listenerMakers(world, hostOf(cluster)) : [taker.madeBy];
  return {
    cause: 'LISTENER_DIFFERS',
    seen: `${makers.join(' or ') || `listener ${taker.listener}`} sends connections for ${formatEndpoint(to)} to ${cluster}, which ${connects}${because === undefined ? '' : `; ${because}`}`,
    expected: `connections to ${own.name}, or through a gateway that leads on to it`,
  };
}

/** The objects that can have the sidecar's listener lead to a host: its own entry, else VirtualServices. */
async function listenerMakers(world: World, host: string): Promise<readonly string[]> {
  const all: readonly ServiceEntry[] = await others(world);
  const entries = all.filter(
    ({ kind, spec }) => kind === 'ServiceEntry' && spec?.hosts?.includes(host) === true,
  );
  return (entries.length > 0 ? entries : all.filter(({ kind }) => kind === 'VirtualService')).map(nameOf);
}

/** What can have a cluster connect to another port of the address that the client asks for. */
async function portMakers(world: World): Promise<readonly string[]> {
  return (await others(world))
    .filter(
      (object) => object.kind === 'EnvoyFilter' && JSON.stringify(object).includes('upstream_port_override'),
    )
    .map(nameOf);
}

/** The rules that say which of a host's endpoints are this subset; none for a cluster of them all. */
async function subsetMakers(world: World, cluster: string): Promise<readonly string[]> {
  const subset = cluster.split('|')[2] ?? '';
  if (subset === '') return [];
  const rules: readonly (KubernetesObject & {
    readonly spec?: { readonly subsets?: readonly { readonly name?: string }[] };
  })[] = await others(world);
  return rules
    .filter(({ kind, spec }) => {
      return kind === 'DestinationRule' && spec?.subsets?.some(({ name }) => name === subset) === true;
    })
    .map(nameOf);
}

interface WorkloadEntry extends KubernetesObject {
  readonly spec?: { readonly address?: string; readonly labels?: Readonly<Record<string, string>> };
}

/** The objects that made these the endpoints of a host: its entry, and the WorkloadEntries that it selects. */
async function endpointMakers(
  world: World,
  host: string,
  where: readonly string[],
): Promise<readonly string[]> {
  const entries = entriesOfHost(world, host);
  const workloads = await listOf<WorkloadEntry>(world.kube, networking, 'WorkloadEntry');
  const selected = workloads.filter((workload) =>
    entries.some(({ entry }) => selectsWorkload(entry, workload)),
  );
  const ofWrong = selected.filter(({ spec }) =>
    where.some((one) => one.startsWith(`${spec?.address ?? '?'}:`)),
  );
  const proxyIps = world.proxyIps.get();
  const wrong = ofWrong.filter(({ spec }) => !proxyIps.includes(spec?.address ?? ''));
  const blamed = wrong.length > 0 ? wrong : ofWrong;
  if (blamed.length > 0) return blamed.map(nameOf);
  return entries.map(({ name, entry }) => {
    const labels = entry.spec?.workloadSelector?.labels;
    if (labels === undefined) return name;
    const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    return `${name}, which selects workloads with ${wanted.join(', ')} in its namespace`;
  });
}

function entriesOfHost(world: World, host: string): readonly Claimant[] {
  return judgedEntries(world).flatMap(({ claimant }) => (claimant.host === host ? [claimant] : []));
}

function selectsWorkload(entry: ServiceEntry, { metadata, spec }: WorkloadEntry): boolean {
  const wanted = entry.spec?.workloadSelector?.labels;
  const has = { ...metadata?.labels, ...spec?.labels };
  return wanted !== undefined && metadata?.namespace === entry.metadata?.namespace && selects(wanted, has);
}

/** Of Envoy's cluster `outbound|PORT|SUBSET|HOST`. */
function hostOf(cluster: string): string {
  return cluster.split('|')[3] ?? cluster;
}
