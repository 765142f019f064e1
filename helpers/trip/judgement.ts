import { isProxy, sameEndpoint, sameIp, type Endpoint } from './endpoint.ts';
import { bytesAgree, targetOf } from './squid.ts';
import type {
  ClientStatement,
  OriginStatement,
  ProxyStatement,
  SidecarField,
  SidecarStatement,
  Statement,
  Tolerances,
  Trip,
} from './statements.ts';

/**
 * Which statements of one connection must agree, on what, and how far apart their times may be. Correlation,
 * diagnosis, live traffic and the report all judge by the tables of this file.
 */

/** What is known of one connection. A statement that is missing contradicts nothing. */
export interface Facts {
  /** The proxy that the client was told to use. */
  readonly via: Endpoint | undefined;
  /** As in a trip: set where the user gave the proxy. */
  readonly given?: readonly Endpoint[] | undefined;
  readonly url?: string;
  readonly client?: Pick<ClientStatement, 'podIp' | 'local'> & Partial<ClientStatement>;
  readonly sidecar?: SidecarStatement | undefined;
  readonly proxy?: ProxyStatement | undefined;
  readonly origin?: OriginStatement | undefined;
  /** What the sidecar must connect to, where that is not the proxy. */
  readonly upstream?: Endpoint | undefined;
  /** The address that the origin must see, where that is not the proxy's. */
  readonly originSees?: string | undefined;
}

/** `sidecar.from`: where that witness says the connection comes from, against the hop before it. */
export type Fact = `${Statement['witness']}.${'from' | 'at' | 'to' | 'bytes' | 'page' | 'verdict'}`;

const rules = {
  /** client → proxy: the client connected to the proxy. */
  'client.to': ({ client, ...trip }) =>
    trip.via === undefined || client?.remote === undefined ? undefined : isProxy(trip, client.remote),
  /** client ↔ sidecar: the client's own end of the connection; its address alone where curl gave no port. */
  'sidecar.from': ({ client, sidecar }) => {
    if (client === undefined || sidecar === undefined || !tells(sidecar, 'downstreamRemote'))
      return undefined;
    const { downstreamRemote } = sidecar;
    return client.local === undefined
      ? downstreamRemote !== undefined && sameIp(downstreamRemote.ip, client.podIp)
      : sameEndpoint(downstreamRemote, client.local);
  },
  /** client ↔ sidecar: the client's connection was to the proxy. */
  'sidecar.at': ({ client, sidecar, ...trip }) => {
    if (sidecar === undefined || !tells(sidecar, 'downstreamLocal')) return undefined;
    if (trip.via !== undefined) return isProxy(trip, sidecar.downstreamLocal);
    return client?.remote === undefined ? undefined : sameEndpoint(sidecar.downstreamLocal, client.remote);
  },
  /** sidecar → proxy: of a proxy with several endpoints, any is the proxy. */
  'sidecar.to': ({ sidecar, upstream, ...trip }) => {
    const wanted = upstream ?? trip.via;
    if (sidecar === undefined || wanted === undefined || !tells(sidecar, 'upstreamHost')) return undefined;
    const any = sameEndpoint(wanted, trip.via) && isProxy(trip, sidecar.upstreamHost);
    return any || sameEndpoint(sidecar.upstreamHost, wanted);
  },
  /** client ↔ proxy: the pod's address. Behind the node's address translation a given proxy sees another one. */
  'proxy.from': ({ client, proxy, given }) => {
    if (client === undefined || proxy === undefined) return undefined;
    return sameIp(proxy.clientIp, client.podIp) || (given === undefined ? false : undefined);
  },
  /** client ↔ proxy: the host and port that the client asked for. */
  'proxy.to': ({ url, proxy }) =>
    url === undefined || proxy === undefined
      ? undefined
      : proxy.target.toLowerCase() === targetOf(url).toLowerCase(),
  /** client ↔ proxy: the answer to the CONNECT. */
  'proxy.verdict': ({ client, proxy }) =>
    proxy?.method !== 'CONNECT' || (client?.connectStatus ?? 0) === 0
      ? undefined
      : client?.connectStatus === proxy.status,
  /** sidecar ↔ proxy: the bytes sent to the client. A request that broke off leaves some uncounted in buffers. */
  'proxy.bytes': ({ client, sidecar, proxy }) => {
    if (sidecar === undefined || proxy === undefined || !tells(sidecar, 'bytesSent')) return undefined;
    const brokeOff = (client?.exitCode ?? 0) !== 0 && (client?.connectStatus ?? 0) < 400;
    return bytesAgree(sidecar.bytesSent, proxy.bytes) || (brokeOff ? undefined : false);
  },
  /** client ↔ proxy: the page travels inside the tunnel, so a smaller tunnel carried another page. */
  'proxy.page': ({ client, proxy }) =>
    client?.bytesDownloaded === undefined || proxy === undefined
      ? undefined
      : client.bytesDownloaded <= proxy.bytes,
  /** proxy ↔ origin: the proxy's address. */
  'origin.from': ({ via, origin, originSees = via?.ip }) =>
    origin === undefined || originSees === undefined ? undefined : sameIp(origin.remote.ip, originSees),
  /** client ↔ origin: the bytes of the page; what a client that failed has of it may be less. */
  'origin.bytes': ({ client, origin }) => {
    if (client === undefined || origin === undefined) return undefined;
    return origin.bytes === client.bytesDownloaded || (client.exitCode === 0 ? false : undefined);
  },
} as const satisfies Partial<Record<Fact, (facts: Facts) => boolean | undefined>>;

