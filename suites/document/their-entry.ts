import {
  claimantsOf,
  visibleTo,
  type Claimant,
  type ServiceEntry,
} from '../../helpers/istio/taker-makers.ts';
import { clusters } from '../../helpers/istio/sidecar.ts';
import type { CauseCode } from '../../helpers/causes/causes.ts';
import { clusterName } from '../../helpers/document/edition.ts';
import { nameOf } from '../../helpers/kube/client.ts';
import type { Endpoint } from '../../helpers/trip/endpoint.ts';
import { fail } from './must.ts';
import type { World } from './world.ts';

/** As Envoy calls how a cluster finds its hosts. */
export type ClusterType = 'ORIGINAL_DST' | 'STRICT_DNS' | 'LOGICAL_DNS' | 'EDS';

/** How the mesh is led to the proxy: what the ServiceEntry must say, and what Envoy must make of it. */
export interface Entry {
  readonly host: string;
  /** As the entry has them, with their prefix; none where the sidecar resolves the host itself. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly protocol: 'TCP';
  /** NONE: the sidecar connects to the very address that the client asks for. DNS: it looks the host up. */
  readonly resolution: string;
  /** Envoy's cluster for it, as the sidecar's log and configuration have it. */
  readonly cluster: { readonly name: string; readonly type: ClusterType };
  /** Addresses that the sidecar listens on for it; without addresses it takes whatever goes to the port. */
  readonly listensOn: readonly string[];
}

/** What is asked of the entries of a mesh: which of them lead to the proxy. */
export interface Asked {
  /** `auto`, `own` or NAMESPACE/NAME. */
  readonly entry: string;
  /** Where the client connects to; a proxy by name has one address here, which may change. */
  readonly to: Endpoint;
  readonly name: string | undefined;
  readonly clientNamespace: string;
  /** Where none is the proxy's own, those of a range or a whole port: for a client from which the document's is not tried. */
  readonly wide?: boolean;
}

/**
 * The ServiceEntries of the mesh that lead the client to its proxy, by the proxy's own address or name; the first is the
 * one that Istio takes. A range or a whole port that covers the proxy among others is not the proxy's entry.
 * `--entry NAMESPACE/NAME` is among them whatever it says: then what it says is judged.
 */
export function entriesFor(entries: readonly ServiceEntry[], asked: Asked): readonly Claimant[] {
  const { entry, to, name, clientNamespace } = asked;
  if (entry === 'own') return [];
  const claimants = claimantsOf(entries, to, clientNamespace);
  const byAddress = claimants
    .filter(({ by }) => by === 'address' || by === 'allocated')
    // An HTTP one has the listener of every address, which the address's own goes before.
    .sort((a, b) => Number(speaksHttp(a)) - Number(speaksHttp(b)));
  const byName = name === undefined ? [] : namedBy(entries, name, to.port, clientNamespace);
  const found = [...byAddress, ...byName.filter((one) => !byAddress.some(isSame(one)))];
  if (found.length === 0 && asked.wide === true) return claimants.filter(({ by }) => by !== 'endpoint');
  if (entry === 'auto' || found.some((one) => one.name === `ServiceEntry ${entry}`)) return found;
  const [chosen] = entries.filter(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === entry);
  return chosen === undefined ? found : [claimant(chosen, to.port, name)];
}

function namedBy(
  entries: readonly ServiceEntry[],
  name: string,
  port: number,
  clientNamespace: string,
): readonly Claimant[] {
  return entries
    .filter(({ spec, metadata }) => {
      const listed = spec?.ports?.some(({ number }) => number === port) === true;
      const visible = visibleTo(clientNamespace, spec?.exportTo, metadata?.namespace);
      return spec?.hosts?.includes(name) === true && listed && visible;
    })
    .map((entry) => claimant(entry, port, name))
    .sort((a, b) => created(a) - created(b));
}

