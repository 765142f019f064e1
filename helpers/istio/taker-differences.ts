import type { KubernetesObject } from '@kubernetes/client-node';
import { clustersIn, type EnvoyCluster } from './config-dump.ts';
import { durationMs, objectOf, type Taker, type TcpHandling } from './taker.ts';
import { nameOf } from '../kube/client.ts';

/** One way in which what carries the connection is not a plain TCP proxy to a plain cluster, as the document has it. */
export interface Difference {
  readonly what:
    | 'http'
    | 'filter chain'
    | 'filter'
    | 'tunnel'
    | 'weights'
    | 'cluster missing'
    | 'cluster type'
    | 'transport socket'
    | 'connection limit'
    | 'idle timeout'
    | 'longest duration'
    | 'connect timeout'
    | 'source address'
    | 'outlier detection';
  /** The cluster that differs; undefined where it is the listener. */
  readonly cluster?: string;
  readonly seen: string;
  readonly expected: string;
  /** The limit: ms of a time, or a number of connections. */
  readonly limit?: number;
  /**
   * - `breaks`: the document does not hold, or only by chance.
   * - `limits`: it holds, within limits that a longer or a further connection can meet.
   */
  readonly effect: 'breaks' | 'limits';
  /** The object that made it, `Kind namespace/name`, where Envoy's configuration says so. */
  readonly madeBy: string | undefined;
}

/** What istiod puts before the TCP proxy for its own metrics: they look on. */
const onlookers =
  /^(istio\.(stats|metadata_exchange)|envoy\.filters\.network\.(metadata_exchange|upstream\..*))$/;
/** What istiod sets when no limit is configured: the largest 32-bit number. */
const unlimited = 4_294_967_295;
/** Envoy's, where nothing is said. */
const usualIdleTimeoutMs = 3_600_000;
/** meshConfig.connectTimeout. */
const usualConnectTimeoutMs = 10_000;
const plainSocket = 'envoy.transport_sockets.raw_buffer';

/**
 * Where a taker and its cluster are not the document's plain way.
 * @param clusters Entries of the dump of dynamic_active_clusters
 * @param type As the entry's resolution makes it: ORIGINAL_DST for NONE, STRICT_DNS for DNS, EDS for STATIC
 */
export function differencesOf(taker: Taker, clusters: readonly unknown[], type: string): Difference[] {
  const { handling, listener, madeBy } = taker;
  if (handling.kind !== 'tcp') {
    const seen = handling.kind === 'http' ? `listener ${listener} speaks HTTP` : handling.what;
    const what = handling.kind === 'http' ? 'http' : 'filter chain';
    return [{ what, seen, expected: 'a TCP proxy', effect: 'breaks', madeBy }];
  }
  const known = clustersIn(clusters);
  const [first] = handling.clusters;
  const carrier = known.find(({ name }) => name === first?.name);
  // The rule that made the cluster what it is, made the filter as well.
  const rule = madeBy ?? (carrier === undefined ? undefined : ruleOf(carrier));
  return [
    ...filterDifferences(handling).map((one) => ({
      ...one,
      madeBy: one.what === 'filter' ? undefined : rule,
    })),
    ...handling.clusters.flatMap(({ name }) => {
      const found = known.find((one) => one.name === name);
      return found === undefined ? [missing(name)] : clusterDifferences(found, type);
    }),
  ];
}

function missing(name: string): Difference {
  const seen = `no cluster ${name}`;
  const expected = `a cluster ${name}`;
  return { what: 'cluster missing', seen, expected, effect: 'breaks', madeBy: undefined };
}

type Unattributed = Omit<Difference, 'cluster' | 'madeBy'>;

function filterDifferences(handling: TcpHandling): Unattributed[] {
  const { clusters, tunnelTo, idleTimeoutMs, maxDurationMs, filtersBefore } = handling;
  const found: Unattributed[] = [];
  if (tunnelTo !== undefined) {
    const seen = `the sidecar makes a CONNECT of its own to ${tunnelTo}`;
    found.push({ what: 'tunnel', seen, expected: 'the bytes of the client as they come', effect: 'breaks' });
  }
  if (clusters.length > 1) {
    const seen = clusters.map(({ name, weight }) => `${name} weight ${weight}`).join(', ');
    found.push({ what: 'weights', seen, expected: 'one cluster', effect: 'breaks' });
  }
  const strange = filtersBefore.filter((name) => !onlookers.test(name));
  if (strange.length > 0) {
    const seen = `${strange.join(', ')} comes before the TCP proxy, and can refuse a connection`;
    found.push({ what: 'filter', seen, expected: 'the TCP proxy alone', effect: 'limits' });
  }
  if (idleTimeoutMs !== undefined && idleTimeoutMs > 0 && idleTimeoutMs < usualIdleTimeoutMs) {
    const seen = `the sidecar closes a connection after ${idleTimeoutMs / 1000} s without a byte`;
    const expected = 'Envoy’s default, an hour';
    found.push({ what: 'idle timeout', seen, expected, effect: 'limits', limit: idleTimeoutMs });
  }
  if (maxDurationMs !== undefined) {
    const seen = `the sidecar closes a connection after ${maxDurationMs / 1000} s`;
    const expected = 'no limit';
    found.push({ what: 'longest duration', seen, expected, effect: 'limits', limit: maxDurationMs });
  }
  return found;
}

