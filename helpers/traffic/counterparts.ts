import { grouped } from '../grouped.ts';
import { InTime } from '../in-time.ts';
import { sameEndpoint, sameIp } from '../trip/endpoint.ts';
import { bytesAgree } from '../trip/squid.ts';
import type { Endpoint, ProxyStatement, SidecarStatement } from '../trip/statements.ts';
import type { Workload } from './account.ts';
import type { ClientTrip } from './trips.ts';

/** One pod's side of the traffic, read. */
export interface PodTraffic {
  readonly workload: Workload;
  readonly pod: string;
  readonly ip: string;
  /** When it was told to end, ms since the epoch by the node's clock; undefined while it was not. */
  readonly leavingAt: number | undefined;
  readonly trips: readonly ClientTrip[];
  /** All lines of its sidecar's access log. */
  readonly sidecar: readonly SidecarStatement[];
  /** Why some of its lines are not among them, e.g. since they are in a format not known here. */
  readonly unreadable?: string | undefined;
}

/** One connection as those who saw it tell of it; who is undefined left no statement. */
export interface Crossing {
  readonly pod: PodTraffic;
  readonly trip: ClientTrip | undefined;
  readonly sidecar: SidecarStatement | undefined;
  readonly proxy: ProxyStatement | undefined;
}

/**
 * Sorts out which statements are of the same connection, each statement for one connection only. All connections to
 * the proxy that anybody tells of are in the answer, and none twice.
 * - client ↔ sidecar: the same address and port of the client, at the same time (ports come round again).
 * - sidecar ↔ proxy: the same pod and bytes, beginning and ending together.
 * - client ↔ proxy, where the sidecar is silent: the same pod, beginning and ending together.
 */
export function crossings(
  pods: readonly PodTraffic[],
  proxyLines: readonly ProxyStatement[],
  via: Endpoint,
): Crossing[] {
  // An address may have been another pod's before, and be so again.
  const taken = new Set<ProxyStatement>();
  return pods.flatMap((pod) => {
    const lines = proxyLines.filter(
      (line) => !taken.has(line) && sameIp(pod.ip, line.clientIp) && isDuring(pod, line),
    );
    for (const line of lines) taken.add(line);
    return atProxy(pod, atSidecar(pod, via), lines);
  });
}

/** Whether the sidecar says that it had a connection to the proxy. One that has none ends the trip there. */
export function wentOn({ upstreamHost, responseFlags }: SidecarStatement): boolean {
  // UF: it tried that host and got no connection.
  return upstreamHost !== undefined && !responseFlags.split(',').includes('UF');
}

/** kubelet's stamp of a client's line can be late on a busy machine; the port itself comes round after minutes only. */
const clientLagMs = 10_000;
/** Rounding of two logs on one node. */
const skewMs = 50;
/** By how much one side may notice the end of a connection after the other. */
const closeLagMs = 3000;

/** The pod's trips with their sidecar lines, and the sidecar's lines that are nobody's. */
function atSidecar(pod: PodTraffic, via: Endpoint): Crossing[] {
  const lines = pod.sidecar.filter((line) => sameEndpoint(line.downstreamLocal, via));
  const byPort = grouped(lines, ({ downstreamRemote }) => downstreamRemote?.port);
  const ofPort = ({ connection }: ClientTrip): readonly SidecarStatement[] =>
    connection === undefined ? [] : (byPort.get(connection.port) ?? []);
  const of = new Map(
    closest(pod.trips, ofPort, ({ connection, startedAt, endedAt }, line) => {
      if (!sameEndpoint(connection, line.downstreamRemote)) return undefined;
      const within = line.startedAt >= startedAt - clientLagMs && line.startedAt <= endedAt + clientLagMs;
      return within ? Math.abs(line.startedAt - startedAt) : undefined;
    }),
  );
  const used = new Set(of.values());
  const nobodys = lines.filter((line) => !used.has(line));
  return [
    ...pod.trips.map((trip) => ({ pod, trip, sidecar: of.get(trip), proxy: undefined })),
    ...nobodys.map((sidecar) => ({ pod, trip: undefined, sidecar, proxy: undefined })),
  ];
}

