import { agrees } from '../trip/judgement.ts';
import type { SidecarStatement } from '../trip/statements.ts';
import type { TrafficEvent } from './account.ts';
import { wentOn, type Crossing, type PodTraffic } from './counterparts.ts';
import type { TrafficKind } from './trips.ts';

/** What happened to one connection that should not have. */
export interface Happening {
  readonly what: TrafficEvent['what'];
  readonly pod: PodTraffic;
  readonly kind: TrafficKind | undefined;
  /** ms since the epoch. */
  readonly at: number;
  readonly where?: NonNullable<TrafficEvent['where']>;
  readonly why: string;
  readonly line?: string;
}

/** What happened to a connection that should not have: nothing, for a sound one. @param proxyTells Its log is read */
export function eventsOf(crossing: Crossing, cluster: string, proxyTells: boolean): Happening[] {
  const { pod, trip, sidecar } = crossing;
  const happenings: Happening[] = [];
  const kind = trip?.kind;
  const line = sidecar === undefined ? {} : { line: sidecar.line };
  if (trip !== undefined && trip.outcome !== 'completed') {
    const why = `${trip.why}${sidecar === undefined ? '' : saidOf(sidecar, cluster)}`;
    happenings.push({ what: trip.outcome, pod, kind, at: trip.failedAt ?? trip.endedAt, why, ...line });
  }
  // Of one that was refused, the line before has said it.
  if (sidecar !== undefined && sidecar.upstreamCluster !== cluster && trip?.outcome !== 'refused') {
    const why = `the sidecar sent it to ${sidecar.upstreamCluster}`;
    happenings.push({ what: 'astray', pod, kind, at: sidecar.startedAt, why, ...line });
  }
  const silent = whoIsSilent(crossing, proxyTells);
  return silent === undefined ? happenings : [...happenings, { what: 'lost', pod, kind, ...silent }];
}

function saidOf(
  { responseFlags, upstreamCluster, responseCodeDetails }: SidecarStatement,
  cluster: string,
): string {
  const said = [
    ...(responseFlags === '-' ? [] : [responseFlags]),
    ...(responseCodeDetails === '-' ? [] : [responseCodeDetails]),
    ...(upstreamCluster === cluster ? [] : [`cluster ${upstreamCluster}`]),
  ];
  return said.length === 0 ? '' : `; the sidecar: ${said.join(' ')}`;
}

/** Who must have seen the connection and says nothing of it, or not the same. */
function whoIsSilent(
  { pod, trip, sidecar, proxy }: Crossing,
  proxyTells: boolean,
): Pick<Happening, 'at' | 'where' | 'why' | 'line'> | undefined {
  if (trip === undefined) {
    const why = 'a connection that no client tells of';
    const line = sidecar?.line ?? proxy?.line ?? '';
    const at = sidecar === undefined ? (proxy?.endedAt ?? 0) : sidecar.startedAt + sidecar.durationMs;
    return { where: 'client', at, why, line };
  }
  if (sidecar === undefined) {
    if (trip.connection === undefined) return undefined;
    const line = proxy === undefined ? {} : { line: proxy.line };
    const unreadable = pod.unreadable === undefined ? '' : ` that could be read: ${pod.unreadable}`;
    const why = `no line in the sidecar's access log${unreadable}`;
    return { where: 'sidecar', at: trip.endedAt, why, ...line };
  }
  if (!wentOn(sidecar) || !proxyTells) return undefined;
  if (proxy === undefined) {
    return { where: 'proxy', at: trip.endedAt, why: "no line in Squid's access log", line: sidecar.line };
  }
  if (agrees('proxy.bytes', { via: undefined, sidecar, proxy }) !== false) return undefined;
  const why = 'other bytes than the sidecar passed on';
  return { where: 'proxy', at: trip.endedAt, why, line: `${proxy.line} / ${sidecar.line}` };
}

/** Longer apart, two of the same are two events. */
const sameEventMs = 5000;

/** The events in the order of time; the same in a row is one, so that a minute without a proxy is not 500 lines. */
export function merged(happenings: readonly Happening[], phaseAt: (at: number) => string): TrafficEvent[] {
  const open = new Map<string, { event: TrafficEvent; last: number }>();
  const events: TrafficEvent[] = [];
  for (const { what, pod, kind, at, where, why, line } of [...happenings].sort((a, b) => a.at - b.at)) {
    const phase = phaseAt(at);
    const restarted = pod.leavingAt !== undefined && at >= pod.leavingAt;
    const key = JSON.stringify([what, pod.pod, kind, phase, restarted, where, why]);
    const same = open.get(key);
    if (same !== undefined && at - same.last <= sameEventMs) {
      same.event.count += 1;
      same.event.until = new Date(at).toISOString();
      same.last = at;
      continue;
    }
    const moment = new Date(at).toISOString();
    const event: TrafficEvent = {
      ...{
        what,
        workload: pod.workload,
        pod: pod.pod,
        count: 1,
        at: moment,
        until: moment,
        phase,
        restarted,
        why,
      },
      ...(kind === undefined ? {} : { kind }),
      ...(where === undefined ? {} : { where }),
      ...(line === undefined ? {} : { line }),
    };
    open.set(key, { event, last: at });
    events.push(event);
  }
  return events;
}