/** Whether the format of a sidecar's line has this; without it the field means nothing. */
export function tells({ untold = [] }: SidecarStatement, field: SidecarField): boolean {
  return !untold.includes(field);
}

/** The facts on which two statements are compared. */
export type JudgedFact = keyof typeof rules;

/** Whether the two statements that a fact compares agree; undefined where one of them does not say. */
export function agrees(fact: JudgedFact, facts: Facts): boolean | undefined {
  return rules[fact](facts);
}

/** What a trip's first statements say; a sound trip has one of each witness. */
export function factsOf(trip: Trip): Facts {
  const { via, given, url, client } = trip;
  const [sidecar] = trip.sidecar ?? [];
  const [proxy] = trip.proxy ?? [];
  const [origin] = trip.origin ?? [];
  return { via, given, url, client, sidecar, proxy, origin };
}

/** The facts on which the statements of a trip contradict each other; no line of another target is credited to it. */
export function contradictions(trip: Trip): ReadonlySet<JudgedFact> {
  const facts = factsOf(trip);
  const all = Object.keys(rules) as JudgedFact[];
  return new Set(all.filter((fact) => fact !== 'proxy.to' && agrees(fact, facts) === false));
}

/** From when to when a hop had a connection, ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * How far the time of a hop may lie outside that of the hop that called it, in ms. Cause and effect bound it: no hop
 * gets a connection before its caller opens it, or after its caller closes it. The rest is clocks and logs.
 */
export interface Slack {
  /** It may begin this much before its caller. */
  readonly earlyMs: number;
  /** It may begin this much after its caller has ended. */
  readonly lateMs: number;
  /** It may end this much after its caller. */
  readonly endMs: number;
  /** It may end this much before its caller; any time before where not given. */
  readonly endEarlyMs?: number;
}

/**
 * For trips in a cluster in containers beside the runner: one kernel, one clock, so what is left is rounding and a
 * busy machine. A cluster elsewhere needs larger ones; a larger clock skew lets older lines in where no sidecar's
 * statement narrows the time down.
 */
export const tripTolerances: Tolerances = { clockSkewMs: 250, nodeSkewMs: 10, closeLagMs: 1500 };

/**
 * By how much the clock of a proxy that the user gave may differ from the node's, in ms. Earlier lines do not get in by
 * it: its log is read from where it stood when the request began.
 */
export const givenProxySkewMs = 2_000;

/** The tolerances for a trip's lines of the proxy, which has a clock of its own where the user gave it. */
export function proxyTolerances({ tolerances, given }: Pick<Trip, 'tolerances' | 'given'>): Tolerances {
  const skewMs = given === undefined ? 0 : givenProxySkewMs;
  const { clockSkewMs, nodeSkewMs, closeLagMs } = tolerances;
  return { clockSkewMs: clockSkewMs + skewMs, nodeSkewMs: nodeSkewMs + skewMs, closeLagMs };
}

/** How far apart the times of a trip's statements may be, hop by hop. */
export const tripSlack = {
  'client ↔ sidecar': ({ tolerances: { clockSkewMs, closeLagMs } }) => ({
    ...{ earlyMs: clockSkewMs, lateMs: clockSkewMs, endMs: clockSkewMs + closeLagMs },
  }),
  'client ↔ proxy': (trip) => {
    const { clockSkewMs, closeLagMs } = proxyTolerances(trip);
    return { earlyMs: clockSkewMs, lateMs: clockSkewMs + closeLagMs, endMs: clockSkewMs + closeLagMs };
  },
  'sidecar ↔ proxy': (trip) => {
    const { nodeSkewMs, closeLagMs } = proxyTolerances(trip);
    return { earlyMs: nodeSkewMs, lateMs: nodeSkewMs, endMs: nodeSkewMs + closeLagMs };
  },
  'client ↔ origin': ({ tolerances: { clockSkewMs, closeLagMs } }) => ({
    ...{ earlyMs: clockSkewMs, lateMs: clockSkewMs + closeLagMs, endMs: clockSkewMs + closeLagMs },
  }),
} as const satisfies Record<string, (trip: Pick<Trip, 'tolerances' | 'given'>) => Slack>;

