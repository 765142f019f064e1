import type { StampedLine } from '../../helpers/kube/lines.ts';
import { formatProxyLine } from './log-lines.ts';
import type { PodLogs, TrafficLogs } from '../../helpers/traffic/account-of.ts';
import type { Workload } from '../../helpers/traffic/account.ts';

/** Made-up live traffic for tests: what all who see it write, for connections described in a few words. */

export const via = { ip: '10.42.0.6', port: 3128 };
export const cluster = 'outbound|3128||my-company-proxy.com';
/** When the traffic starts, ms since the epoch. */
export const begin = Date.parse('2026-11-24T05:00:00.000Z');

/** One connection as it was; what is left out went well. */
export interface SampleTrip {
  /** ms after `begin`. */
  readonly at: number;
  /** Its client's port. */
  readonly port: number;
  readonly lastsMs?: number;
  /** `warm` and `request` are one exchange, `tunnel-N` one every 250 ms. */
  readonly of?: string;
  /** Page and answer to CONNECT. */
  readonly bytes?: number;
  readonly cluster?: string;
  /** Who does not tell of it. */
  readonly silent?: readonly ('client' | 'sidecar' | 'proxy')[];
  /** How its last exchange ended, by the client. */
  readonly fails?: {
    readonly exit: number;
    readonly connect: number;
    readonly status?: number;
    readonly words: string;
  };
  /** Envoy's response flags; with UF it had no connection to the proxy. */
  readonly flags?: string;
  /** Size that Squid logs, where that is another. */
  readonly squidBytes?: number;
}

export interface SamplePod {
  readonly workload: Workload;
  readonly pod?: string;
  readonly ip: string;
  readonly trips: readonly SampleTrip[];
  /** ms after `begin`: told to end, ended in good order. `closed: undefined` for a client that never said so. */
  /** Its sidecar was ready before its clients began; so when not given. */
  readonly sidecarFirst?: boolean;
  readonly closing?: number;
  readonly closed?: number | undefined;
}

/** With Squid's log, which is there. */
type SampleLogs = TrafficLogs & { readonly squid: readonly string[] };

/** The logs of these pods. */
export function trafficOf(pods: readonly SamplePod[], changes: Partial<SampleLogs> = {}): SampleLogs {
  return {
    startedAt: begin,
    endedAt: begin + 60_000,
    phases: [
      { name: 'before', at: begin },
      { name: 'upgrade', at: begin + 20_000 },
      { name: 'after', at: begin + 40_000 },
    ],
    pods: pods.map(podLogs),
    squid: pods.flatMap(({ ip, trips }) => trips.flatMap((trip) => squidLine(ip, trip))),
    via,
    cluster,
    unread: [],
    ...changes,
  };
}

/** A request every 250 ms from `from` on, in ms after `begin`. */
export function requests(count: number, from = 1000, firstPort = 40_000): SampleTrip[] {
  return Array.from({ length: count }, (_, index) => ({ at: from + index * 250, port: firstPort + index }));
}

/** Two tunnels from `from` to `to`, in ms after `begin`. */
export function tunnels(from = 1000, to = 50_000, firstPort = 50_000): SampleTrip[] {
  return [1, 2].map((tunnel) => ({
    of: `tunnel-${tunnel}`,
    at: from + tunnel,
    lastsMs: to - from,
    port: firstPort + tunnel,
    bytes: 9000 + tunnel,
  }));
}

/** One sound pod of each workload. */
export function soundPods(): [SamplePod, SamplePod] {
  const trips = [...requests(40), ...tunnels()];
  return [
    { workload: 'kept', ip: '10.42.0.7', trips, closing: 50_000, closed: 53_000 },
    { workload: 'restarted', ip: '10.42.0.8', trips, closing: 50_000, closed: 53_000 },
  ];
}

const pageBytes = 2200;
const exchangeMs = 250;

function podLogs(sample: SamplePod): PodLogs {
  const { workload, pod = `${sample.workload}-abc`, ip, trips, sidecarFirst = true, ...times } = sample;
  const { closing } = times;
  const closed = 'closed' in times ? times.closed : 55_000;
  const moments = [
    { at: begin + 500, text: 'event|ready' },
    ...(closing === undefined ? [] : [{ at: begin + closing, text: 'event|closing' }]),
    ...(closed === undefined ? [] : [{ at: begin + closed, text: 'event|closed' }]),
  ];
  const heard = trips.filter(({ silent = [] }) => !silent.includes('client'));
  const isTunnel = ({ of = 'request' }: SampleTrip): boolean => of.startsWith('tunnel');
  const log = (of: readonly SampleTrip[]): StampedLine[] =>
    [...of.flatMap((trip) => records(ip, trip)), ...moments].sort((a, b) => a.at - b.at);
  return {
    workload,
    pod,
    ip,
    leavingAt: closing === undefined ? undefined : begin + closing,
    sidecarFirst,
    requests: log(heard.filter((trip) => !isTunnel(trip))),
    tunnels: log(heard.filter(isTunnel)),
    sidecar: trips.flatMap((trip) => sidecarLine(ip, trip)),
  };
}

function records(ip: string, trip: SampleTrip): StampedLine[] {
  const { at, port, of = 'request', lastsMs = 20, fails } = trip;
  const count = of.startsWith('tunnel') ? Math.max(1, Math.floor(lastsMs / exchangeMs)) : 1;
  return Array.from({ length: count }, (_, index) => {
    const last = index === count - 1;
    const end = count === 1 ? at + lastsMs : at + 20 + index * exchangeMs;
    const { exit, status, connect, words } =
      fails !== undefined && last
        ? { status: 0, ...fails }
        : { exit: 0, status: 200, connect: index === 0 ? 200 : 0, words: '' };
    const opened = index === 0 ? 1 : 0;
    const figures = [exit, status, connect, ip, port, opened, (Math.min(lastsMs, 20) / 1000).toFixed(6)];
    return { at: begin + end, text: [of, index + 1, ...figures, '', words].join('|') };
  });
}

function sidecarLine(ip: string, trip: SampleTrip): string[] {
  const { at, port, lastsMs = 20, bytes = pageBytes, flags = '-', silent = [] } = trip;
  if (silent.includes('sidecar')) return [];
  const start = new Date(begin + at).toISOString();
  const to = `${via.ip}:${via.port}`;
  const upstream = trip.cluster ?? cluster;
  return [
    `[${start}] "- - -" 0 ${flags} - - "-" 861 ${bytes} ${lastsMs} - "-" "-" "-" "-" "${to}" ${upstream} ${ip}:1 ${to} ${ip}:${port} - -`,
  ];
}

function squidLine(ip: string, trip: SampleTrip): string[] {
  const { at, lastsMs = 20, bytes = pageBytes, squidBytes = bytes, flags = '-', silent = [] } = trip;
  if (silent.includes('proxy') || flags.includes('UF')) return [];
  return [
    formatProxyLine({
      endedAt: begin + at + lastsMs,
      elapsedMs: lastsMs,
      clientIp: ip,
      result: 'TCP_TUNNEL',
      status: 200,
      bytes: squidBytes,
      method: 'CONNECT',
      target: 'en.wikipedia.org:443',
      hierarchy: 'HIER_DIRECT',
      peer: '10.42.0.2',
    }),
  ];
}
