import { sidecarStatement, type SidecarFields } from './envoy-statement.ts';
import { failure, type ParseFailure } from './parse-failure.ts';
import type { SidecarStatement } from './statements.ts';

/**
 * Istio's default JSON keys (`EnvoyJSONLogFormatIstio` in istio.io/istio, pilot/pkg/model/telemetry_logging.go)
 * that a statement is made of. The others it has do not matter here.
 */
export const defaultJsonKeys = {
  startTime: 'start_time',
  method: 'method',
  path: 'path',
  protocol: 'protocol',
  responseCode: 'response_code',
  responseFlags: 'response_flags',
  responseCodeDetails: 'response_code_details',
  connectionTermination: 'connection_termination_details',
  upstreamFailure: 'upstream_transport_failure_reason',
  bytesReceived: 'bytes_received',
  bytesSent: 'bytes_sent',
  duration: 'duration',
  upstreamHost: 'upstream_host',
  upstreamCluster: 'upstream_cluster',
  upstreamLocal: 'upstream_local_address',
  downstreamLocal: 'downstream_local_address',
  downstreamRemote: 'downstream_remote_address',
} as const satisfies Record<keyof SidecarFields, string>;

/** A line that begins with `{`: Istio's JSON access log, another JSON access log, or the agent logging in JSON. Never throws. */
export function parseJsonAccessLog(line: string): SidecarStatement | ParseFailure {
  const record = parseObject(line);
  if (record === undefined) return failure('application-log', 'begins like JSON but is none', line);
  if ('level' in record && ('msg' in record || 'message' in record)) {
    return failure('application-log', 'no access log line: a message of the agent, in JSON', line);
  }
  const missing = Object.values(defaultJsonKeys).filter((key) => !(key in record));
  if (missing.length > 0) {
    return failure('json', `a JSON line without ${missing.join(', ')}, which Istio's default has`, line);
  }
  const text = (key: keyof SidecarFields): string => plain(record[defaultJsonKeys[key]]);
  const statement = sidecarStatement(line, {
    startTime: text('startTime'),
    method: text('method'),
    path: text('path'),
    protocol: text('protocol'),
    responseCode: text('responseCode'),
    responseFlags: text('responseFlags'),
    responseCodeDetails: text('responseCodeDetails'),
    connectionTermination: text('connectionTermination'),
    upstreamFailure: text('upstreamFailure'),
    bytesReceived: text('bytesReceived'),
    bytesSent: text('bytesSent'),
    duration: text('duration'),
    upstreamHost: text('upstreamHost'),
    upstreamCluster: text('upstreamCluster'),
    upstreamLocal: text('upstreamLocal'),
    downstreamLocal: text('downstreamLocal'),
    downstreamRemote: text('downstreamRemote'),
  });
  return typeof statement === 'string'
    ? failure('json', `a JSON access log line ${statement}`, line)
    : statement;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}

/** As the text format would have it: null is `-`, numbers are digits. An object stands nowhere, so it fails its field. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
