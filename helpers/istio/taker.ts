import { isIPv6, SocketAddress } from 'node:net';
import { z } from 'zod';
import { networkHolds } from '../network.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import {
  activeListeners,
  chainMatch,
  listenerEntries,
  type ChainMatch,
  type FilterChain,
  type Listener,
} from './config-dump.ts';

/**
 * What takes a connection: which of Envoy's listeners, which of its filter chains, and what that does with it. Computed
 * from Envoy's config dump (`GET /config_dump?resource=dynamic_listeners`), by the rules Envoy itself follows:
 * - A redirected connection reaches `virtualOutbound`, which hands it to the listener of its original destination: the
 *   one of that very address, else the one of the wildcard address, else itself (`use_original_dst`, listener.proto).
 * - Within a listener, filter chains are compared criterion by criterion in a fixed order; the most specific match of each
 *   criterion wins, and there is no way back (FilterChainMatch, listener_components.proto).
 */
export interface Taker {
  /** e.g. `10.42.0.11_3128`, `0.0.0.0_8080`, `virtualOutbound`. */
  readonly listener: string;
  /** Whether the listener is that of the very address, of every address on its port, or the one for all the rest. */
  readonly reach: 'address' | 'port' | 'rest';
  /** Name of the filter chain; `default` for a default chain without a name, '' for another one without. */
  readonly chain: string;
  readonly handling: Handling;
  /** Where the listener looks at the first bytes, and other ones than the client's would go another way. */
  readonly otherwise: Handling | undefined;
  /** The object in whose name istiod made the filter chain, `Kind namespace/name`; listeners of services name none. */
  readonly madeBy: string | undefined;
  /** What of the match depends on something unknown here, e.g. the client's port. */
  readonly undecided: readonly string[];
}

/** What a filter chain does with a connection: the last of its network filters decides. */
export type Handling = TcpHandling | HttpHandling | OtherHandling;

export interface TcpHandling {
  readonly kind: 'tcp';
  /** One cluster, or several with weights. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Envoy makes a CONNECT (or POST) of its own to this host and port. */
  readonly tunnelTo: string | undefined;
  /** ms without a byte after which Envoy closes; undefined: Envoy's default of an hour; 0: never. */
  readonly idleTimeoutMs: number | undefined;
  /** ms after which Envoy closes whatever happens. */
  readonly maxDurationMs: number | undefined;
  readonly maxConnectAttempts: number;
  /** A log line is written when the connection is made or goes on, besides the one at its end. */
  readonly logsEarly: boolean;
  readonly accessLogs: readonly unknown[];
  readonly filtersBefore: readonly string[];
}

export interface HttpHandling {
  readonly kind: 'http';
  /** Name of the route configuration, as in the dump of dynamic_route_configs; undefined when it is inline. */
  readonly routeConfig: string | undefined;
  readonly accessLogs: readonly unknown[];
  readonly filtersBefore: readonly string[];
}

/** `none`: no filter chain matches, so Envoy closes the connection (response flag NR). */
export interface OtherHandling {
  readonly kind: 'none' | 'unknown';
  /** Why, or the filter that is not known here. */
  readonly what: string;
}

/** A listener of istiod's that Envoy did not take; the one it had before stays in force, if there was one. */
export interface RejectedListener {
  readonly name: string;
  /** Envoy's own words. */
  readonly details: string;
  /** Whether another listener of the name is at work. */
  readonly activeBefore: boolean;
}

/** What Envoy can see of a client: a proxy's client speaks HTTP/1.1 in plain text (CONNECT). */
export interface Client {
  readonly speaks: 'http/1.1' | 'tls' | 'other';
  readonly address?: Endpoint;
}

const tcpProxy = z.looseObject({
  cluster: z.string().optional(),
  weighted_clusters: z
    .looseObject({ clusters: z.array(z.looseObject({ name: z.string(), weight: z.number().default(0) })) })
    .optional(),
  tunneling_config: z.looseObject({ hostname: z.string().default('') }).optional(),
  idle_timeout: z.string().optional(),
  max_downstream_connection_duration: z.string().optional(),
  max_connect_attempts: z.number().default(1),
  access_log: z.array(z.unknown()).default([]),
  access_log_flush_interval: z.string().optional(),
  flush_access_log_on_connected: z.boolean().default(false),
  access_log_options: z
    .looseObject({
      access_log_flush_interval: z.string().optional(),
      flush_access_log_on_connected: z.boolean().default(false),
    })
    .optional(),
});
const httpConnectionManager = z.looseObject({
  rds: z.looseObject({ route_config_name: z.string().default('') }).optional(),
  access_log: z.array(z.unknown()).default([]),
});

/**
 * What would take a connection from a client of this sidecar to `to` now.
 * @param entries Of the dump of dynamic listeners, as Envoy tells them
 * @returns undefined when the sidecar has no listener for outbound connections at all
 */
