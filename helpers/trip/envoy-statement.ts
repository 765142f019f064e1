import { parseEndpoint } from './endpoint.ts';
import { parseCount } from './parse-failure.ts';
import type { Endpoint, SidecarStatement } from './statements.ts';

/** The fields of an access log line as text, `-` for absent, whichever encoding they came in. */
export interface SidecarFields {
  readonly startTime: string;
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly responseCode: string;
  readonly responseFlags: string;
  readonly responseCodeDetails: string;
  readonly connectionTermination: string;
  readonly upstreamFailure: string;
  readonly bytesReceived: string;
  readonly bytesSent: string;
  readonly duration: string;
  readonly upstreamHost: string;
  readonly upstreamCluster: string;
  readonly upstreamLocal: string;
  readonly downstreamLocal: string;
  readonly downstreamRemote: string;
}

/** The statement these fields make, or a phrase saying which field is not what it must be. */
export function sidecarStatement(line: string, fields: SidecarFields): SidecarStatement | string {
  const startedAt = parseTime(fields.startTime);
  if (startedAt === undefined) return `whose start time is ${fields.startTime}`;
  const responseCode = parseCount(fields.responseCode);
  if (responseCode === undefined) return `whose response code is ${fields.responseCode}`;
  const bytesReceived = parseCount(fields.bytesReceived);
  if (bytesReceived === undefined) return `whose bytes received are ${fields.bytesReceived}`;
  const bytesSent = parseCount(fields.bytesSent);
  if (bytesSent === undefined) return `whose bytes sent are ${fields.bytesSent}`;
  // `-` here is a line Envoy wrote while the connection was still open: it says nothing final yet.
  const durationMs = parseCount(fields.duration);
  if (durationMs === undefined) return `whose duration is ${fields.duration}`;
  const upstreamHost = address(fields.upstreamHost);
  if (upstreamHost === 'foreign') return `whose upstream host is ${fields.upstreamHost}`;
  const upstreamLocal = address(fields.upstreamLocal);
  if (upstreamLocal === 'foreign') return `whose upstream local address is ${fields.upstreamLocal}`;
  const downstreamLocal = address(fields.downstreamLocal);
  if (downstreamLocal === 'foreign') return `whose downstream local address is ${fields.downstreamLocal}`;
  const downstreamRemote = address(fields.downstreamRemote);
  if (downstreamRemote === 'foreign') return `whose downstream remote address is ${fields.downstreamRemote}`;
  return {
    witness: 'sidecar',
    line,
    startedAt,
    request: `${fields.method} ${fields.path} ${fields.protocol}`,
    responseCode,
    responseFlags: fields.responseFlags,
    responseCodeDetails: fields.responseCodeDetails,
    connectionTermination: fields.connectionTermination,
    upstreamFailure: fields.upstreamFailure,
    bytesReceived,
    bytesSent,
    durationMs,
    upstreamHost,
    // Some 1.23 and later proxies print the cluster's alternative stat name, which ends in a semicolon.
    upstreamCluster: fields.upstreamCluster.replace(/(?<=.);$/, ''),
    upstreamLocal,
    downstreamLocal,
    downstreamRemote,
  };
}

/** Envoy's `%START_TIME%`, e.g. `2026-11-22T15:47:25.644Z`, in ms since the epoch. */
function parseTime(text: string): number | undefined {
  const time = Date.parse(text);
  // The way back rules out what Date.parse accepts besides, February 30th included.
  return Number.isFinite(time) && new Date(time).toISOString() === text ? time : undefined;
}

/** An address; undefined for `-`; 'foreign' for what is no IP and port (a Unix socket, `envoy://…` of ambient mode). */
function address(text: string): Endpoint | undefined | 'foreign' {
  return text === '-' ? undefined : (parseEndpoint(text) ?? 'foreign');
}