function clusterDifferences(cluster: EnvoyCluster, type: string): Difference[] {
  const found: Unattributed[] = [];
  if (cluster.type !== type) {
    const seen = `type ${cluster.type}`;
    found.push({ what: 'cluster type', seen, expected: `type ${type}`, effect: 'breaks' });
  }
  const matched = cluster.transport_socket_matches.map(({ transport_socket }) => transport_socket);
  const sockets = [cluster.transport_socket, ...matched].flatMap((each) =>
    each === undefined || each.name === plainSocket ? [] : [each.name],
  );
  if (sockets.length > 0) {
    const seen = `transport socket ${sockets.join(', ')}`;
    found.push({ what: 'transport socket', seen, expected: 'no transport socket', effect: 'breaks' });
  }
  const limits = (cluster.circuit_breakers?.thresholds ?? []).flatMap(
    ({ max_connections: most = unlimited }) => (most < unlimited ? [most] : []),
  );
  if (limits.length > 0) {
    const limit = Math.min(...limits);
    const seen = `${limit} connections at once from a sidecar`;
    found.push({ what: 'connection limit', seen, expected: 'no limit', effect: 'limits', limit });
  }
  const limit = durationMs(cluster.connect_timeout);
  if (limit !== undefined && limit < usualConnectTimeoutMs) {
    const seen = `${limit / 1000} s to connect`;
    const expected = `${usualConnectTimeoutMs / 1000} s`;
    found.push({ what: 'connect timeout', seen, expected, effect: 'limits', limit });
  }
  const source = cluster.upstream_bind_config?.source_address?.address;
  if (source !== undefined) {
    const seen = `connects from ${source}`;
    found.push({ what: 'source address', seen, expected: 'the pod’s own address', effect: 'limits' });
  }
  if (cluster.outlier_detection !== undefined) {
    const seen = 'takes endpoints out after errors';
    found.push({ what: 'outlier detection', seen, expected: 'no outlier detection', effect: 'limits' });
  }
  const { name } = cluster;
  const madeBy = ruleOf(cluster);
  return found.map((one) => ({ ...one, cluster: name, seen: `${name}: ${one.seen}`, madeBy }));
}

function ruleOf({ metadata }: EnvoyCluster): string | undefined {
  return objectOf(metadata?.filter_metadata?.istio?.config);
}

type What = Difference['what'];

/** Kinds that can make a difference, and how it is written in their specification. */
const makers: Readonly<Record<What, { readonly kinds: RegExp; readonly says: RegExp }>> = {
  http: { kinds: /^(ServiceEntry|EnvoyFilter)$/, says: /HTTP|http_connection_manager/i },
  'filter chain': { kinds: /^EnvoyFilter$/, says: /NETWORK_FILTER|FILTER_CHAIN|LISTENER/ },
  filter: { kinds: /^(EnvoyFilter|WasmPlugin)$/, says: /NETWORK_FILTER|FILTER_CHAIN|LISTENER|NETWORK/ },
  tunnel: { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /tunnel/i },
  weights: { kinds: /^(VirtualService|EnvoyFilter)$/, says: /weight/i },
  'cluster missing': { kinds: /^(VirtualService|EnvoyFilter)$/, says: /./ },
  'cluster type': {
    kinds: /^(ServiceEntry|WorkloadEntry|DestinationRule|EnvoyFilter)$/,
    says: /resolution|endpoints|address|type|localityLb|loadBalancer/i,
  },
  'transport socket': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /tls|transport_?socket/i },
  'connection limit': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /max_?connections/i },
  'idle timeout': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /idle_?timeout/i },
  'longest duration': {
    kinds: /^(DestinationRule|EnvoyFilter)$/,
    says: /max_?(downstream_?)?connection_?duration/i,
  },
  'connect timeout': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /connect_?timeout/i },
  'source address': { kinds: /^EnvoyFilter$/, says: /upstream_?bind/i },
  'outlier detection': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /outlier_?detection/i },
};

/**
 * The objects that made a difference. Envoy's metadata name a DestinationRule for the whole cluster, also where an
 * EnvoyFilter added this setting: so the object itself must have the setting in it.
 * @param objects Those of the cluster that can touch the request, each with its kind
 * @returns `Kind namespace/name` of each; empty where no object of the cluster says so, e.g. where meshConfig does
 */
export function makersOfDifference(
  { what, madeBy }: Difference,
  objects: readonly KubernetesObject[],
): readonly string[] {
  const { kinds, says } = makers[what];
  const can = objects.filter(({ kind = '' }) => kinds.test(kind));
  const does = can.filter((object) => says.test(JSON.stringify((object as { spec?: unknown }).spec ?? {})));
  const names = does.map(nameOf);
  if (madeBy === undefined) return names.sort();
  // Not among them: the object was deleted a moment ago, or may not be read.
  const known = objects.some((object) => nameOf(object) === madeBy);
  if (names.includes(madeBy) || !known || names.length === 0) return [madeBy];
  return names.sort();
}
