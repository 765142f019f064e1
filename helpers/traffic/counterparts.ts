import { InTime } from '../in-time.ts';
import { closestFirst } from '../trip/correlate.ts';
import { sameIp, type Endpoint } from '../trip/endpoint.ts';
import {
  agrees,
  apartMs,
  clientSpan,
  endsWithin,
  momentOf,
  outside,
  proxySpan,
  sidecarSpan,
  tells,
  trafficSlack,
  type Slack,
  type Span,
} from '../trip/judgement.ts';
import type { ProxyStatement, SidecarStatement } from '../trip/statements.ts';
import type { Workload } from './account.ts';
import type { ClientTrip } from './trips.ts';

/** A pod with the traffic's clients. */
export interface TrafficPod {
  readonly workload: Workload;
  readonly pod: string;
  readonly ip: string;
  /** When it was told to end, ms since the epoch by the node's clock; undefined while it was not. */
  readonly leavingAt: number | undefined;
  /** Whether its clients start only once its sidecar is ready: then nothing may be refused at their start. */
  readonly sidecarFirst: boolean;
}

/** One pod's side of the traffic, read. */
export interface PodTraffic extends TrafficPod {
  readonly trips: readonly ClientTrip[];
  /** All lines of its sidecar's access log. */
  readonly sidecar: readonly SidecarStatement[];
  /** Why some of its lines are not among them, e.g. since they are in a format not known here. */
  readonly unreadable?: string | undefined;
}

/** One connection as its witnesses saw it; one that is undefined left no statement. */
export interface Crossing {
  readonly pod: PodTraffic;
  readonly trip: ClientTrip | undefined;
  readonly sidecar: SidecarStatement | undefined;
  readonly proxy: ProxyStatement | undefined;
}

/** The proxy that the clients are told to use, and its other addresses. */
interface Told {
  readonly via: Endpoint;
  readonly given?: readonly Endpoint[] | undefined;
}

/**
 * Puts the statements of the same connection together, each statement in one connection only. Every connection to the
 * proxy that any witness saw is in the answer once.
 * - client ↔ sidecar: the same address and port of the client, at the same time (ports are used again).
 * - sidecar ↔ proxy: the same pod and bytes, beginning and ending together.
 * - client ↔ proxy, where the sidecar is silent: the same pod, beginning and ending together.
 */
export function crossings(
  pods: readonly PodTraffic[],
  proxyLines: readonly ProxyStatement[],
  told: Told,
): Crossing[] {
  // An address may have been another pod's before, and be so again.
  const taken = new Set<ProxyStatement>();
  return pods.flatMap((pod) => {
    const lines = proxyLines.filter(
      (line) => !taken.has(line) && sameIp(pod.ip, line.clientIp) && isDuring(pod, line),
    );
    for (const line of lines) taken.add(line);
    return atProxy(pod, atSidecar(pod, told), lines, told);
  });
}

/** Whether the sidecar says that it had a connection to the proxy. Without one the trip ended there. */
export function wentOn(sidecar: SidecarStatement): boolean {
  const { upstreamHost, responseFlags } = sidecar;
  // UF: it tried that host and got no connection.
  return (
    (upstreamHost !== undefined || !tells(sidecar, 'upstreamHost')) &&
    !responseFlags.split(',').includes('UF')
  );
}

/** The pod's trips with their sidecar lines, and the sidecar's lines that belong to no trip. */
function atSidecar(pod: PodTraffic, told: Told): Crossing[] {
  const lines = pod.sidecar.filter((sidecar) => agrees('sidecar.at', { ...told, sidecar }) !== false);
  const byPort = Map.groupBy(lines, ({ downstreamRemote }) => downstreamRemote?.port);
  const claims = pod.trips.flatMap((trip) => {
    const { connection } = trip;
    if (connection === undefined) return [];
    const client = { podIp: pod.ip, local: connection };
    return (byPort.get(connection.port) ?? []).flatMap((line) => {
      const begin = momentOf(line.startedAt);
      const apart = outside(begin, clientSpan(trip), trafficSlack['client ↔ sidecar']);
      if (agrees('sidecar.from', { ...told, client, sidecar: line }) !== true || apart !== undefined)
        return [];
      return [{ trip, line, cost: Math.abs(line.startedAt - trip.startedAt) }];
    });
  });
  const of = closestFirst(claims);
  const used = new Set(of.values());
  const unpaired = lines.filter((line) => !used.has(line));
  return [
    ...pod.trips.map((trip) => ({ pod, trip, sidecar: of.get(trip), proxy: undefined })),
    ...unpaired.map((sidecar) => ({ pod, trip: undefined, sidecar, proxy: undefined })),
  ];
}

/** The same with the pod's lines of the proxy, and those of them that belong to no connection. */
function atProxy(
  pod: PodTraffic,
  crossings: readonly Crossing[],
  lines: readonly ProxyStatement[],
  told: Told,
): Crossing[] {
  const of = new Map<Crossing, ProxyStatement>();
  const free = new Set(lines);
  const inTime = new InTime(lines, ({ endedAt }) => endedAt);
  const pair = (fits: (crossing: Crossing, line: ProxyStatement) => boolean): void => {
    const claims = crossings.flatMap((crossing) => {
      const caller = callerOf(crossing);
      if (of.has(crossing) || caller === undefined) return [];
      const { span, slack } = caller;
      const { from, to } = endsWithin(span, slack);
      return inTime
        .during(from, to)
        .filter((line) => free.has(line) && outside(proxySpan(line), span, slack) === undefined)
        .filter((line) => fits(crossing, line))
        .map((line) => ({ trip: crossing, line, cost: apartMs(proxySpan(line), span) }));
    });
    for (const [crossing, line] of closestFirst(claims)) {
      of.set(crossing, line);
      free.delete(line);
    }
  };
  // Same bytes first: a line whose bytes differ must not take the place of the one that is whole.
  pair(({ sidecar }, proxy) => agrees('proxy.bytes', { ...told, sidecar, proxy }) === true);
  pair(({ sidecar }) => sidecar !== undefined);
  pair(({ sidecar }) => sidecar === undefined);
  return [
    ...crossings.map((crossing) => ({ ...crossing, proxy: of.get(crossing) })),
    ...[...free].map((proxy) => ({ pod, trip: undefined, sidecar: undefined, proxy })),
  ];
}

/** Whose time the proxy's line must be within: the sidecar's, where it had a connection; else the client's. */
function callerOf({ sidecar, trip }: Crossing): { readonly span: Span; readonly slack: Slack } | undefined {
  if (sidecar !== undefined) {
    if (!wentOn(sidecar)) return undefined;
    return { span: sidecarSpan(sidecar, trip), slack: trafficSlack['sidecar ↔ proxy'] };
  }
  if (trip?.connection === undefined) return undefined;
  return { span: clientSpan(trip), slack: trafficSlack['client ↔ proxy'] };
}

function isDuring({ trips }: PodTraffic, line: ProxyStatement): boolean {
  const from = Math.min(...trips.map(({ startedAt }) => startedAt));
  const to = Math.max(...trips.map(({ endedAt }) => endedAt));
  return outside(momentOf(line.endedAt), { from, to }, trafficSlack['pod ↔ proxy']) === undefined;
}
