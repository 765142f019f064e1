import { isIPv6 } from 'node:net';
import type { KubernetesObject } from '@kubernetes/client-node';
import { z } from 'zod';
import { createdAt, nameOf } from '../kube/client.ts';
import { networkHolds } from '../network.ts';
import { firstOf } from '../text-table.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { clustersIn, routeConfigsIn, type IstioMetadata, type RouteConfig } from './config-dump.ts';
import { objectOf, type Handling, type Taker } from './taker.ts';

/** Objects of a cluster that can have made what takes a connection. Each has its kind, also when it comes from a list. */
export interface MeshObjects {
  readonly serviceEntries: readonly ServiceEntry[];
  readonly services: readonly Service[];
  readonly sidecars: readonly SidecarResource[];
  /** meshConfig.outboundTrafficPolicy.mode; undefined stands for Istio's default, ALLOW_ANY. */
  readonly outboundTrafficPolicy: string | undefined;
  /** meshConfig.rootNamespace. */
  readonly rootNamespace: string;
}

export interface ServiceEntry extends KubernetesObject {
  readonly spec?: {
    readonly hosts?: readonly string[];
    readonly addresses?: readonly string[];
    readonly ports?: readonly {
      readonly number: number;
      readonly name?: string;
      readonly protocol?: string;
      readonly targetPort?: number;
    }[];
    readonly location?: string;
    readonly resolution?: string;
    readonly exportTo?: readonly string[];
    readonly endpoints?: readonly { readonly address?: string }[];
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  };
  /** Addresses that istiod allocated to its hosts. */
  readonly status?: { readonly addresses?: readonly { readonly host?: string; readonly value?: string }[] };
}

export interface Service extends KubernetesObject {
  readonly spec?: {
    readonly clusterIPs?: readonly string[];
    readonly externalName?: string;
    readonly ports?: readonly {
      readonly port: number;
      readonly name?: string;
      readonly appProtocol?: string;
    }[];
  };
}

export interface SidecarResource extends KubernetesObject {
  readonly spec?: {
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
    readonly outboundTrafficPolicy?: { readonly mode?: string };
    readonly egress?: readonly {
      readonly port?: { readonly number?: number };
      readonly hosts?: readonly string[];
    }[];
  };
}

/** Whose sidecar it is. */
export interface ClientPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Who in the cluster put a taker there. */
export interface Makers {
  /** ServiceEntries and Services whose clusters the connection goes to, `Kind namespace/name`. */
  readonly destinations: readonly string[];
  /** Objects that change the way or its limits: VirtualService, DestinationRule, EnvoyFilter. */
  readonly rules: readonly string[];
  /** What decides over everything that is not registered: a Sidecar resource, or `meshConfig`; undefined where it does not matter. */
  readonly policy: { readonly object: string; readonly mode: string } | undefined;
}

/** Dumps of dynamic_active_clusters and dynamic_route_configs, entries as Envoy tells them. */
export interface Dumps {
  readonly clusters: readonly unknown[];
  readonly routes: readonly unknown[];
}

/** Who in the cluster put this taker there, by the metadata that istiod writes into clusters and filter chains. */
export function makersOf(taker: Taker, dumps: Dumps, objects: MeshObjects, client: ClientPod): Makers {
  const names = clusterNames(taker.handling, dumps);
  const metadata = names.map((name) => metadataOf(name, dumps.clusters));
  const destinations = metadata.flatMap(({ services, external }) =>
    services.flatMap((service) => registeredBy(service, external, objects)),
  );
  const configs = [taker.madeBy, ...metadata.map(({ config }) => objectOf(config))];
  return {
    destinations: unique(destinations),
    rules: unique(configs.filter((name) => name !== undefined)),
    policy: names.some((name) => name === 'PassthroughCluster' || name === 'BlackHoleCluster')
      ? policyFor(objects, client)
      : undefined,
  };
}

