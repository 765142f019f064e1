import type { StampedLine } from '../kube/lines.ts';
import { parseSidecarLine } from '../trip/envoy.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { isFailure, type ProxyStatement } from '../trip/statements.ts';
import { parseProxyLine } from '../trip/squid.ts';
import type { TrafficAccount, Workload } from './account.ts';
import { crossings, wentOn, type Crossing, type PodTraffic } from './counterparts.ts';
import { eventsOf, merged, type Happening } from './events.ts';
import { longestGap } from './gap.ts';
import { readClientLog } from './record.ts';
import { timelineOf } from './timeline.ts';
import { tripsOf, type ClientTrip, type TrafficKind } from './trips.ts';

/** What was logged of the traffic of one pod. */
export interface PodLogs {
  readonly workload: Workload;
  readonly pod: string;
  readonly ip: string;
  /** When it was told to end, undefined while it was not. */
  readonly leavingAt: number | undefined;
  /** Whether its clients start only once its sidecar is ready: then nothing may be refused at their start. */
  readonly sidecarFirst: boolean;
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
  /** Squid's access log. */
  readonly squid: readonly string[];
  /** The proxy, as the clients are told. */
  readonly via: Endpoint;
  /** Where the sidecars must send the traffic, e.g. `outbound|3128||my-company-proxy.com`. */
  readonly cluster: string;
  /** Logs that could not be read whole. */
  readonly unread: readonly string[];
  /** The node's clock minus this process's, which all of these times have been corrected by. */
  readonly clockOffsetMs?: number;
}

/** Accounts for every trip of live traffic: what became of it, and whether all who must have seen it did. */
export function accountOf(logs: TrafficLogs): TrafficAccount {
  const unread = [...logs.unread];
  const pods = logs.pods.map((pod) => readPod(pod, unread));
  const all = crossings(pods, readSquid(logs.squid, unread), logs.via);
  // What a client did before its first page is no traffic yet; its lines are its own all the same.
  const counted = all.filter(({ trip }) => trip?.warm !== true);
  // Where the sidecar is ready first, not even the first packet may go wrong.
  const fromTheStart = all.filter(({ trip, pod }) => trip?.warm === true && pod.sidecarFirst);
  const happenings = [
    ...counted.flatMap((crossing) => eventsOf(crossing, logs.cluster)),
    ...fromTheStart.flatMap((crossing) => eventsOf(crossing, logs.cluster).map(atItsStart)),
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
    sums: sumsOf(counted),
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

function readPod(logs: PodLogs, unread: string[]): PodTraffic {
  const { workload, pod, ip, leavingAt, sidecarFirst } = logs;
  const parsed = logs.sidecar.map(parseSidecarLine);
  const sidecar = parsed.flatMap((line) => (isFailure(line) ? [] : [line]));
  const [first, ...more] = parsed.flatMap((line) =>
    isFailure(line) && (line.kind === 'foreign-format' || line.kind === 'json') ? [line] : [],
  );
  // A line that resembles no format at all is not told from what Envoy says of itself.
  const last = sidecar.length === 0 ? logs.sidecar.findLast((line) => line.trim() !== '') : undefined;
  if (first !== undefined) {
    unread.push(`${more.length + 1} lines of the access log of ${pod}: ${first.why}: ${first.line}`);
  }
  return {
    workload,
    pod,
    ip,
    leavingAt,
    sidecarFirst,
    trips: (['requests', 'tunnels'] as const).flatMap((kind) => {
      const log = readClientLog(logs[kind]);
      const { ready, closed } = log.moments;
      if (ready !== undefined && closed === undefined) {
        unread.push(`${kind} of ${pod}: its last word is missing; it was killed, or ended by itself`);
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

function sumsOf(counted: readonly Crossing[]): TrafficAccount['sums'] {
  const sidecar = counted.flatMap((crossing) => crossing.sidecar ?? []);
  return {
    client: counted.filter(({ trip }) => trip?.connection !== undefined).length,
    sidecar: sidecar.length,
    proxy: counted.filter(({ proxy }) => proxy !== undefined).length,
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
