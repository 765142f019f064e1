import { jsonIn } from '../errors.ts';
import { parseEndpoint, type Endpoint } from './endpoint.ts';
import {
  failure,
  isFailure,
  parseCount,
  type ParseFailure,
  type SidecarField,
  type SidecarStatement,
} from './statements.ts';

/**
 * An access log format string of Istio's, compiled to a parser. Format strings are Envoy's own:
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
export interface CompiledFormat {
  /** The operators in order, without the percent signs, e.g. `REQ(:METHOD)`. */
  readonly operators: readonly string[];
  /** Operator to value for a whole line, undefined when the line is not of this format. `-` stays `-`. */
  readonly parse: (line: string) => ReadonlyMap<string, string> | undefined;
}

/** One operator of a format string and the text that stands before it. */
export interface Field {
  readonly operator: string;
  readonly literalBefore: string;
  readonly pattern: string;
  readonly quoted: boolean;
}

/**
 * Every pattern excludes the literal that ends it, so that a line has at most one reading.
 * - alone between quotes: anything but a raw quote. Envoy's text format escapes nothing, hence a value holding
 *   a quote can be read in two ways; such a line is rejected unless the quote is escaped.
 * - several between one pair of quotes (`"%REQ(:METHOD)% … %PROTOCOL%"`): as above, without spaces.
 * - between brackets, or bare: no spaces.
 */
const patterns = {
  quoted: String.raw`(?:[^"\\]|\\.)*`,
  quotedPart: String.raw`(?:[^"\\\s]|\\\S)+`,
  bracketed: String.raw`[^\]\s]+`,
  bare: String.raw`\S+`,
  /** Envoy turns blanks in RESPONSE_CODE_DETAILS into `_`, but leaves those of this one as they are. */
  words: String.raw`[^"\s]+(?: [^"\s]+)*`,
} as const;
const withBlanks: ReadonlySet<string> = new Set(['CONNECTION_TERMINATION_DETAILS']);