export function takerOf(
  entries: readonly unknown[],
  to: Endpoint,
  client: Client = { speaks: 'http/1.1' },
): Taker | undefined {
  const found = listenerFor(activeListeners(entries), to);
  if (found === undefined) return undefined;
  const chosen = chainFor(found.listener, to, client);
  const handling = handlingOf(chosen);
  const other = chainFor(found.listener, to, { ...client, speaks: 'other' });
  return {
    listener: found.listener.name,
    reach: found.reach,
    chain: chosen.chain === undefined ? '' : chosen.chain.name || (chosen.isDefault ? 'default' : ''),
    handling,
    otherwise: other.chain === chosen.chain ? undefined : handlingOf(other),
    madeBy: objectOf(chosen.chain?.metadata?.filter_metadata?.istio?.config),
    undecided: chosen.undecided,
  };
}

/** The listeners that Envoy did not take, with its reasons. */
export function rejectedListeners(entries: readonly unknown[]): RejectedListener[] {
  return listenerEntries(entries).flatMap(({ name, active_state, error_state }) => {
    if (error_state === undefined || name === '') return [];
    return [{ name, details: inShort(error_state.details), activeBefore: active_state !== undefined }];
  });
}

/** Envoy prints the whole message that it rejects before it says why, in its last line. */
function inShort(details: string): string {
  const last = details.trim().split('\n').at(-1) ?? '';
  return last.replace(/^[}\s]*:\s*/, '');
}

/** An object by the path that istiod writes into metadata: `/apis/GROUP/VERSION/namespaces/NS/destination-rule/NAME`. */
export function objectOf(path: string | undefined): string | undefined {
  const [, namespace, kind, name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path ?? '') ?? [];
  if (namespace === undefined || kind === undefined || name === undefined) return undefined;
  const words = kind.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')} ${namespace}/${name}`;
}

/** Envoy's way to write a duration, e.g. `0.500s`, in ms. */
export function durationMs(text: string | undefined): number | undefined {
  const seconds = /^(-?\d+(?:\.\d+)?)s$/.exec(text ?? '')?.[1];
  return seconds === undefined ? undefined : Math.round(Number(seconds) * 1000);
}

function listenerFor(
  active: readonly Listener[],
  to: Endpoint,
): { readonly listener: Listener; readonly reach: Taker['reach'] } | undefined {
  const on = (test: (address: string, ipv4Compat: boolean) => boolean): Listener | undefined =>
    active.find((one) =>
      [one.address, ...one.additional_addresses.map(({ address }) => address)].some((each) => {
        const { address = '', port_value = 0, ipv4_compat = false } = each?.socket_address ?? {};
        return port_value === to.port && test(address, ipv4_compat);
      }),
    );
  const exact = on((address) => address !== '' && canonical(address) === canonical(to.ip));
  if (exact !== undefined) return { listener: exact, reach: 'address' };
  const wildcard = isIPv6(to.ip)
    ? on((address) => address === '::')
    : (on((address) => address === '0.0.0.0') ?? on((address, compat) => address === '::' && compat));
  if (wildcard !== undefined && !wildcard.use_original_dst) return { listener: wildcard, reach: 'port' };
  const rest = active.find((one) => one.use_original_dst && one.traffic_direction !== 'INBOUND');
  return rest === undefined ? undefined : { listener: rest, reach: 'rest' };
}

function canonical(ip: string): string {
  return isIPv6(ip) ? new SocketAddress({ address: ip, family: 'ipv6' }).address : ip;
}

interface Chosen {
  readonly chain: FilterChain | undefined;
  readonly isDefault: boolean;
  readonly undecided: readonly string[];
  readonly why: string;
}

function chainFor(found: Listener, to: Endpoint, client: Client): Chosen {
  const seen = seenBy(found, to, client);
  const undecided = new Set<string>();
  if (found.filter_chain_matcher !== undefined) undecided.add('the listener chooses by a matcher tree');
  let left = found.filter_chains.map((chain) => ({
    chain,
    match: chainMatch.parse(chain.filter_chain_match ?? {}),
  }));
  for (const score of criteria(to, client, seen, undecided)) {
    const scored = left.map((one) => ({ one, points: score(one.match) }));
    const best = Math.max(-1, ...scored.map(({ points }) => points));
    left = best < 0 ? [] : scored.filter(({ points }) => points === best).map(({ one }) => one);
  }
  const [first] = left;
  if (first !== undefined) {
    return { chain: first.chain, isDefault: false, undecided: [...undecided], why: '' };
  }
  const { default_filter_chain: byDefault } = found;
  return {
    chain: byDefault,
    isDefault: byDefault !== undefined,
    undecided: [...undecided],
    why: `no filter chain of ${found.name} matches`,
  };
}

/** What the listener filters make known of a connection before a chain is chosen. */
interface Seen {
  readonly transport: 'raw_buffer' | 'tls';
  readonly protocols: readonly string[];
}

function seenBy(found: Listener, to: Endpoint, { speaks }: Client): Seen {
  const inspects = (name: string): boolean =>
    found.listener_filters.some(
      (filter) => filter.name.includes(name) && !disabled(filter.filter_disabled, to.port),
    );
  return {
    transport: speaks === 'tls' && inspects('tls_inspector') ? 'tls' : 'raw_buffer',
    protocols: speaks === 'http/1.1' && inspects('http_inspector') ? ['http/1.1'] : [],
  };
}