function claimant(entry: ServiceEntry, port: number, name: string | undefined): Claimant {
  const { hosts = [], ports = [] } = entry.spec ?? {};
  const host = hosts.find((one) => one === name) ?? hosts[0] ?? '';
  const protocol = ports.find(({ number }) => number === port)?.protocol ?? '';
  return { entry, name: nameOf({ ...entry, kind: 'ServiceEntry' }), host, by: 'every address', protocol };
}

function speaksHttp({ protocol }: Claimant): boolean {
  return /^(HTTP|HTTP2|GRPC|GRPC-WEB)$/i.test(protocol);
}

function isSame({ name }: Claimant): (other: Claimant) => boolean {
  return (other) => other.name === name;
}

function created({ entry }: Claimant): number {
  return new Date(entry.metadata?.creationTimestamp ?? 0).getTime();
}

/** The entries of the mesh for the proxy; none where the document's is to be applied. */
export async function theirEntriesOf(world: World): Promise<readonly Claimant[]> {
  const known = world.theirEntries.known();
  if (known !== undefined) return known;
  const found = await askEntries(world);
  world.theirEntries.set(found);
  return found;
}

async function askEntries(world: World): Promise<readonly Claimant[]> {
  const { proxy, configuration, existing } = world.session;
  if (proxy.kind !== 'given' || existing === undefined || configuration.entry === 'own') return [];
  const { items } = await world.kube.objects.list('networking.istio.io/v1', 'ServiceEntry');
  // What is in the client's namespace is the suite's.
  const theirs = items.filter(({ metadata }) => metadata?.namespace !== world.namespaces.mesh);
  const found = entriesFor(theirs, {
    entry: configuration.entry,
    to: world.proxy(),
    name: proxy.name?.replace(/\.$/, ''),
    clientNamespace: world.clientNamespace,
    wide: world.givenClient !== undefined,
  });
  if (found.length === 0 || configuration.entry !== 'auto') return found;
  // A Sidecar resource of the mesh may hide an entry from the client: then its sidecar does not have the cluster.
  const pod = world.clientPod();
  const held = new Set((await clusters(world.kube, pod)).map(({ name }) => name));
  return found.filter(({ host }) => held.has(clusterName(host, proxy.port)));
}

/** The entry of the mesh that is judged instead of the document's; undefined where the document's is applied. */
export function theirEntry(world: World): Claimant | undefined {
  return world.theirEntries.known()?.[0];
}

/** Of several entries for the proxy, which one Istio takes and why. */
export function toldRivals([first, ...others]: readonly Claimant[]): string | undefined {
  const [second] = others;
  if (first === undefined || second === undefined) return undefined;
  const why =
    first.by !== second.by
      ? 'it has the address itself'
      : speaksHttp(first) !== speaksHttp(second)
        ? 'it is TCP, and so has a listener of that address'
        : created(first) < created(second)
          ? 'it is older'
          : 'they are of the same second, and its host comes first in the alphabet';
  return `${first.name} wins over ${others.map(({ name }) => name).join(', ')}: ${why}`;
}

/** What Envoy must make of an entry of the mesh that is like the document's. */
export function entryOfTheirs(
  { entry, host, by }: Claimant,
  { port }: Endpoint,
  ips: readonly string[],
): Entry {
  const { addresses = [], resolution = 'NONE' } = entry.spec ?? {};
  return {
    host,
    addresses,
    port,
    protocol: 'TCP',
    resolution,
    cluster: { name: clusterName(host, port), type: typeOf(resolution) },
    listensOn: by === 'address' ? ips : ['0.0.0.0'],
  };
}

/** The type of Envoy's cluster that istiod makes of a resolution. */
function typeOf(resolution: string): ClusterType {
  const types: Readonly<Record<string, ClusterType>> = {
    STATIC: 'EDS',
    DNS: 'STRICT_DNS',
    DNS_ROUND_ROBIN: 'LOGICAL_DNS',
  };
  return types[resolution] ?? 'ORIGINAL_DST';
}

export interface EntryDifference {
  readonly cause: CauseCode;
  readonly field: string;
  readonly seen: unknown;
  readonly expected: unknown;
}