const operatorPattern = /%([A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?)%/g;

/**
 * Compiles a format string; a final newline in it is ignored, as lines come without one.
 * @throws TypeError when the format names no operator, or one twice.
 */
export function compileFormat(format: string): CompiledFormat {
  const text = format.replace(/\n$/, '');
  const { fields, tail } = splitFormat(text);
  const operators = fields.map((field) => field.operator);
  if (operators.length === 0) throw new TypeError(`no operator in the access log format: ${format}`);
  if (new Set(operators).size !== operators.length) {
    throw new TypeError(`an operator occurs twice in the access log format: ${format}`);
  }
  const expression = new RegExp(
    `^${fields.map((field) => `${literally(field.literalBefore)}(${field.pattern})`).join('')}${literally(tail)}$`,
  );
  return {
    operators,
    parse(line) {
      const match = expression.exec(line);
      if (match === null) return undefined;
      return new Map(
        fields.map((field, index) => {
          const value = match[index + 1] ?? '';
          return [field.operator, field.quoted ? value.replace(/\\(["\\])/g, '$1') : value] as const;
        }),
      );
    },
  };
}

/** The operators of a format string in order, and what stands after the last one. */
export function splitFormat(text: string): { readonly fields: readonly Field[]; readonly tail: string } {
  const found = [...text.matchAll(operatorPattern)].map((match) => ({
    operator: match[1] ?? '',
    start: match.index,
    end: match.index + match[0].length,
  }));
  const fields = found.map(({ operator, start, end }, index): Field => {
    const literalBefore = text.slice(found[index - 1]?.end ?? 0, start);
    const quoted = (text.slice(0, start).match(/"/g)?.length ?? 0) % 2 === 1;
    const pattern = quoted
      ? text[start - 1] === '"' && text[end] === '"'
        ? patterns.quoted
        : patterns.quotedPart
      : text[end] === ']'
        ? patterns.bracketed
        : withBlanks.has(operator)
          ? patterns.words
          : patterns.bare;
    return { operator, literalBefore, pattern, quoted };
  });
  return { fields, tail: text.slice(found.at(-1)?.end ?? 0) };
}

/** The text as a part of a regular expression: RegExp.escape came with Node 24, and the project supports 22. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

const head =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%';
const middle =
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"';
const tail =
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%';

/** Envoy's own default. */
export const envoysDefault = `${head} ${middle}\n`;

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

/**
 * The operators that give a field of a statement, the best first. `[address, port]`: two operators in place of one.
 */
export const sources: Readonly<Record<SidecarField, readonly (string | readonly [string, string])[]>> = {
  startTime: ['START_TIME', 'START_TIME_LOCAL'],
  method: ['REQ(:METHOD)'],
  path: ['REQ(X-ENVOY-ORIGINAL-PATH?:PATH)', 'REQ(:PATH)'],
  protocol: ['PROTOCOL'],
  responseCode: ['RESPONSE_CODE'],
  responseFlags: ['RESPONSE_FLAGS', 'RESPONSE_FLAGS_LONG'],
  responseCodeDetails: ['RESPONSE_CODE_DETAILS'],
  connectionTermination: ['CONNECTION_TERMINATION_DETAILS'],
  upstreamFailure: ['UPSTREAM_TRANSPORT_FAILURE_REASON'],
  bytesReceived: ['BYTES_RECEIVED'],
  bytesSent: ['BYTES_SENT'],
  duration: ['DURATION'],
  upstreamHost: ['UPSTREAM_HOST', ...addressOf('UPSTREAM_REMOTE')],
  upstreamCluster: ['UPSTREAM_CLUSTER_RAW', 'UPSTREAM_CLUSTER'],
  upstreamLocal: addressOf('UPSTREAM_LOCAL'),
  downstreamLocal: addressOf('DOWNSTREAM_LOCAL'),
  downstreamRemote: [...addressOf('DOWNSTREAM_REMOTE'), ...addressOf('DOWNSTREAM_DIRECT_REMOTE')],
};
export const fields = Object.keys(sources) as SidecarField[];

function addressOf(name: string): [string, readonly [string, string]] {
  return [`${name}_ADDRESS`, [`${name}_ADDRESS_WITHOUT_PORT`, `${name}_PORT`]];
}

/** Its key in Istio's default JSON (`EnvoyJSONLogFormatIstio`, same file): its operator in small letters, `method` of `REQ(:METHOD)`. */
function jsonKeyOf(field: SidecarField): string {
  const operator = String(sources[field][0]);
  return (/:(\w+)\)$/.exec(operator)?.[1] ?? operator).toLowerCase().replace(/_raw$/, '');
}

/** The keys that a statement needs of it. */
export const defaultJsonKeys = fields.map(jsonKeyOf);

const parsers = Object.values(defaultTextFormats).map((format) => {
  const { operators, parse } = compileFormat(format);
  const operatorOf = new Map(
    fields.map((field) => [field, sources[field].flat().find((one) => operators.includes(one)) ?? '']),
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
  const statement = sidecarStatement(line, (field) => plain(record[jsonKeyOf(field)]));
  return typeof statement === 'string'
    ? failure('json', `a JSON access log line ${statement}`, line)
    : statement;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  const value = jsonIn(line);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}

/** As the text format would have it: absent is `-`, numbers are digits. An object fails its field. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
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
  let problem: string | undefined;
  const read = <T>(field: SidecarField, name: string, parse: (value: string) => T | undefined): T => {
    const value = parse(text(field));
    if (value === undefined) problem ??= `whose ${name} ${text(field)}`;
    return value as T;
  };
  // What is no IP and port: a Unix socket, `envoy://…` of ambient mode.
  const address = (field: SidecarField, name: string): Endpoint | undefined =>
    text(field) === '-' ? undefined : read(field, name, parseEndpoint);
  const statement: SidecarStatement = {
    witness: 'sidecar',
    line,
    startedAt: read('startTime', 'start time is', parseTime),
    request: `${text('method')} ${text('path')} ${text('protocol')}`,
    responseCode: read('responseCode', 'response code is', parseCount),
    responseFlags: text('responseFlags'),
    responseCodeDetails: text('responseCodeDetails'),
    connectionTermination: text('connectionTermination'),
    upstreamFailure: text('upstreamFailure'),
    bytesReceived: read('bytesReceived', 'bytes received are', parseCount),
    bytesSent: read('bytesSent', 'bytes sent are', parseCount),
    // `-` here is a line Envoy wrote while the connection was still open: it says nothing final yet.
    durationMs: read('duration', 'duration is', parseCount),
    upstreamHost: address('upstreamHost', 'upstream host is'),
    // Some 1.23 and later proxies print the cluster's alternative stat name, which ends in a semicolon.
    upstreamCluster: text('upstreamCluster').replace(/(?<=.);$/, ''),
    upstreamLocal: address('upstreamLocal', 'upstream local address is'),
    downstreamLocal: address('downstreamLocal', 'downstream local address is'),
    downstreamRemote: address('downstreamRemote', 'downstream remote address is'),
  };
  return problem ?? statement;
}

/** Envoy's `%START_TIME%`, e.g. `2026-11-22T15:47:25.644Z`, in ms since the epoch. */
function parseTime(text: string): number | undefined {
  const time = Date.parse(text);
  // The way back rules out what Date.parse accepts besides, February 30th included.
  return Number.isFinite(time) && new Date(time).toISOString() === text ? time : undefined;
}
