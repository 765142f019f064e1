import { chainsOf, type Listener } from '../../helpers/istio/config-dump.ts';
import { answersDns, listeners } from '../../helpers/istio/sidecar.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import { sidecar, type Expectation } from '../../helpers/trip/expectations.ts';
import { ConformanceError, type Finding } from '../../helpers/trip/finding.ts';
import { breaking, carrierOf, noteLimits, perhapsBy, rejection } from './carrier.ts';
import { sidecarMust } from './must.ts';
import { entriesOf, entryOf } from './service-entry.ts';
import type { Entry } from './their-entry.ts';
import type { World } from './world.ts';

/** Where the sidecar must send requests for the proxy. */
export function proxyClusterOf(world: World, to = world.proxy()): string {
  return entryOf(world, to).cluster.name;
}

/** What the sidecar's line must say of a request on the document's way, or on the one that the mesh has for it. */
export function documentsSidecar(world: World, upstream = world.proxy()): Expectation {
  const carried = world.carried.get(upstream.ip);
  if (carried !== undefined) return sidecar({ cluster: carried.clusters, upstream: carried.upstreams });
  return sidecar({ cluster: proxyClusterOf(world, upstream), upstream });
}

/** Whether the mesh has the sidecar hand requests to an egress gateway, which leads on to the proxy. */
export function isHandedOn({ carried }: World): boolean {
  return [...carried.values()].some(({ upstreams }) => upstreams === 'any');
}

/**
 * Waits until Envoy itself holds the document's listener: from then on a request is judged by the new configuration.
 * The listener must hand on whatever comes as TCP, and its cluster must connect to the address the client asked for.
 * @param pod Another one of the client's namespace than the document's
 */
export async function sidecarMustTunnel(world: World, pod = world.sourcePod.get()): Promise<void> {
  const listening: Listening[] = [];
  for (const entry of entriesOf(world)) listening.push(...(await listenersFor(world, pod, entry)));
  world.note('listener', [...new Set(listening.map(({ listener: { name } }) => name))].join(', '));
  await carrierMustBePlain(world, pod, listening);
}

/** A listener for an entry, and a connection that it takes. */
interface Listening {
  readonly listener: Listener;
  readonly entry: Entry;
  readonly to: Endpoint;
}

async function listenersFor(world: World, pod: string, entry: Entry): Promise<Listening[]> {
  const { port, listensOn, leadsTo, cluster } = entry;
  const allocated = listensOn.includes(anyAddress) && (await podAnswersDns(world, pod));
  const listening: Listening[] = [];
  for (const ip of listensOn) {
    const listener = await sidecarMust(
      allocated ? `have a listener on port ${port} for ${cluster.name}` : `have a listener on ${ip}:${port}`,
      async () => {
        const all = await listeners(world.kube, { namespace: world.clientNamespace, pod });
        const match = allocated
          ? all.find((one) => one.address?.socket_address?.port_value === port && handsTo(one, cluster.name))
          : listenerOn(all, { ip, port });
        if (match !== undefined) return match;
        const others = all.filter(({ name }) => name.endsWith(`_${port}`)).map(({ name }) => name);
        throw new Error(
          others.length === 0
            ? `no listener on port ${port}`
            : `listeners on port ${port}: ${others.join(', ')}`,
        );
      },
      { cause: 'LISTENER_MISSING' },
    );
    const { address = anyAddress } = listener.address?.socket_address ?? {};
    const [first = world.proxy().ip] = leadsTo;
    listening.push({ listener, entry, to: { ip: address === anyAddress ? first : address, port } });
  }
  return listening;
}

const anyAddress = '0.0.0.0';

async function podAnswersDns({ kube, clientNamespace: namespace }: World, name: string): Promise<boolean> {
  return answersDns(await kube.core.readNamespacedPod({ namespace, name }));
}

function handsTo(listener: Listener, cluster: string): boolean {
  return describeChains(listener).some((chain) => chain.startsWith(`TcpProxy → ${cluster}`));
}

/** The listener of one address and port; those of 0.0.0.0 are not one's own. */
export function listenerOn(all: readonly Listener[], { ip, port }: Endpoint): Listener | undefined {
  return all.find(({ address }) => {
    const { address: host, port_value } = address?.socket_address ?? {};
    return host === ip && port_value === port;
  });
}

/** What each filter chain of a listener ends in: `TcpProxy → cluster`, with its condition. */
function describeChains(listener: Listener): string[] {
  return chainsOf(listener).map(({ filters, filter_chain_match }) => {
    const last = filters.at(-1);
    const kind = last?.typed_config?.['@type'].split('.').at(-1) ?? '?';
    const match = JSON.stringify(filter_chain_match ?? {});
    return `${kind} → ${last?.typed_config?.cluster ?? '(routes)'}${match === '{}' ? '' : ` when ${match}`}`;
  });
}

/**
 * What carries the connection must be the document's plain way: a TCP proxy to the ServiceEntry's cluster, which goes to
 * the address that the client asked for and adds no TLS. What only limits it is noted.
 */
async function carrierMustBePlain(world: World, pod: string, listening: readonly Listening[]): Promise<void> {
  const to = listening.map((one) => one.to);
  const { differences, rejected, theirs } = await carrierOf(world, pod, to);
  noteLimits(world, pod, differences);
  for (const [ip, carried] of theirs?.carried ?? []) world.carried.set(ip, carried);
  if (theirs !== undefined && theirs.by.length > 0) world.note('by way of', theirs.by.join('; '));
  const own = rejected.filter(({ name }) => listening.some(({ listener }) => listener.name === name));
  const strange = rejected.filter((one) => !own.includes(one)).map(({ name }) => name);
  if (strange.length > 0) world.note('listeners that Envoy rejects', strange.join(', '));
  const refused = await rejection(world, own);
  const findings = [...breaking(differences)];
  // A difference that is known by name says more than the shape of the chain.
  const known = findings.some(({ cause }) => cause !== 'CLUSTER_DIFFERS');
  const chain = known ? [] : (theirs?.astray ?? (await chainFindings(world, listening)));
  const all = [...(refused === undefined ? [] : [refused]), ...chain, ...findings];
  if (all.length > 0) throw new ConformanceError(all);
}

/** One chain that matches whatever comes and hands it on as TCP to the ServiceEntry's cluster. */
async function chainFindings(world: World, listening: readonly Listening[]): Promise<Finding[]> {
  const strange = listening
    .map(({ listener, entry: { cluster } }) => ({
      name: listener.name,
      described: describeChains(listener),
      wanted: `TcpProxy → ${cluster.name}`,
    }))
    .filter(({ described, wanted }) => described.length !== 1 || described[0] !== wanted);
  if (strange.length === 0) return [];
  const perhaps = await perhapsBy(world, /^(VirtualService|ServiceEntry|EnvoyFilter)$/);
  return strange.map(({ name, described, wanted }) => ({
    cause: 'LISTENER_DIFFERS',
    seen: `listener ${name}: ${described.join('; ') || 'no filter chain'}${perhaps}`,
    expected: `one filter chain without conditions: ${wanted}`,
  }));
}
