import { compileFormat } from './envoy-format.ts';
import { parseJsonAccessLog } from './envoy-json.ts';
import { sidecarStatement } from './envoy-statement.ts';
import { failure, type ParseFailure } from './parse-failure.ts';
import type { SidecarStatement } from './statements.ts';

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

const compiled = Object.values(defaultTextFormats).map((format) => compileFormat(format));

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
  for (const format of compiled) {
    const values = format.parse(text);
    if (values === undefined) continue;
    const statement = fromOperators(text, values);
    if (typeof statement !== 'string') return statement;
    reason = statement;
  }
  return looksLikeAccessLog.test(text)
    ? failure('foreign-format', `an access log line ${reason}`, line)
    : failure('application-log', 'no access log line: a message of the agent or of Envoy itself', line);
}

/** The statement, or why these values make none. */
function fromOperators(line: string, values: ReadonlyMap<string, string>): SidecarStatement | string {
  const value = (operator: string): string => values.get(operator) ?? '-';
  return sidecarStatement(line, {
    startTime: value('START_TIME'),
    method: value('REQ(:METHOD)'),
    path: value('REQ(X-ENVOY-ORIGINAL-PATH?:PATH)'),
    protocol: value('PROTOCOL'),
    responseCode: value('RESPONSE_CODE'),
    responseFlags: value('RESPONSE_FLAGS'),
    responseCodeDetails: value('RESPONSE_CODE_DETAILS'),
    connectionTermination: value('CONNECTION_TERMINATION_DETAILS'),
    upstreamFailure: value('UPSTREAM_TRANSPORT_FAILURE_REASON'),
    bytesReceived: value('BYTES_RECEIVED'),
    bytesSent: value('BYTES_SENT'),
    duration: value('DURATION'),
    upstreamHost: value('UPSTREAM_HOST'),
    upstreamCluster: values.get('UPSTREAM_CLUSTER_RAW') ?? value('UPSTREAM_CLUSTER'),
    upstreamLocal: value('UPSTREAM_LOCAL_ADDRESS'),
    downstreamLocal: value('DOWNSTREAM_LOCAL_ADDRESS'),
    downstreamRemote: value('DOWNSTREAM_REMOTE_ADDRESS'),
  });
}