/** The first in which an entry of the mesh is not like the document's; undefined for one that is. */
export function entryDifference(
  entry: ServiceEntry,
  endpoints: readonly Endpoint[],
  name: string | undefined,
  clientNamespace: string,
): EntryDifference | undefined {
  const { hosts = [], addresses = [], ports = [], exportTo = [], ...rest } = entry.spec ?? {};
  const [{ port } = { port: 0 }] = endpoints;
  const listed = ports.find(({ number }) => number === port);
  const { location = 'MESH_EXTERNAL', resolution = 'NONE', endpoints: own = [] } = rest;
  const { protocol = '(none)', targetPort = port } = listed ?? {};
  const visible = visibleTo(clientNamespace, exportTo, entry.metadata?.namespace);
  const leads = endpoints.every((to) => {
    // A range holds the proxy among others: the document's entry is for the proxy alone.
    return claimantsOf([entry], to, clientNamespace)[0]?.by === 'address';
  });
  const byName = name !== undefined && addresses.length === 0;
  // Its own addresses as endpoints lead where the client asks to go; of several, another one than the client's is taken.
  const [to, ...more] = endpoints;
  const toItself = more.length === 0 && own.every(({ address }) => address === to?.ip);
  const resolves =
    resolution === 'NONE' ||
    (resolution === 'STATIC' && own.length > 0 && toItself) ||
    // Where the name leads, the request itself shows: the sidecar must connect to the proxy's address.
    (/^DNS(_ROUND_ROBIN)?$/.test(resolution) && more.length === 0);
  const resolutions = more.length === 0 ? 'NONE, DNS, or STATIC with the proxy as its endpoint' : 'NONE';
  const rules: readonly (readonly [
    CauseCode,
    field: string,
    seen: unknown,
    expected: unknown,
    sound: boolean,
  ])[] = [
    ['SERVICE_ENTRY_PORT', 'ports', ports, `port ${port}`, listed !== undefined],
    ['SERVICE_ENTRY_PROTOCOL', `protocol of port ${port}`, protocol, 'TCP', protocol.toUpperCase() === 'TCP'],
    ['SERVICE_ENTRY_PORT', `targetPort of port ${port}`, targetPort, port, targetPort === port],
    ['SERVICE_ENTRY_EXPORT', 'exportTo', exportTo, `visible to namespace ${clientNamespace}`, visible],
    byName
      ? ['SERVICE_ENTRY_HOST', 'hosts', hosts, [name], hosts.includes(name)]
      : ['SERVICE_ENTRY_ADDRESS', 'addresses', addresses, endpoints.map(({ ip }) => ip), leads],
    ['SERVICE_ENTRY_DIFFERS', 'location', location, 'MESH_EXTERNAL', location === 'MESH_EXTERNAL'],
    ['SERVICE_ENTRY_DIFFERS', 'resolution', resolution, resolutions, resolves],
    [
      'SERVICE_ENTRY_DIFFERS',
      'endpoints',
      own,
      'none',
      own.length === 0 || (resolution !== 'NONE' && toItself),
    ],
  ];
  const [cause, field, seen, expected] = rules.find(([, , , , sound]) => !sound) ?? [];
  return cause === undefined || field === undefined ? undefined : { cause, field, seen, expected };
}

/** Fails the step where the entry that is judged is not like the document's. Its name, host and further ports are its own. */
export function theirEntryMustBeLikeTheDocuments(world: World, { entry, name }: Claimant): void {
  const { proxy } = world.session;
  const port = world.proxyPort.get();
  const endpoints = world.proxyIps.get().map((ip) => ({ ip, port }));
  const proxyName = proxy.kind === 'given' ? proxy.name?.replace(/\.$/, '') : undefined;
  const found = entryDifference(entry, endpoints, proxyName, world.clientNamespace);
  if (found === undefined) return;
  const { cause, field, seen, expected } = found;
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  fail(cause, `${name}, ${field}: ${text(seen)}`, `${field}: ${text(expected)}`);
}
