import { parseEndpoint, type Endpoint } from './endpoint.ts';
import { compileFormat } from './envoy-format.ts';
import {
  failure,
  isFailure,
  parseCount,
  parseJson,
  type ParseFailure,
  type SidecarField,
  type SidecarStatement,
} from './statements.ts';

const head =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%';
const middle =
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"';
const tail =
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%';

/**
 * Istio's default text formats, newest first.
 * - 1.9+: `EnvoyTextLogFormat` in istio.io/istio, pilot/pkg/model/telemetry_logging.go (1.29.1). Before 1.23 the
 *   cluster is `%UPSTREAM_CLUSTER%` instead of `%UPSTREAM_CLUSTER_RAW%`, which reads the same.
 * - 1.8, 1.2–1.7: the same file's history, before `%RESPONSE_CODE_DETAILS%` came; until Mixer went, with its status.
 * - 1.0–1.1: what the document shows (its line is of December 2018); no route name.
 */
export const defaultTextFormats = {
  '1.9+': `${head} %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" ${middle} %UPSTREAM_CLUSTER_RAW% ${tail} %ROUTE_NAME%\n`,
  '1.8': `${head} "%UPSTREAM_TRANSPORT_FAILURE_REASON%" ${middle} %UPSTREAM_CLUSTER% ${tail} %ROUTE_NAME%\n`,
  '1.2-1.7': `${head} "%DYNAMIC_METADATA(istio.mixer:status)%" "%UPSTREAM_TRANSPORT_FAILURE_REASON%" ${middle} %UPSTREAM_CLUSTER% ${tail} %ROUTE_NAME%\n`,
  '1.0-1.1': `${head} ${middle} %UPSTREAM_CLUSTER% ${tail}\n`,
} as const;

/** Of each field that a statement is made of, the operators that give it and its key in Istio's default JSON. */
const sources = {
  startTime: { operators: ['START_TIME'], key: 'start_time' },
  method: { operators: ['REQ(:METHOD)'], key: 'method' },
  path: { operators: ['REQ(X-ENVOY-ORIGINAL-PATH?:PATH)'], key: 'path' },
  protocol: { operators: ['PROTOCOL'], key: 'protocol' },
  responseCode: { operators: ['RESPONSE_CODE'], key: 'response_code' },
  responseFlags: { operators: ['RESPONSE_FLAGS'], key: 'response_flags' },
  responseCodeDetails: { operators: ['RESPONSE_CODE_DETAILS'], key: 'response_code_details' },
  connectionTermination: {
    operators: ['CONNECTION_TERMINATION_DETAILS'],
    key: 'connection_termination_details',
  },
  upstreamFailure: {
    operators: ['UPSTREAM_TRANSPORT_FAILURE_REASON'],
    key: 'upstream_transport_failure_reason',
  },
  bytesReceived: { operators: ['BYTES_RECEIVED'], key: 'bytes_received' },
  bytesSent: { operators: ['BYTES_SENT'], key: 'bytes_sent' },
  duration: { operators: ['DURATION'], key: 'duration' },
  upstreamHost: { operators: ['UPSTREAM_HOST'], key: 'upstream_host' },
  upstreamCluster: { operators: ['UPSTREAM_CLUSTER_RAW', 'UPSTREAM_CLUSTER'], key: 'upstream_cluster' },
  upstreamLocal: { operators: ['UPSTREAM_LOCAL_ADDRESS'], key: 'upstream_local_address' },
  downstreamLocal: { operators: ['DOWNSTREAM_LOCAL_ADDRESS'], key: 'downstream_local_address' },
  downstreamRemote: { operators: ['DOWNSTREAM_REMOTE_ADDRESS'], key: 'downstream_remote_address' },
} as const satisfies Record<SidecarField, { readonly operators: readonly string[]; readonly key: string }>;

/** The keys that Istio's default JSON format has (`EnvoyJSONLogFormatIstio`, same file) and a statement needs. */
export const defaultJsonKeys = Object.values(sources).map(({ key }) => key);

/** The formats as parsers, each with the operator that it has for a field. */
const parsers = Object.values(defaultTextFormats).map((format) => {
  const { operators, parse } = compileFormat(format);
  const operatorOf = new Map(
    Object.entries(sources).map(([field, { operators: known }]) => [
      field,
      known.find((operator) => operators.includes(operator)) ?? '',
    ]),
  );
  return { operatorOf, parse };
});

/** Reads a line of an access log. Never throws. */
export type ReadSidecarLine = (line: string) => SidecarStatement | ParseFailure;