const portRange = z.object({ start: z.number(), end: z.number() });

/** ListenerFilterChainMatchPredicate, of which Istio uses ranges of ports. */
function disabled(predicate: unknown, port: number): boolean {
  if (typeof predicate !== 'object' || predicate === null) return false;
  const [[kind, value] = ['', undefined]] = Object.entries(predicate) as [string, unknown][];
  const rules = (): unknown[] => z.object({ rules: z.array(z.unknown()) }).parse(value).rules;
  switch (kind) {
    case 'any_match':
      return value === true;
    case 'or_match':
      return rules().some((rule) => disabled(rule, port));
    case 'and_match':
      return rules().every((rule) => disabled(rule, port));
    case 'not_match':
      return !disabled(value, port);
    case 'destination_port_range': {
      const { start, end } = portRange.parse(value);
      return port >= start && port < end;
    }
    default:
      return false;
  }
}

/** Of one criterion: -1 does not match, 0 does not ask, and the more the more specific. */
type Score = (match: ChainMatch) => number;

/** In Envoy's order. */
function criteria(to: Endpoint, { address }: Client, seen: Seen, undecided: Set<string>): readonly Score[] {
  const needsClient = (what: string): number => {
    undecided.add(`it depends on the client's ${what}`);
    return -1;
  };
  const fromClient = (ranges: ChainMatch['prefix_ranges']): number => {
    if (ranges.length === 0) return 0;
    return address === undefined ? needsClient('address') : longestPrefix(ranges, address.ip);
  };
  return [
    ({ destination_port: port }) => (port === undefined ? 0 : port === to.port ? 1 : -1),
    ({ prefix_ranges: ranges }) => (ranges.length === 0 ? 0 : longestPrefix(ranges, to.ip)),
    // A client of an HTTP proxy does not say a server's name to the sidecar.
    ({ server_names: names }) => (names.length === 0 ? 0 : -1),
    ({ transport_protocol: name }) =>
      name === undefined || name === '' ? 0 : name === seen.transport ? 1 : -1,
    ({ application_protocols: names }) =>
      names.length === 0 ? 0 : names.some((name) => seen.protocols.includes(name)) ? 1 : -1,
    ({ direct_source_prefix_ranges: ranges }) => fromClient(ranges),
    ({ source_type: type = 'ANY' }) => {
      if (type === 'ANY') return 0;
      return (type === 'SAME_IP_OR_LOOPBACK') === (address?.ip === to.ip) ? 1 : -1;
    },
    ({ source_prefix_ranges: ranges }) => fromClient(ranges),
    ({ source_ports: ports }) => {
      if (ports.length === 0) return 0;
      return address === undefined ? needsClient('port') : ports.includes(address.port) ? 1 : -1;
    },
  ];
}

/** 1 + the length of the longest prefix that holds the address, so that /0 counts as asked for; -1 when none does. */
function longestPrefix(ranges: ChainMatch['prefix_ranges'], ip: string): number {
  const lengths = ranges.flatMap(({ address_prefix: prefix, prefix_len: length }) =>
    networkHolds(`${prefix}/${length}`, ip) ? [length + 1] : [],
  );
  return Math.max(-1, ...lengths);
}

function handlingOf({ chain, why }: Chosen): Handling {
  if (chain === undefined) return { kind: 'none', what: why };
  const last = chain.filters.at(-1);
  if (last === undefined) return { kind: 'none', what: 'the filter chain has no filter' };
  const filtersBefore = chain.filters.slice(0, -1).map(({ name }) => name);
  const type = last.typed_config?.['@type'].split('.').at(-1);
  if (type === 'TcpProxy') return tcpHandling(tcpProxy.parse(last.typed_config), filtersBefore);
  if (type === 'HttpConnectionManager') {
    const { rds, access_log } = httpConnectionManager.parse(last.typed_config);
    return { kind: 'http', routeConfig: rds?.route_config_name, accessLogs: access_log, filtersBefore };
  }
  return { kind: 'unknown', what: `${last.name} (${type ?? 'no configuration'})` };
}

function tcpHandling(config: z.infer<typeof tcpProxy>, filtersBefore: readonly string[]): TcpHandling {
  const options = config.access_log_options;
  return {
    kind: 'tcp',
    clusters:
      config.weighted_clusters?.clusters.map(({ name, weight }) => ({ name, weight })) ??
      (config.cluster === undefined ? [] : [{ name: config.cluster, weight: 1 }]),
    tunnelTo: config.tunneling_config?.hostname,
    idleTimeoutMs: durationMs(config.idle_timeout),
    maxDurationMs: durationMs(config.max_downstream_connection_duration),
    maxConnectAttempts: config.max_connect_attempts,
    logsEarly:
      config.flush_access_log_on_connected ||
      config.access_log_flush_interval !== undefined ||
      options?.flush_access_log_on_connected === true ||
      options?.access_log_flush_interval !== undefined,
    accessLogs: config.access_log,
    filtersBefore,
  };
}