/** That between a sidecar and the proxy. Counters know no times: those of their client stand for them. */
export function sidecarSlack(sidecar: SidecarStatement): (trip: Pick<Trip, 'tolerances' | 'given'>) => Slack {
  return tripSlack[tells(sidecar, 'startTime') ? 'sidecar ↔ proxy' : 'client ↔ proxy'];
}

/**
 * The same for live traffic, which differs for two reasons: its logs are read after an upgrade, on a machine that was
 * busy with it, and the times of its clients are the kubelet's stamps of their lines, which can be late then.
 */
export const trafficSlack = {
  /** The client's port identifies its line and comes round again after minutes only; when it ended is not compared. */
  'client ↔ sidecar': { earlyMs: 10_000, lateMs: 10_000, endMs: Infinity },
  /** Two logs of one node, rounding included. A sidecar that drains may notice the end seconds before or after Squid. */
  'sidecar ↔ proxy': { earlyMs: 50, lateMs: 50, endMs: 3_000, endEarlyMs: 3_000 },
  /** Where the sidecar is silent, the pod's address and the time alone are left: wider would take a neighbour's line. */
  'client ↔ proxy': { earlyMs: 3_000, lateMs: 3_000, endMs: 3_000, endEarlyMs: 3_000 },
  /** The ends of the proxy's lines that can be a pod's at all: its address may have been another pod's before. */
  'pod ↔ proxy': { earlyMs: 50, lateMs: 10_000, endMs: 10_000 },
} as const satisfies Record<string, Slack>;

/** Where a span leaves that of its caller: before it (`stale`) or after it (`late`), and by how many ms. */
export interface Outside {
  readonly side: 'stale' | 'late';
  readonly what: 'began' | 'ended';
  readonly ms: number;
}

/** Whether a hop's time is within that of its caller; undefined where it is. */
export function outside(span: Span, caller: Span, slack: Slack): Outside | undefined {
  const { earlyMs, lateMs, endMs, endEarlyMs = Infinity } = slack;
  if (span.from < caller.from - earlyMs) return { side: 'stale', what: 'began', ms: caller.from - span.from };
  if (span.from > caller.to + lateMs) return { side: 'late', what: 'began', ms: span.from - caller.to };
  if (span.to > caller.to + endMs) return { side: 'late', what: 'ended', ms: span.to - caller.to };
  if (span.to < caller.to - endEarlyMs) return { side: 'stale', what: 'ended', ms: caller.to - span.to };
  return undefined;
}

/** When what a caller called can have ended. */
export function endsWithin(caller: Span, { earlyMs, endMs, endEarlyMs = Infinity }: Slack): Span {
  return { from: Math.max(caller.from - earlyMs, caller.to - endEarlyMs), to: caller.to + endMs };
}

export function clientSpan({ startedAt, endedAt }: Pick<ClientStatement, 'startedAt' | 'endedAt'>): Span {
  return { from: startedAt, to: endedAt };
}

/**
 * The widest that a line allows for.
 * @param client Whose end stands for that of the sidecar's connection where the line does not tell its length
 */
export function sidecarSpan(sidecar: SidecarStatement, client?: Pick<ClientStatement, 'endedAt'>): Span {
  const { startedAt, durationMs } = sidecar;
  const latest = startedAt + imprecisionMs(sidecar);
  return {
    from: startedAt,
    to: tells(sidecar, 'duration') ? latest + durationMs : Math.max(latest, client?.endedAt ?? Infinity),
  };
}

/** By how much a connection may have begun later than its line says. */
export function imprecisionMs({ startPrecisionMs = 1 }: SidecarStatement): number {
  return startPrecisionMs - 1;
}

export function proxySpan({ endedAt, elapsedMs }: ProxyStatement): Span {
  return { from: endedAt - elapsedMs, to: endedAt };
}

/** How far two spans are apart, both ends counted. */
export function apartMs(one: Span, other: Span): number {
  return Math.abs(one.from - other.from) + Math.abs(one.to - other.to);
}

export function momentOf(at: number): Span {
  return { from: at, to: at };
}
