import type { ClientStatement, SidecarField, SidecarStatement } from './statements.ts';

/**
 * What an Envoy counts of the connections that it makes, for sidecars that leave no readable log line. A counter knows
 * no connection: it testifies only where the client sends nothing else between two readings, and says less than a line.
 * Statistics: https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
 */
export type Counters = ReadonlyMap<string, Counted>;

/** Of one cluster; or, where `isHttp`, of one listener that speaks HTTP, as far as it found no route. */
export interface Counted {
  readonly isHttp: boolean;
  /** Connections to a host, or requests without a route. */
  readonly connections: number;
  /** Of them, those over which Envoy itself speaks HTTP: gRPC to a collector of logs, tracing. */
  readonly overHttp: number;
  readonly failed: number;
  /** Connections for which there was no host, or too many others. */
  readonly withoutHost: number;
  readonly overflowed: number;
  /** Connections of clients that a TCP filter of this name took. */
  readonly taken: number;
  readonly active: number;
  /** Bytes from the upstream host and to it. */
  readonly received: number;
  readonly sent: number;
}
type Figure = keyof Omit<Counted, 'isHttp'>;

const none: Counted = {
  isHttp: false,
  ...{ connections: 0, overHttp: 0, failed: 0, withoutHost: 0, overflowed: 0, taken: 0, active: 0 },
  ...{ received: 0, sent: 0 },
};

const figures: Readonly<Record<string, Figure>> = {
  upstream_cx_total: 'connections',
  upstream_cx_http1_total: 'overHttp',
  upstream_cx_http2_total: 'overHttp',
  upstream_cx_http3_total: 'overHttp',
  upstream_cx_connect_fail: 'failed',
  upstream_cx_none_healthy: 'withoutHost',
  upstream_cx_overflow: 'overflowed',
  upstream_cx_active: 'active',
  upstream_cx_rx_bytes_total: 'received',
  upstream_cx_tx_bytes_total: 'sent',
  downstream_cx_total: 'taken',
  no_route: 'connections',
};

/** What a user's Envoy may have been told to count: by default an Istio proxy counts none of it. */
const countedPrefixes = [
  ...(['cluster', 'tcp'] as const).flatMap((kind) => [
    `${kind}.outbound`,
    `${kind}.PassthroughCluster`,
    `${kind}.BlackHoleCluster`,
  ]),
  'http.outbound',
];

const inclusion = 'sidecar.istio.io/statsInclusion';

/** What a client's pod says so that its sidecar counts, whatever the mesh calls its clusters. */
export const countingAnnotations: Readonly<Record<string, string>> = {
  [`${inclusion}Suffixes`]: Object.keys(figures).join(','),
};

/** Whether the sidecar of a pod with these annotations counts outbound connections. */
export function countsOutbound(annotations: Readonly<Record<string, string>>): boolean {
  const asked = (by: string): string[] =>
    (annotations[`${inclusion}${by}`] ?? '').split(',').filter((one) => one !== '');
  return (
    countedPrefixes.every((prefix) => asked('Prefixes').some((one) => prefix.startsWith(one))) ||
    Object.keys(figures).every((figure) => asked('Suffixes').some((one) => figure.endsWith(one)))
  );
}

/** For `GET /stats?filter=`: what {@link parseCounters} reads. */
export const countersFilter = `^(cluster|tcp|http)\\..*\\.(${Object.keys(figures).join('|')})$`;

/** What clients' connections are counted by. */
const outbound = /^(outbound|PassthroughCluster$|BlackHoleCluster$)/;

/**
 * @param text Envoy's answer to `GET /stats`, a line a statistic
 * @param names What the mesh calls its clusters
 * @param port Where the client connects to, by which clusters that share a name are told apart
 */
export function parseCounters(text: string, names: ClusterNames = new Map(), port?: number): Counters {
  const found = new Map<string, Counted>();
  for (const line of text.split('\n')) {
    const [, kind, told = '', statistic = '', value] =
      /^(cluster|tcp|http)\.(.+?);?\.([a-z_0-9]+): (\d+)$/.exec(line.trim()) ?? [];
    const figure = figures[statistic];
    const isHttp = kind === 'http';
    const name = clusterCalled(told, names, port);
    if (figure === undefined || isHttp !== (statistic === 'no_route') || !outbound.test(name)) continue;
    const known = found.get(name) ?? none;
    found.set(name, { ...known, isHttp, [figure]: known[figure] + Number(value) });
  }
  return found;
}

/**
 * What was counted of clients' connections between two readings, by name; what stayed as it was is left out, and so is
 * what Envoy sends on its own behalf, e.g. its access log.
 */
export function movedBetween(before: Counters, after: Counters): ReadonlyMap<string, Counted> {
  const moved = [...after].flatMap(([name, now]): [string, Counted][] => {
    const one = differenceOf(before.get(name) ?? none, now);
    return attempts(one) === 0 ? [] : [[name, one]];
  });
  // A mesh may give its filters names of their own: then which of them took a connection is not known.
  const taken = moved.filter(([, one]) => one.taken > 0 || one.isHttp);
  return new Map(taken.length > 0 ? taken : moved);
}

