import type { StampedLine } from '../kube/lines.ts';
import { firstToRead, parseSidecarLine, type ReadSidecarLine } from '../trip/envoy.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { isFailure, type ProxyStatement } from '../trip/statements.ts';
import { parseProxyLine } from '../trip/squid.ts';
import type { TrafficAccount, TrafficTimeline } from './account.ts';
import { crossings, wentOn, type Crossing, type PodTraffic, type TrafficPod } from './counterparts.ts';
import { eventsOf, merged, type Happening } from './events.ts';
import { readClientLog } from './record.ts';
import { tripsOf, type ClientTrip, type TrafficKind } from './trips.ts';

/** What was logged of the traffic of one pod. */
export interface PodLogs extends TrafficPod {
  readonly requests: readonly StampedLine[];
  readonly tunnels: readonly StampedLine[];
  readonly sidecar: readonly string[];
}

/** All that was logged of live traffic; times in ms since the epoch by the node's clock. */
export interface TrafficLogs {
  readonly startedAt: number;
  readonly endedAt: number;
  /** In the order of time; what is older than the first belongs to it. */
  readonly phases: readonly { readonly name: string; readonly at: number }[];
  readonly pods: readonly PodLogs[];
  /** Squid's access log; undefined where the proxy's is not read. */
  readonly squid: readonly string[] | undefined;
  /** The proxy, as the clients are told, and its other addresses. */
  readonly via: Endpoint;
  readonly given?: readonly Endpoint[] | undefined;
  /** Where the sidecars must send the traffic, e.g. `outbound|3128||my-company-proxy.com`. */
  readonly cluster: string;
  /** How lines of the sidecars are read; none where they are in Istio's default format. */
  readonly readers?: readonly ReadSidecarLine[];
  /** Logs that could not be read whole. */
  readonly unread: readonly string[];
  /** The node's clock minus this process's, which all of these times have been corrected by. */
  readonly clockOffsetMs?: number;
}

/** Accounts for every trip of live traffic: what became of it, and whether all who must have seen it did. */
export function accountOf(logs: TrafficLogs): TrafficAccount {
  const unread = [...logs.unread];
  const read = firstToRead(logs.readers ?? []) ?? parseSidecarLine;
  const pods = logs.pods.map((pod) => readPod(pod, read, unread));
  const { squid, via, given, cluster } = logs;
  const all = crossings(pods, readSquid(squid ?? [], unread), { via, given });
  const happened = (crossing: Crossing): Happening[] => eventsOf(crossing, cluster, squid !== undefined);
  // What a client did before its first page is no traffic yet; its lines are its own all the same.
  const counted = all.filter(({ trip }) => trip?.warm !== true);
  // Where the sidecar is ready first, not even the first packet may go wrong.
  const fromTheStart = all.filter(({ trip, pod }) => trip?.warm === true && pod.sidecarFirst);
  const happenings = [
    ...counted.flatMap(happened),
    ...fromTheStart.flatMap((crossing) => happened(crossing).map(atItsStart)),
  ];
  const phaseAt = phaseFinder(logs.phases);
  return {
    startedAt: iso(logs.startedAt),
    endedAt: iso(logs.endedAt),
    clients: clientsOf(pods, counted, happenings),
    phases: logs.phases.map((phase) => {
      const here = (at: number): boolean => phaseAt(at) === phase;
      const trips = counted.flatMap(({ trip }) => trip ?? []);
      return {
        name: phase.name,
        startedAt: iso(phase.at),
        opened: trips.filter(({ startedAt }) => here(startedAt)).length,
        ...outcomes(trips.filter(({ failedAt, endedAt }) => here(failedAt ?? endedAt))),
        lost: happenings.filter(({ what, at }) => what === 'lost' && here(at)).length,
        astray: happenings.filter(({ what, at }) => what === 'astray' && here(at)).length,
      };
    }),
    sums: sumsOf(counted, squid !== undefined),
    events: merged(happenings, (at) => phaseAt(at).name),
    gaps: (['kept', 'restarted'] as const).flatMap((workload) => {
      const gap = longestGap(pods.filter((pod) => pod.workload === workload));
      if (gap === undefined) return [];
      const { from, until } = gap;
      return [{ workload, ms: until - from, from: iso(from), until: iso(until), phase: phaseAt(from).name }];
    }),
    timeline: timelineOf(logs.startedAt, logs.endedAt, counted),
    ...(logs.clockOffsetMs === undefined ? {} : { clockOffsetMs: logs.clockOffsetMs }),
    unread,
  };
}