/** Reads lines that any of the readers can; undefined where there is none. */
export function firstToRead(readers: readonly ReadSidecarLine[]): ReadSidecarLine | undefined {
  const [only, ...others] = new Set(readers);
  if (only === undefined || others.length === 0) return only;
  return (line) => {
    const read = [only, ...others].map((reader) => reader(line));
    return read.find((one) => !isFailure(one)) ?? read[0] ?? only(line);
  };
}

/** A text access log line begins with its time in brackets, whatever else was customised; Envoy's own log has a blank in it. */
const looksLikeAccessLog = /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\]/;

/**
 * A line of the istio-proxy container's log: a statement when it is an access log line in one of Istio's default
 * formats (text, or JSON with the default keys), else why not. Never throws.
 */
export function parseSidecarLine(line: string): SidecarStatement | ParseFailure {
  const text = line.trimEnd();
  if (text.trim() === '') return failure('empty', 'an empty line', line);
  if (text.startsWith('{')) return parseJsonAccessLog(text);
  let reason = 'in none of the default formats of Istio 1.0 to 1.29';
  for (const { operatorOf, parse } of parsers) {
    const values = parse(text);
    if (values === undefined) continue;
    const statement = sidecarStatement(text, (field) => values.get(operatorOf.get(field) ?? '') ?? '-');
    if (typeof statement !== 'string') return statement;
    reason = statement;
  }
  return looksLikeAccessLog.test(text)
    ? failure('foreign-format', `an access log line ${reason}`, line)
    : failure('application-log', 'no access log line: a message of the agent or of Envoy itself', line);
}

/** A line that begins with `{`: Istio's JSON access log, another JSON access log, or the agent logging in JSON. Never throws. */
function parseJsonAccessLog(line: string): SidecarStatement | ParseFailure {
  const record = parseObject(line);
  if (record === undefined) return failure('application-log', 'begins like JSON but is none', line);
  if ('level' in record && ('msg' in record || 'message' in record)) {
    return failure('application-log', 'no access log line: a message of the agent, in JSON', line);
  }
  const missing = defaultJsonKeys.filter((key) => !(key in record));
  if (missing.length > 0) {
    return failure('json', `a JSON line without ${missing.join(', ')}, which Istio's default has`, line);
  }
  const statement = sidecarStatement(line, (field) => plain(record[sources[field].key]));
  return typeof statement === 'string'
    ? failure('json', `a JSON access log line ${statement}`, line)
    : statement;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(line);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}

/** As the text format would have it: null is `-`, numbers are digits. An object stands nowhere, so it fails its field. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * The statement that a line's fields make, or a phrase that says which field is not what it must be.
 * @param text A field as text, `-` for absent, whichever encoding the line has
 */
export function sidecarStatement(
  line: string,
  text: (field: SidecarField) => string,
): SidecarStatement | string {
  const startedAt = parseTime(text('startTime'));
  if (startedAt === undefined) return `whose start time is ${text('startTime')}`;
  const responseCode = parseCount(text('responseCode'));
  if (responseCode === undefined) return `whose response code is ${text('responseCode')}`;
  const bytesReceived = parseCount(text('bytesReceived'));
  if (bytesReceived === undefined) return `whose bytes received are ${text('bytesReceived')}`;
  const bytesSent = parseCount(text('bytesSent'));
  if (bytesSent === undefined) return `whose bytes sent are ${text('bytesSent')}`;
  // `-` here is a line Envoy wrote while the connection was still open: it says nothing final yet.
  const durationMs = parseCount(text('duration'));
  if (durationMs === undefined) return `whose duration is ${text('duration')}`;
  const upstreamHost = address(text('upstreamHost'));
  if (upstreamHost === 'foreign') return `whose upstream host is ${text('upstreamHost')}`;
  const upstreamLocal = address(text('upstreamLocal'));
  if (upstreamLocal === 'foreign') return `whose upstream local address is ${text('upstreamLocal')}`;
  const downstreamLocal = address(text('downstreamLocal'));
  if (downstreamLocal === 'foreign') return `whose downstream local address is ${text('downstreamLocal')}`;
  const downstreamRemote = address(text('downstreamRemote'));
  if (downstreamRemote === 'foreign') return `whose downstream remote address is ${text('downstreamRemote')}`;
  return {
    witness: 'sidecar',
    line,
    startedAt,
    request: `${text('method')} ${text('path')} ${text('protocol')}`,
    responseCode,
    responseFlags: text('responseFlags'),
    responseCodeDetails: text('responseCodeDetails'),
    connectionTermination: text('connectionTermination'),
    upstreamFailure: text('upstreamFailure'),
    bytesReceived,
    bytesSent,
    durationMs,
    upstreamHost,
    // Some 1.23 and later proxies print the cluster's alternative stat name, which ends in a semicolon.
    upstreamCluster: text('upstreamCluster').replace(/(?<=.);$/, ''),
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
