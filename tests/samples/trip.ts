import { expect } from 'vitest';
import { correlate, type Observation } from '../../helpers/trip/correlate.ts';
import { originLogFormat, userAgent } from '../../helpers/trip/origin.ts';
import type {
  ClientStatement,
  LogWitness,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Trip,
} from '../../helpers/trip/statements.ts';

/**
 * Lines that real components wrote for the document's requests (Istio 1.29.1 on Envoy 1.37.0, Squid 5.7), and trips
 * made of them, for tests. Addresses: clients 10.42.0.6 (no sidecar) and .7, Squid 10.42.0.5, origin 10.42.0.4.
 */
export const lines = {
  baselineProxy:
    '1795362440.797     12 10.42.0.6 TCP_TUNNEL/200 2061 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -',
  sidecar:
    '[2026-11-22T15:47:25.644Z] "- - -" 0 - - - "-" 861 2085 8 - "-" "-" "-" "-" "10.42.0.5:3128" outbound|3128||my-company-proxy.com 10.42.0.7:43634 10.42.0.5:3128 10.42.0.7:43630 - -',
  /** The Squid line of the sidecar's line; only its times were not kept, and are set to fit. */
  proxy:
    '1795362445.652      7 10.42.0.7 TCP_TUNNEL/200 2085 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -',
  /** The document's own, of December 2018. */
  document2018:
    '[2018-12-07T10:38:02.841Z] "- - -" 0 - 702 87599 92 - "-" "-" "-" "-" "172.30.109.95:3128" outbound|3128||my-company-proxy.com 172.30.230.52:44478 172.30.109.95:3128 172.30.230.52:44476 -',
  document2018Proxy:
    '1544160065.248 228 172.30.109.89 TCP_TUNNEL/200 87633 CONNECT en.wikipedia.org:443 - HIER_DIRECT/91.198.174.192 -',
  passthrough:
    '[2026-11-22T15:47:25.644Z] "- - -" 0 - - - "-" 861 2085 8 - "-" "-" "-" "-" "10.42.0.5:3128" PassthroughCluster 10.42.0.7:43634 10.42.0.5:3128 10.42.0.7:43630 - -',
  blackhole:
    '[2026-11-22T15:47:25.644Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 10.42.0.5:3128 10.42.0.7:43630 - -',
  routeNotFound:
    '[2026-11-22T15:47:25.644Z] "CONNECT - HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "-" "curl/7.88.1" "8b1a4b6e-53a2-9f0f-8f43-6a8a3d4ab0d6" "en.wikipedia.org:443" "-" - - 10.42.0.5:3128 10.42.0.7:43630 - -',
  denied:
    '1795362445.652      0 10.42.0.7 TCP_DENIED/403 3899 CONNECT en.wikipedia.org:444 - HIER_NONE/- text/html',
  agent: '2026-11-22T15:47:20.102334Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod:15012',
  envoy: '[2026-11-22 15:47:20.102][14][info][main] [source/server/server.cc:1016] all clusters initialized',
} as const;

export const tripId = 'trip-1';
export const url = 'https://en.wikipedia.org/wiki/Main_Page';
export const cluster = 'outbound|3128||my-company-proxy.com';
export const title = 'Wikipedia, the free encyclopedia';
export const via = { ip: '10.42.0.5', port: 3128 };
/** When the sidecar's connection began, ms since the epoch. */
export const startedAt = Date.parse('2026-11-22T15:47:25.644Z');

/** A line of the hermetic origin, as nginx writes it with {@link originLogFormat}. */
export function originLine(changes: Readonly<Record<string, string>> = {}): string {
  const values: Readonly<Record<string, string>> = {
    msec: ((startedAt + 6) / 1000).toFixed(3),
    remote_addr: '10.42.0.5',
    remote_port: '50322',
    host: 'en.wikipedia.org',
    request: 'GET /wiki/Main_Page HTTP/1.1',
    status: '200',
    body_bytes_sent: '212',
    http_user_agent: userAgent(tripId),
    ssl_server_name: 'en.wikipedia.org',
    ...changes,
  };
  const template = [...originLogFormat.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '').join('');
  return template.replace(/\$([a-z_]+)/g, (_whole, name: string) =>
    JSON.stringify(values[name]).slice(1, -1),
  );
}

/** curl's statement of the document's request from the mesh; `changes` replace fields. */
export function client(changes: Partial<ClientStatement> = {}): ClientStatement {
  return {
    witness: 'client',
    pod: 'default/sleep-7656cf8794-xk4zq',
    podIp: '10.42.0.7',
    command: `HTTPS_PROXY=10.42.0.5:3128 curl ${url}`,
    exitCode: 0,
    errorMessage: '',
    local: { ip: '10.42.0.7', port: 43630 },
    remote: via,
    httpStatus: 200,
    connectStatus: 200,
    bytesDownloaded: 212,
    title,
    startedAt: startedAt - 60,
    endedAt: startedAt + 40,
    timeTotalMs: 9,
    ...changes,
  };
}

/** A sound observation of the document's request from the mesh; `changes` replace fields. */
export function observation(changes: Partial<Observation> = {}): Observation {
  return {
    id: tripId,
    url,
    via,
    client: client(),
    lines: { sidecar: [lines.sidecar], proxy: [lines.proxy], origin: [originLine()] },
    ...changes,
  };
}

/** The trip that {@link observation} makes; `changes` replace fields afterwards, as no correlation would. */
export function soundTrip(changes: Partial<Trip> = {}): Trip {
  return { ...correlate(observation()), ...changes };
}

/** The trip of these logs, the others as they should be. */
export function withLogs(
  logs: Partial<Record<LogWitness, readonly string[] | undefined>>,
  changes: Partial<ClientStatement> = {},
): Trip {
  return correlate(observation({ client: client(changes), lines: { ...observation().lines, ...logs } }));
}

/** The sound trip with fields of one witness's statement changed, as no correlation would. */
export function withSidecar(changes: Partial<SidecarStatement>): Trip {
  const trip = soundTrip();
  return { ...trip, sidecar: trip.sidecar?.map((line) => ({ ...line, ...changes })) };
}

/** See {@link withSidecar}. */
export function withProxy(changes: Partial<ProxyStatement>): Trip {
  const trip = soundTrip();
  return { ...trip, proxy: trip.proxy?.map((line) => ({ ...line, ...changes })) };
}

/** See {@link withSidecar}. */
export function withOrigin(changes: Partial<OriginStatement>): Trip {
  const trip = soundTrip();
  return { ...trip, origin: trip.origin?.map((line) => ({ ...line, ...changes })) };
}

/** See {@link withSidecar}. */
export function withClient(changes: Partial<ClientStatement>): Trip {
  return soundTrip({ client: client(changes) });
}

/** The client's statement of a request that brought nothing. */
export function failed(
  exitCode: number,
  errorMessage: string,
  changes: Partial<ClientStatement> = {},
): Partial<ClientStatement> {
  return {
    exitCode,
    errorMessage,
    httpStatus: 0,
    connectStatus: 0,
    bytesDownloaded: 0,
    title: undefined,
    ...changes,
  };
}

/** `expect.stringContaining`, which is typed as any. */
export function containing(text: string): unknown {
  return expect.stringContaining(text);
}