function atItsStart(happening: Happening): Happening {
  return { ...happening, why: `at the application's start, after its sidecar was ready: ${happening.why}` };
}

function readPod(logs: PodLogs, read: ReadSidecarLine, unread: string[]): PodTraffic {
  const { requests, tunnels, sidecar: lines, ...pod } = logs;
  const clientLogs = { requests, tunnels };
  const parsed = lines.map(read);
  const sidecar = parsed.flatMap((line) => (isFailure(line) ? [] : [line]));
  const [first, ...more] = parsed.flatMap((line) =>
    isFailure(line) && (line.kind === 'foreign-format' || line.kind === 'json') ? [line] : [],
  );
  // A line that resembles no format at all is not told from what Envoy says of itself.
  const last = sidecar.length === 0 ? lines.findLast((line) => line.trim() !== '') : undefined;
  if (first !== undefined) {
    unread.push(`${more.length + 1} lines of the access log of ${pod.pod}: ${first.why}: ${first.line}`);
  }
  return {
    ...pod,
    trips: (['requests', 'tunnels'] as const).flatMap((kind) => {
      const log = readClientLog(clientLogs[kind]);
      const { ready, closed } = log.moments;
      if (ready !== undefined && closed === undefined) {
        unread.push(`${kind} of ${pod.pod}: its last word is missing; it was killed, or ended by itself`);
      }
      return tripsOf(kind, log);
    }),
    sidecar,
    unreadable: first?.why ?? (last === undefined ? undefined : `its log ends with: ${last}`),
  };
}

function readSquid(lines: readonly string[], unread: string[]): ProxyStatement[] {
  const parsed = lines.map(parseProxyLine);
  const foreign = parsed.flatMap((line) => (isFailure(line) && line.kind !== 'empty' ? [line] : []));
  if (foreign[0] !== undefined) {
    unread.push(`${foreign.length} lines of Squid's access log: ${foreign[0].why}: ${foreign[0].line}`);
  }
  return parsed.flatMap((line) => (isFailure(line) ? [] : [line]));
}

function clientsOf(
  pods: readonly PodTraffic[],
  counted: readonly Crossing[],
  happenings: readonly Happening[],
): TrafficAccount['clients'] {
  return (['kept', 'restarted'] as const).flatMap((workload) =>
    (['requests', 'tunnels'] as const).map((kind) => {
      const trips = counted.flatMap(({ pod, trip }) =>
        pod.workload === workload && trip?.kind === kind ? [trip] : [],
      );
      const happened = (what: Happening['what']): number =>
        happenings.filter((one) => one.what === what && one.pod.workload === workload && one.kind === kind)
          .length;
      return {
        workload,
        kind,
        pods: pods.filter((pod) => pod.workload === workload && has(pod, kind)).length,
        opened: trips.length,
        ...outcomes(trips),
        lost: happened('lost'),
        astray: happened('astray'),
        exchanges: trips.reduce((sum, { exchanges }) => sum + exchanges, 0),
        refusedAtStart: pods
          .filter((pod) => pod.workload === workload)
          .flatMap((pod) => pod.trips)
          .filter((trip) => trip.kind === kind && trip.warm && trip.outcome !== 'completed').length,
      };
    }),
  );
}

function has({ trips }: PodTraffic, kind: TrafficKind): boolean {
  return trips.some((trip) => trip.kind === kind && !trip.warm);
}