/** Clusters that a connection can end in. Of an HTTP listener, all those of its routes. */
function clusterNames(handling: Handling, { routes }: Dumps): readonly string[] {
  if (handling.kind === 'tcp') return handling.clusters.map(({ name }) => name);
  if (handling.kind !== 'http') return [];
  const { virtual_hosts: hosts = [] } = routesNamed(handling.routeConfig, routes) ?? {};
  const all = unique(routedTo(hosts));
  // Every HTTP listener has the way out of the mesh's policy too; it is not why the listener is there.
  const registered = all.filter((name) => name.startsWith('outbound'));
  return registered.length === 0 ? all : registered;
}

function routesNamed(name: string | undefined, routes: readonly unknown[]): RouteConfig | undefined {
  return routeConfigsIn(routes).find((config) => config.name === name);
}

/** Every `cluster` (and name of a weighted one) anywhere in a route configuration. */
function routedTo(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(routedTo);
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'cluster' && typeof inner === 'string'
      ? [inner]
      : key === 'weighted_clusters'
        ? namesIn(inner)
        : routedTo(inner),
  );
}

function namesIn(weighted: unknown): string[] {
  const parsed = z
    .looseObject({ clusters: z.array(z.looseObject({ name: z.string() })) })
    .safeParse(weighted);
  return parsed.success ? parsed.data.clusters.map(({ name }) => name) : [];
}

/**
 * Whether an HTTP listener's routes have one for CONNECT: a request without a path, which prefixes never match.
 * Undefined when the dump does not have them.
 */
export function routesConnect(taker: Taker, { routes }: Pick<Dumps, 'routes'>): boolean | undefined {
  if (taker.handling.kind !== 'http') return undefined;
  const config = routesNamed(taker.handling.routeConfig, routes);
  return config === undefined ? undefined : JSON.stringify(config).includes('"connect_matcher"');
}

function metadataOf(name: string, clusters: readonly unknown[]): IstioMetadata {
  const found = clustersIn(clusters).find((one) => one.name === name);
  const metadata = found?.metadata?.filter_metadata?.istio;
  if (metadata !== undefined && metadata.services.length > 0) return metadata;
  // outbound|PORT|SUBSET|HOST
  const host = name.startsWith('outbound|') ? name.split('|')[3] : undefined;
  const services = host === undefined ? [] : [{ host, name: host, namespace: '' }];
  return { external: false, ...metadata, services };
}

function registeredBy(
  { host, name, namespace }: IstioMetadata['services'][number],
  external: boolean,
  { serviceEntries, services }: MeshObjects,
): string[] {
  const within = ({ metadata }: KubernetesObject): boolean =>
    namespace === '' || metadata?.namespace === namespace;
  const entries = serviceEntries.filter(
    (entry) => within(entry) && entry.spec?.hosts?.includes(host) === true,
  );
  if (entries.length > 0) return oldestFirst(entries).map(nameOf);
  const own = services.find(
    (service) =>
      within(service) &&
      (service.metadata?.name === name || host.startsWith(`${service.metadata?.name ?? '?'}.`)),
  );
  if (own !== undefined) return [nameOf(own)];
  const kind = external ? 'ServiceEntry' : 'Service';
  return [namespace === '' ? `host ${host}` : `${kind} for ${host} in ${namespace}`];
}

