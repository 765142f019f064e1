import { z } from 'zod';

/**
 * Entries of Envoy's config dump (`GET /config_dump?resource=…`), the fields that the suite reads by name. What Envoy
 * leaves out has its default here; all else stays as Envoy tells it.
 */

const socketAddress = z.looseObject({
  address: z.string().default(''),
  port_value: z.number().default(0),
  ipv4_compat: z.boolean().default(false),
});
const address = z.looseObject({ socket_address: socketAddress.optional() });
export type SocketAddress = z.infer<typeof socketAddress>;

/** What istiod writes of the objects that something comes from. */
const istioMetadata = z.looseObject({
  config: z.string().optional(),
  services: z.array(z.looseObject({ host: z.string(), name: z.string(), namespace: z.string() })).default([]),
  external: z.boolean().default(false),
});
export type IstioMetadata = z.infer<typeof istioMetadata>;
const metadata = z.looseObject({
  filter_metadata: z.looseObject({ istio: istioMetadata.optional() }).optional(),
});

const prefixRange = z.object({ address_prefix: z.string(), prefix_len: z.number().default(0) });
export const chainMatch = z.looseObject({
  destination_port: z.number().optional(),
  prefix_ranges: z.array(prefixRange).default([]),
  server_names: z.array(z.string()).default([]),
  transport_protocol: z.string().optional(),
  application_protocols: z.array(z.string()).default([]),
  direct_source_prefix_ranges: z.array(prefixRange).default([]),
  source_type: z.string().optional(),
  source_prefix_ranges: z.array(prefixRange).default([]),
  source_ports: z.array(z.number()).default([]),
});
export type ChainMatch = z.infer<typeof chainMatch>;

const filter = z.looseObject({
  name: z.string(),
  typed_config: z
    .looseObject({
      '@type': z.string().default(''),
      cluster: z.string().optional(),
      access_log: z.array(z.looseObject({ filter: z.unknown().optional() })).optional(),
    })
    .optional(),
});
const filterChain = z.looseObject({
  name: z.string().default(''),
  filter_chain_match: z.looseObject({}).optional(),
  filters: z.array(filter).default([]),
  metadata: metadata.optional(),
});
export type FilterChain = z.infer<typeof filterChain>;

const chained = z.looseObject({
  filter_chains: z.array(filterChain).default([]),
  default_filter_chain: filterChain.optional(),
});
const listener = chained.extend({
  name: z.string(),
  address: address.optional(),
  additional_addresses: z.array(z.looseObject({ address: address.optional() })).default([]),
  filter_chain_matcher: z.unknown().optional(),
  listener_filters: z
    .array(z.looseObject({ name: z.string(), filter_disabled: z.unknown().optional() }))
    .default([]),
  use_original_dst: z.boolean().default(false),
  traffic_direction: z.string().optional(),
});
export type Listener = z.infer<typeof listener>;

const listenerEntry = z.looseObject({
  // Envoy repeats a rejected update in an entry without a name.
  name: z.string().default(''),
  active_state: z.looseObject({ listener: listener.optional() }).optional(),
  error_state: z.looseObject({ details: z.string().default('') }).optional(),
});

/** Listeners with what Envoy took of them, and why it rejected the latest. */
export function listenerEntries(entries: readonly unknown[]): z.infer<typeof listenerEntry>[] {
  return entries.map((entry) => listenerEntry.parse(entry));
}

export function activeListeners(entries: readonly unknown[]): Listener[] {
  return listenerEntries(entries).flatMap(({ active_state }) => active_state?.listener ?? []);
}

/** All filter chains of a listener, the default one last. */
export function chainsOf(listener: unknown): FilterChain[] {
  const { filter_chains, default_filter_chain } = chained.parse(listener);
  return [...filter_chains, ...(default_filter_chain === undefined ? [] : [default_filter_chain])];
}

const loadAssignment = z.looseObject({
  cluster_name: z.string().default(''),
  endpoints: z
    .array(
      z.looseObject({
        lb_endpoints: z
          .array(z.looseObject({ endpoint: z.looseObject({ address: address.optional() }).optional() }))
          .default([]),
      }),
    )
    .default([]),
});
type LoadAssignment = z.infer<typeof loadAssignment>;

const transportSocket = z.looseObject({ name: z.string() });
const cluster = z.looseObject({
  name: z.string(),
  alt_stat_name: z.string().default(''),
  type: z.string().default('STATIC'),
  connect_timeout: z.string().optional(),
  transport_socket: transportSocket.optional(),
  transport_socket_matches: z
    .array(z.looseObject({ transport_socket: transportSocket.optional() }))
    .default([]),
  circuit_breakers: z
    .looseObject({
      thresholds: z.array(z.looseObject({ max_connections: z.number().optional() })).default([]),
    })
    .optional(),
  upstream_bind_config: z
    .looseObject({ source_address: z.looseObject({ address: z.string().default('') }).optional() })
    .optional(),
  outlier_detection: z.unknown().optional(),
  load_assignment: loadAssignment.optional(),
  original_dst_lb_config: z.looseObject({ upstream_port_override: z.number().optional() }).optional(),
  metadata: metadata.optional(),
});
export type EnvoyCluster = z.infer<typeof cluster>;
const clusterEntry = z.looseObject({ cluster });

export function clustersIn(entries: readonly unknown[]): EnvoyCluster[] {
  return entries.map((entry) => clusterEntry.parse(entry).cluster);
}

/** What istiod told Envoy of clusters' endpoints (EDS). */
export function loadAssignmentsIn(configs: readonly unknown[]): LoadAssignment[] {
  return configs.map((config) => loadAssignment.parse(config));
}

const routeConfig = z.looseObject({
  name: z.string().default(''),
  virtual_hosts: z.array(z.unknown()).default([]),
});
export type RouteConfig = z.infer<typeof routeConfig>;
const routeEntry = z.looseObject({ route_config: routeConfig });

export function routeConfigsIn(entries: readonly unknown[]): RouteConfig[] {
  return entries.map((entry) => routeEntry.parse(entry).route_config);
}