function outcomes(trips: readonly ClientTrip[]): { completed: number; refused: number; cut: number } {
  const of = (wanted: ClientTrip['outcome']): number =>
    trips.filter(({ outcome }) => outcome === wanted).length;
  return { completed: of('completed'), refused: of('refused'), cut: of('cut') };
}

function sumsOf(counted: readonly Crossing[], proxyTells: boolean): TrafficAccount['sums'] {
  const sidecar = counted.flatMap((crossing) => crossing.sidecar ?? []);
  return {
    client: counted.filter(({ trip }) => trip?.connection !== undefined).length,
    sidecar: sidecar.length,
    ...(proxyTells ? { proxy: counted.filter(({ proxy }) => proxy !== undefined).length } : {}),
    endedAtSidecar: sidecar.filter((line) => !wentOn(line)).length,
  };
}

type Phase = TrafficLogs['phases'][number];

function phaseFinder(phases: readonly Phase[]): (at: number) => Phase {
  const [first] = phases;
  if (first === undefined) throw new TypeError('live traffic has a phase at least');
  return (at) => phases.findLast((phase) => phase.at <= at) ?? first;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

interface Gap {
  /** The last good request before it, and the next one; ms since the epoch. */
  readonly from: number;
  readonly until: number;
}

/**
 * The longest time in which no request of a workload had its page, over all of its pods: how long a user of that
 * workload would have waited. Undefined before there were two.
 */
export function longestGap(pods: readonly { readonly trips: readonly ClientTrip[] }[]): Gap | undefined {
  const requests = pods
    .flatMap(({ trips }) => trips)
    .filter(({ kind, warm }) => kind === 'requests' && !warm);
  const good = requests.filter(({ outcome }) => outcome === 'completed').map(({ endedAt }) => endedAt);
  // Where the last ones failed the gap goes on to the end, and where the first ones did from the beginning.
  const ends = [
    Math.min(...requests.map(({ startedAt }) => startedAt)),
    Math.max(...requests.map(({ endedAt }) => endedAt)),
  ];
  const times = [...good, ...ends].filter(Number.isFinite).sort((a, b) => a - b);
  return times
    .slice(1)
    .map((until, index) => ({ from: times[index] ?? until, until }))
    .reduce<Gap | undefined>(
      (longest, gap) =>
        longest === undefined || gap.until - gap.from > longest.until - longest.from ? gap : longest,
      undefined,
    );
}

/** A second shows a pod's restart; shorter, the two or three requests of an interval would be noise. */
const stepMs = 1000;

/**
 * Counts of what became of the trips, second by second: what a plot of live traffic is drawn from. What lies outside
 * of the account's time is counted in its first or last interval, so that the sums are those of the account.
 * @param startedAt ms since the epoch by the node's clock, as `endedAt`
 */
function timelineOf(
  startedAt: number,
  endedAt: number,
  crossings: readonly Pick<Crossing, 'pod' | 'trip'>[],
): TrafficTimeline {
  const intervals = Math.max(1, Math.ceil((endedAt - startedAt) / stepMs));
  const indexOf = (at: number): number =>
    Math.min(intervals - 1, Math.max(0, Math.floor((at - startedAt) / stepMs)));
  const series = (['kept', 'restarted'] as const).map((workload) => {
    const counts = (): number[] => Array.from({ length: intervals }, () => 0);
    const all = {
      opened: counts(),
      completed: counts(),
      refused: counts(),
      cut: counts(),
      tunnels: counts(),
    };
    const count = (what: keyof typeof all, at: number): void => {
      const index = indexOf(at);
      all[what][index] = (all[what][index] ?? 0) + 1;
    };
    for (const { pod, trip } of crossings) {
      if (pod.workload !== workload || trip === undefined) continue;
      count('opened', trip.startedAt);
      count(trip.outcome, trip.failedAt ?? trip.endedAt);
      if (trip.kind === 'requests') continue;
      const last = indexOf(trip.endedAt);
      for (let index = indexOf(trip.startedAt); index <= last; index += 1)
        count('tunnels', startedAt + index * stepMs);
    }
    return { workload, ...all };
  });
  return { stepMs, series };
}
