import type { Observation } from '../../helpers/trip/correlate.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import { defaultTextFormats } from '../../helpers/trip/envoy.ts';
import { envoyLine, formatProxyLine } from './log-lines.ts';
import type { ClientStatement, LogWitness } from '../../helpers/trip/statements.ts';
import { userAgent } from '../../helpers/trip/origin.ts';
import type { Load } from '../../helpers/scale/load.ts';
import { tripId } from '../../helpers/scale/objects.ts';

/** Made-up trips of many clients at once, for tests and measurements: what all who see them write. */

export const via = { ip: '10.42.0.5', port: 3128 };
export const cluster = 'outbound|3128||my-company-proxy.com';
export const url = 'https://en.wikipedia.org/held';
export const title = 'Wikipedia, the free encyclopedia';
/** When the first wave begins, ms since the epoch, in a whole second. */
export const begin = Date.parse('2026-11-25T18:00:00.000Z');

const heldMs = 6_000;
const waveMs = 10_000;

/** One trip, and the line of each witness. */
export interface SampleTrip {
  readonly id: string;
  readonly pod: string;
  readonly client: ClientStatement;
  readonly lines: Readonly<Record<LogWitness, string>>;
}

/** Sound trips; every pod's tunnels open within a second, and differ in their bytes. */
export function sampleTrips({ clients, tunnels, waves }: Load): SampleTrip[] {
  const trips: SampleTrip[] = [];
  for (let wave = 1; wave <= waves; wave += 1) {
    for (let pod = 0; pod < clients; pod += 1) {
      for (let tunnel = 1; tunnel <= tunnels; tunnel += 1) trips.push(sampleTrip(wave, pod, tunnel));
    }
  }
  return trips;
}

function sampleTrip(wave: number, number: number, tunnel: number): SampleTrip {
  const pod = `conformance-clients-${number}`;
  const ip = `10.42.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
  const id = tripId(pod, wave, tunnel);
  const from = begin + (wave - 1) * waveMs;
  const startedAt = from + 100 + ((number * 7 + tunnel * 13) % 800);
  const local = { ip, port: 32_768 + ((wave * 300 + tunnel) % 28_000) };
  const bytes = 2_300 + tunnel * 64;
  const client: ClientStatement = {
    witness: 'client',
    pod: `default/${pod}`,
    podIp: ip,
    command: 'curl',
    exitCode: 0,
    errorMessage: '',
    local,
    remote: via,
    httpStatus: 200,
    connectStatus: 200,
    bytesDownloaded: 273,
    title,
    startedAt: from,
    endedAt: from + 8_000,
    timeTotalMs: heldMs,
  };
  const sidecar = envoyLine(
    defaultTextFormats['1.9+'],
    new Map([
      ['START_TIME', new Date(startedAt).toISOString()],
      ['RESPONSE_CODE', '0'],
      ['BYTES_RECEIVED', '861'],
      ['BYTES_SENT', String(bytes)],
      ['DURATION', String(heldMs)],
      ['UPSTREAM_HOST', formatEndpoint(via)],
      ['UPSTREAM_CLUSTER_RAW', cluster],
      ['DOWNSTREAM_LOCAL_ADDRESS', formatEndpoint(via)],
      ['DOWNSTREAM_REMOTE_ADDRESS', formatEndpoint(local)],
    ]),
  );
  const proxy = formatProxyLine({
    endedAt: startedAt + heldMs + 1,
    elapsedMs: heldMs,
    clientIp: ip,
    result: 'TCP_TUNNEL',
    status: 200,
    bytes,
    method: 'CONNECT',
    target: 'en.wikipedia.org:443',
    hierarchy: 'HIER_DIRECT',
    peer: '10.42.0.4',
  });
  const origin = JSON.stringify({
    time: ((startedAt + heldMs) / 1000).toFixed(3),
    ...{ remote_addr: via.ip, remote_port: String(local.port), host: 'en.wikipedia.org' },
    ...{ request: 'GET /held HTTP/1.1', status: '200', bytes: '273' },
    user_agent: userAgent(id),
    server_name: 'en.wikipedia.org',
  });
  return { id, pod, client, lines: { sidecar, proxy, origin } };
}

/** What would be observed of them; each pod's trips share the log of its sidecar, all of them the others' logs. */
export function observationsOf(
  trips: readonly SampleTrip[],
  isThere: (trip: SampleTrip, witness: LogWitness) => boolean = () => true,
): Observation[] {
  const lines = (witness: LogWitness, own: readonly SampleTrip[]): string[] =>
    own.filter((trip) => isThere(trip, witness)).map((trip) => trip.lines[witness]);
  const proxy = lines('proxy', trips);
  const origin = lines('origin', trips);
  const pods = Map.groupBy(trips, ({ pod }) => pod);
  const sidecars = new Map([...pods].map(([pod, own]) => [pod, lines('sidecar', own)]));
  return trips.map(({ id, pod, client }) => ({
    ...{ id, url, via, client },
    lines: { sidecar: sidecars.get(pod), proxy, origin },
  }));
}
