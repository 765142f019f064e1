import { z } from 'zod';
import { durationMs, objectOf, type Taker, type TcpHandling } from './taker.ts';

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

const socket = z.looseObject({ name: z.string() });
const clusterEntry = z.looseObject({
  cluster: z.looseObject({
    name: z.string(),
    type: z.string().default('STATIC'),
    connect_timeout: z.string().optional(),
    transport_socket: socket.optional(),
    transport_socket_matches: z.array(z.looseObject({ transport_socket: socket.optional() })).default([]),
    circuit_breakers: z
      .looseObject({
        thresholds: z.array(z.looseObject({ max_connections: z.number().optional() })).default([]),
      })
      .optional(),
    outlier_detection: z.unknown().optional(),
    metadata: z
      .looseObject({
        filter_metadata: z
          .looseObject({ istio: z.looseObject({ config: z.string().optional() }).optional() })
          .optional(),
      })
      .optional(),
  }),
});
type Cluster = z.infer<typeof clusterEntry>['cluster'];

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
  const known = clusters.map((entry) => clusterEntry.parse(entry).cluster);
  const [first] = handling.clusters;
  const carrier = known.find(({ name }) => name === first?.name);
  // The rule that made the cluster what it is, made the filter as well.
  const rule = madeBy ?? (carrier === undefined ? undefined : ruleOf(carrier));
  return [
    ...filterDifferences(handling, rule),
    ...handling.clusters.flatMap(({ name }) => {
      const found = known.find((one) => one.name === name);
      return found === undefined ? [missing(name)] : clusterDifferences(found, type);
    }),
  ];
}

function missing(name: string): Difference {
  const seen = `no cluster ${name}`;
  return {
    what: 'cluster missing',
    seen,
    expected: `a cluster ${name}`,
    effect: 'breaks',
    madeBy: undefined,
  };
}

function filterDifferences(handling: TcpHandling, madeBy: string | undefined): Difference[] {
  const { clusters, tunnelTo, idleTimeoutMs, maxDurationMs, filtersBefore } = handling;
  const found: Difference[] = [];
  const add = (
    what: Difference['what'],
    seen: string,
    expected: string,
    effect: Difference['effect'],
    limit?: number,
  ): void => {
    found.push({ what, seen, expected, effect, madeBy, ...(limit === undefined ? {} : { limit }) });
  };
  if (tunnelTo !== undefined) {
    const seen = `the sidecar makes a CONNECT of its own to ${tunnelTo}`;
    add('tunnel', seen, 'the bytes of the client as they come', 'breaks');
  }
  if (clusters.length > 1) {
    const seen = clusters.map(({ name, weight }) => `${name} weight ${weight}`).join(', ');
    add('weights', seen, 'one cluster', 'breaks');
  }
  const strange = filtersBefore.filter((name) => !onlookers.test(name));
  if (strange.length > 0) {
    const seen = `${strange.join(', ')} comes before the TCP proxy, and can refuse a connection`;
    found.push({
      what: 'filter',
      seen,
      expected: 'the TCP proxy alone',
      effect: 'limits',
      madeBy: undefined,
    });
  }
  if (idleTimeoutMs !== undefined && idleTimeoutMs > 0 && idleTimeoutMs < usualIdleTimeoutMs) {
    const seen = `the sidecar closes a connection after ${idleTimeoutMs / 1000} s without a byte`;
    add('idle timeout', seen, 'Envoy’s default, an hour', 'limits', idleTimeoutMs);
  }
  if (maxDurationMs !== undefined) {
    add(
      'longest duration',
      `the sidecar closes a connection after ${maxDurationMs / 1000} s`,
      'no limit',
      'limits',
      maxDurationMs,
    );
  }
  return found;
}

function clusterDifferences(cluster: Cluster, type: string): Difference[] {
  const madeBy = ruleOf(cluster);
  const found: Difference[] = [];
  const add = (
    what: Difference['what'],
    seen: string,
    expected: string,
    effect: Difference['effect'],
    limit?: number,
  ): void => {
    const said = `${cluster.name}: ${seen}`;
    const number = limit === undefined ? {} : { limit };
    found.push({ what, cluster: cluster.name, seen: said, expected, effect, madeBy, ...number });
  };
  if (cluster.type !== type) add('cluster type', `type ${cluster.type}`, `type ${type}`, 'breaks');
  const matched = cluster.transport_socket_matches.map(({ transport_socket }) => transport_socket);
  const sockets = [cluster.transport_socket, ...matched].flatMap((each) =>
    each === undefined || each.name === plainSocket ? [] : [each.name],
  );
  if (sockets.length > 0) {
    add('transport socket', `transport socket ${sockets.join(', ')}`, 'no transport socket', 'breaks');
  }
  const limits = (cluster.circuit_breakers?.thresholds ?? []).flatMap(
    ({ max_connections: most = unlimited }) => (most < unlimited ? [most] : []),
  );
  if (limits.length > 0) {
    const most = Math.min(...limits);
    add('connection limit', `${most} connections at once from a sidecar`, 'no limit', 'limits', most);
  }
  const connect = durationMs(cluster.connect_timeout);
  if (connect !== undefined && connect < usualConnectTimeoutMs) {
    const usual = `${usualConnectTimeoutMs / 1000} s`;
    add('connect timeout', `${connect / 1000} s to connect`, usual, 'limits', connect);
  }
  if (cluster.outlier_detection !== undefined) {
    add('outlier detection', 'takes endpoints out after errors', 'no outlier detection', 'limits');
  }
  return found;
}

function ruleOf({ metadata }: Cluster): string | undefined {
  return objectOf(metadata?.filter_metadata?.istio?.config);
}