function differenceOf(then: Counted, now: Counted): Counted {
  // An Envoy that was started again counts from the beginning.
  const anew = now.connections < then.connections;
  const by = (figure: Figure): number => (anew ? now[figure] : now[figure] - then[figure]);
  const taken = by('taken');
  return {
    isHttp: now.isHttp,
    connections: by('connections') - by('overHttp'),
    overHttp: by('overHttp'),
    failed: by('failed'),
    // Envoy's own attempts end like that too.
    withoutHost: taken > 0 ? by('withoutHost') : 0,
    overflowed: taken > 0 ? by('overflowed') : 0,
    taken,
    active: now.active,
    received: by('received'),
    sent: by('sent'),
  };
}

/** Whether a connection was counted, and every one is closed. */
export function isComplete(moved: ReadonlyMap<string, Counted>): boolean {
  return moved.size > 0 && [...moved.values()].every(({ active }) => active === 0);
}

/** What shows that more than one request was counted, for people; undefined where nothing does. */
export function busyIn(moved: ReadonlyMap<string, Counted>): string | undefined {
  const all = [...moved.values()];
  const alone = sum(all, attempts) <= 1 && all.every(({ active }) => active === 0);
  return alone ? undefined : [...moved].map(([name, one]) => inWords(name, one)).join('; ');
}

function attempts({ connections, withoutHost, overflowed }: Counted): number {
  return connections + withoutHost + overflowed;
}

/** Of a statement that is made of counters. */
const neverTold: readonly SidecarField[] = [
  ...(['startTime', 'method', 'path', 'protocol', 'responseCodeDetails', 'connectionTermination'] as const),
  ...(['upstreamFailure', 'duration', 'upstreamHost', 'upstreamLocal', 'downstreamLocal'] as const),
  'downstreamRemote',
];

/** What the counters say of the only request of a client between two readings: one statement, or one for each connection. */
export function countedStatements(
  moved: ReadonlyMap<string, Counted>,
  client: Pick<ClientStatement, 'startedAt' | 'endedAt'>,
): readonly SidecarStatement[] {
  const all = [...moved.values()];
  const total = sum(all, attempts);
  const isHttp = all.some((one) => one.isHttp);
  const said = [...moved].map(([name, one]) => inWords(name, one)).join('; ');
  const during = [client.startedAt, client.endedAt].map((at) => new Date(at).toISOString()).join(' to ');
  return Array.from({ length: total }, (_none, index) => ({
    witness: 'sidecar',
    // With the times, so that no two requests have the same text.
    line: `counters, no log line, ${during}${total === 1 ? '' : ` (${index + 1} of ${total})`}: ${said}`,
    startedAt: client.startedAt,
    request: isHttp ? 'HTTP - -' : '- - -',
    responseCode: isHttp ? 404 : 0,
    responseFlags: flagsOf(all),
    responseCodeDetails: '-',
    connectionTermination: '-',
    upstreamFailure: '-',
    bytesReceived: sum(all, ({ sent }) => sent),
    bytesSent: sum(all, ({ received }) => received),
    durationMs: client.endedAt - client.startedAt,
    upstreamHost: undefined,
    upstreamCluster: isHttp ? '-' : [...moved.keys()].join(', '),
    upstreamLocal: undefined,
    downstreamLocal: undefined,
    downstreamRemote: undefined,
    // Of several connections it is not known which carried what.
    untold: total === 1 ? neverTold : [...neverTold, 'bytesReceived', 'bytesSent'],
  }));
}

function flagsOf(all: readonly Counted[]): string {
  const flags = [
    ...(sum(all, ({ isHttp, connections }) => (isHttp ? connections : 0)) > 0 ? ['NR'] : []),
    ...(sum(all, ({ withoutHost }) => withoutHost) > 0 ? ['UH'] : []),
    ...(sum(all, ({ overflowed }) => overflowed) > 0 ? ['UO'] : []),
    ...(sum(all, ({ failed }) => failed) > 0 ? ['UF'] : []),
  ];
  return flags.length === 0 ? '-' : flags.join(',');
}

function inWords(name: string, one: Counted): string {
  if (one.isHttp) return `listener ${name} speaks HTTP and found no route (${one.connections})`;
  const parts = [
    one.connections === 1 ? '1 connection' : `${one.connections} connections`,
    ...(one.failed === 0 ? [] : [`${one.failed} failed`]),
    ...(one.withoutHost === 0 ? [] : [`${one.withoutHost} without a host`]),
    ...(one.overflowed === 0 ? [] : [`${one.overflowed} over the limit`]),
    `${one.received} bytes from it, ${one.sent} to it`,
  ];
  return `cluster ${name}: ${parts.join(', ')}`;
}

function sum(all: readonly Counted[], of: (one: Counted) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

/**
 * What a mesh calls its clusters in statistics and in `%UPSTREAM_CLUSTER%` where it has names of its own for them
 * (meshConfig.outboundClusterStatName), and the clusters that have each name.
 */
export type ClusterNames = ReadonlyMap<string, readonly string[]>;

/**
 * The cluster that the mesh calls so: `outbound|PORT|SUBSET|HOST`. The name itself where no cluster has it.
 * @param port Where the client connected to, by which clusters that share a name are told apart
 */
export function clusterCalled(name: string, names: ClusterNames, port?: number): string {
  const all = names.get(name) ?? [];
  const [found, ...others] = all.length < 2 ? all : all.filter((one) => one.split('|')[1] === `${port}`);
  return found === undefined || others.length > 0 ? name : found;
}