/** Whether something has all the labels that are wanted. */
export function selects(
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** The Sidecar resource that applies to a workload, as Istio chooses it; undefined when none does. */
export function sidecarResourceFor(
  { sidecars, rootNamespace }: Pick<MeshObjects, 'sidecars' | 'rootNamespace'>,
  { namespace, labels }: ClientPod,
): SidecarResource | undefined {
  const [own = [], root = []] = [namespace, rootNamespace].map((name) =>
    oldestFirst(sidecars.filter(({ metadata }) => metadata?.namespace === name)),
  );
  const chooses = ({ spec }: SidecarResource): boolean => {
    const wanted = spec?.workloadSelector?.labels ?? {};
    return Object.keys(wanted).length > 0 && selects(wanted, labels);
  };
  const forAll = ({ spec }: SidecarResource): boolean => spec?.workloadSelector === undefined;
  return own.find(chooses) ?? own.find(forAll) ?? root.find(forAll);
}

/**
 * Whether a Sidecar resource lets its workloads see a host of a namespace: `NAMESPACE/HOST`, with `*`, `.` (the workload's own) or
 * `~` (none) for the first, and a wildcard like `*.com` for the second. Without egress it imports everything.
 */
export function importsHost(
  { spec }: SidecarResource,
  { namespace, host }: { readonly namespace: string; readonly host: string },
  clientNamespace: string,
): boolean {
  if (spec?.egress === undefined || spec.egress.length === 0) return true;
  return spec.egress
    .flatMap(({ hosts = [] }) => hosts)
    .some((one) => {
      const [from = '', pattern = ''] = one.split('/');
      const here = from === '*' || from === namespace || (from === '.' && namespace === clientNamespace);
      return here && hostMatches(pattern, host);
    });
}

/** `*`, `*.com` or the host itself. */
export function hostMatches(pattern: string, host: string): boolean {
  return pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

function policyFor(objects: MeshObjects, client: ClientPod): NonNullable<Makers['policy']> {
  const resource = sidecarResourceFor(objects, client);
  const policy = resource?.spec?.outboundTrafficPolicy;
  if (resource === undefined || policy === undefined) {
    return { object: 'meshConfig', mode: objects.outboundTrafficPolicy ?? 'ALLOW_ANY' };
  }
  // The field's default is the enum's first value: an empty block closes the mesh.
  return { object: nameOf(resource), mode: policy.mode ?? 'REGISTRY_ONLY' };
}

/** A ServiceEntry that leads connections to an address. */
export interface Claimant {
  readonly entry: ServiceEntry;
  /** `ServiceEntry namespace/name` */
  readonly name: string;
  readonly host: string;
  /** By the address itself, one that istiod allocated, a range that holds it, every address of the port, or an endpoint. */
  readonly by: (typeof claims)[number];
  readonly protocol: string;
}

/** The stronger first. By `endpoint` an entry leads to the address only for who asks for its host. */
const claims = ['address', 'allocated', 'range', 'every address', 'endpoint'] as const;

/**
 * The ServiceEntries that claim an address and port for a client; the first is the one that gets it. Of several for the
 * same address istiod takes the older one, and of those of one second the one whose host comes first in the alphabet
 * (SortServicesByCreationTime in istio.io/istio, pilot/pkg/model/push_context.go; seen live on 1.29.1).
 */
export function claimantsOf(
  entries: readonly ServiceEntry[],
  { ip, port }: Endpoint,
  clientNamespace: string,
): Claimant[] {
  const found = entries.flatMap((entry): Claimant[] => {
    const { spec, status, metadata } = entry;
    const listed = spec?.ports?.find(({ number }) => number === port);
    if (listed === undefined || !visibleTo(clientNamespace, spec?.exportTo, metadata?.namespace)) return [];
    const allocated = status?.addresses?.find(({ value }) => value === ip);
    const by = claimOf(spec, allocated !== undefined, ip, listed.protocol);
    if (by === undefined) return [];
    // Of an entry's hosts as of entries of one second.
    const host = allocated?.host ?? [...(spec?.hosts ?? [])].sort(compare)[0] ?? '';
    return [{ entry, name: nameOf(entry), host, by, protocol: listed.protocol ?? '' }];
  });
  return found.sort(
    (a, b) =>
      claims.indexOf(a.by) - claims.indexOf(b.by) ||
      createdAt(a.entry) - createdAt(b.entry) ||
      compare(a.host, b.host) ||
      compare(a.name, b.name),
  );
}

function claimOf(
  spec: ServiceEntry['spec'],
  allocated: boolean,
  ip: string,
  protocol: string | undefined,
): Claimant['by'] | undefined {
  const addresses = spec?.addresses ?? [];
  if (addresses.some((one) => isAddress(one, ip))) return 'address';
  if (allocated) return 'allocated';
  if (addresses.some((one) => networkHolds(one, ip))) return 'range';
  if (spec?.endpoints?.some(({ address }) => address === ip) === true) return 'endpoint';
  return addresses.length === 0 && isTcp(protocol) ? 'every address' : undefined;
}

/** Whether `exportTo` lets a namespace see an object of `own`; without it everybody does. */
export function visibleTo(client: string, exportTo: readonly string[] | undefined, own = ''): boolean {
  if (exportTo === undefined || exportTo.length === 0) return true;
  return exportTo.some((to) => to === '*' || to === client || (to === '.' && own === client));
}

/** Whether an entry's address is just this one. */
export function isAddress(address: string, ip: string): boolean {
  return address === ip || address === `${ip}/${isIPv6(ip) ? 128 : 32}`;
}

function isTcp(protocol = 'TCP'): boolean {
  return !/^(HTTP|HTTP2|GRPC|GRPC-WEB|HTTP_PROXY|UDP)$/i.test(protocol);
}

/** One sentence for a person: what takes the connection, and because of what. */
export function sentenceOf(taker: Taker, makers: Makers, connects?: boolean): string {
  const { listener, handling } = taker;
  const because = firstOf(makers.destinations, 3);
  switch (handling.kind) {
    case 'none':
      return `listener ${listener} takes it and closes it: ${handling.what}`;
    case 'unknown':
      return `listener ${listener} hands it to a filter that is not known here, ${handling.what}`;
    case 'http':
      return [
        `HTTP listener ${listener} takes it`,
        because === '' ? '' : `, because of ${because}`,
        connects === false ? '; it has no route for CONNECT, and answers 404' : '',
      ].join('');
    case 'tcp':
      return handling.clusters.some(
        ({ name }) => name === 'BlackHoleCluster' || name === 'PassthroughCluster',
      )
        ? outside(taker, makers)
        : inside(taker, makers);
  }
}

function outside({ listener, reach, handling }: Taker, { policy }: Makers): string {
  const where = policy === undefined ? '' : ` (${policy.mode}, ${policy.object})`;
  const listening =
    reach === 'rest' ? 'no listener has this address' : `listener ${listener} has no rule for it`;
  const blocked = handling.kind === 'tcp' && handling.clusters[0]?.name === 'BlackHoleCluster';
  return blocked
    ? `goes to BlackHoleCluster: ${listening}, and this mesh only lets registered destinations out${where}`
    : `goes to PassthroughCluster: ${listening}, and this mesh lets everything out${where}`;
}

function inside({ listener, handling, reach }: Taker, { destinations, rules }: Makers): string {
  if (handling.kind !== 'tcp') return '';
  const clusters = handling.clusters.map(({ name, weight }) =>
    handling.clusters.length > 1 ? `${name} (weight ${weight})` : name,
  );
  return [
    `listener ${listener} hands it as TCP to ${clusters.join(', ') || 'no cluster'}`,
    destinations.length === 0 ? '' : `, because of ${firstOf(destinations, 3)}`,
    reach === 'port' ? ', which takes this port of more addresses than its own' : '',
    handling.tunnelTo === undefined ? '' : `; the sidecar makes a CONNECT of its own to ${handling.tunnelTo}`,
    rules.length === 0 ? '' : ` (${firstOf(rules, 3)})`,
  ].join('');
}

/** By age, then by name, as istiod orders its configuration. */
function oldestFirst<T extends KubernetesObject>(objects: readonly T[]): T[] {
  const key = ({ metadata }: T): string => `${metadata?.name ?? ''}.${metadata?.namespace ?? ''}`;
  return [...objects].sort((a, b) => createdAt(a) - createdAt(b) || compare(key(a), key(b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