/** The same with the pod's lines of the proxy, and those of them that are nobody's. */
function atProxy(pod: PodTraffic, told: readonly Crossing[], lines: readonly ProxyStatement[]): Crossing[] {
  const of = new Map<Crossing, ProxyStatement>();
  const free = new Set(lines);
  const inTime = new InTime(lines, ({ endedAt }) => endedAt);
  const near = (crossing: Crossing): readonly ProxyStatement[] => {
    const end = endOf(crossing);
    if (end === undefined) return [];
    return inTime.during(end - closeLagMs, end + closeLagMs).filter((line) => free.has(line));
  };
  // Same bytes first: a line whose bytes differ must not take the place of the one that is whole.
  for (const cost of [wholeLine, anyLine, lineOfClient]) {
    const open = told.filter((crossing) => !of.has(crossing));
    for (const [crossing, line] of closest(open, near, cost)) {
      of.set(crossing, line);
      free.delete(line);
    }
  }
  return [
    ...told.map((crossing) => ({ ...crossing, proxy: of.get(crossing) })),
    ...[...free].map((proxy) => ({ pod, trip: undefined, sidecar: undefined, proxy })),
  ];
}

/** When the connection ended, by who tells it best: the proxy sees that within `closeLagMs`. */
function endOf({ sidecar, trip }: Crossing): number | undefined {
  return sidecar === undefined ? trip?.endedAt : sidecar.startedAt + sidecar.durationMs;
}

/** How far apart two statements are in ms, undefined when they cannot be of the same connection. */
type Cost<T, L> = (one: T, line: L) => number | undefined;

const anyLine: Cost<Crossing, ProxyStatement> = ({ sidecar }, line) => {
  if (sidecar === undefined || !wentOn(sidecar)) return undefined;
  return together(sidecar.startedAt, sidecar.startedAt + sidecar.durationMs, line, skewMs);
};

const wholeLine: Cost<Crossing, ProxyStatement> = (crossing, line) =>
  crossing.sidecar !== undefined && bytesAgree(crossing.sidecar.bytesSent, line.bytes)
    ? anyLine(crossing, line)
    : undefined;

const lineOfClient: Cost<Crossing, ProxyStatement> = ({ trip, sidecar }, line) => {
  if (trip?.connection === undefined || sidecar !== undefined) return undefined;
  return together(trip.startedAt, trip.endedAt, line, closeLagMs);
};

/** Squid cannot have got the CONNECT before the connection began nor after it ended, and sees its end soon after. */
function together(from: number, to: number, line: ProxyStatement, slackMs: number): number | undefined {
  const startedAt = line.endedAt - line.elapsedMs;
  if (startedAt < from - slackMs || startedAt > to + slackMs) return undefined;
  const apart = Math.abs(line.endedAt - to);
  return apart > closeLagMs ? undefined : Math.abs(startedAt - from) + apart;
}

/** Whether a line is of the pod's time. */
function isDuring({ trips }: PodTraffic, line: ProxyStatement): boolean {
  const from = Math.min(...trips.map(({ startedAt }) => startedAt));
  const to = Math.max(...trips.map(({ endedAt }) => endedAt));
  return line.endedAt >= from - skewMs && line.endedAt <= to + clientLagMs;
}

/**
 * Pairs, the closest first: where a counterpart is missing, no neighbour's is taken for it before the neighbour had it.
 * @param near The lines that may be of one, so that it is not held against all
 */
function closest<T, L>(ones: readonly T[], near: (one: T) => readonly L[], cost: Cost<T, L>): [T, L][] {
  const claims = ones.flatMap((one) =>
    near(one).flatMap((line) => {
      const apart = cost(one, line);
      return apart === undefined ? [] : [{ one, line, apart }];
    }),
  );
  claims.sort((a, b) => a.apart - b.apart);
  const pairs = new Map<T, L>();
  const used = new Set<L>();
  for (const { one, line } of claims) {
    if (pairs.has(one) || used.has(line)) continue;
    pairs.set(one, line);
    used.add(line);
  }
  return [...pairs];
}
