import { jsonIn } from '../errors.ts';
import { z } from 'zod';
import { shortFlags, compileStartTime, type StartTime } from './envoy-values.ts';
import { failure, type ParseFailure, type SidecarField, type SidecarStatement } from './statements.ts';
import { envoysDefault, fields, literally, plain, sidecarStatement, sources } from './envoy.ts';

/**
 * An access log in any format, compiled to a parser. Istio's own formats have another, in envoy.ts: this one tries every
 * way to read a line, which takes a quarter of a second where a long line almost fits. Envoy's format strings:
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
export interface LogFormat {
  /** Text is a format string; JSON any value whose strings are format strings. */
  readonly encoding: 'text' | 'json';
  readonly format: unknown;
  /** What is absent is written as nothing (JSON: left out) instead of `-` (JSON: null). */
  readonly omitsEmpty: boolean;
}

export interface CompiledLog {
  /** Operators that a statement cannot do without and that the format does not have, or in a form that cannot be read. */
  readonly missing: readonly string[];
  /** Why lines of this format can be read in more than one way, whatever they say. */
  readonly ambiguous: string | undefined;
  /** Fields of a statement that the format says nothing about: they are `-`, 0 or undefined, and mean nothing. */
  readonly untold: readonly SidecarField[];
  /** By how much a start time may be off, in ms. */
  readonly startPrecisionMs: number;
  /** A cluster is told by what the mesh calls it (`%UPSTREAM_CLUSTER%`), which may be another name than its own. */
  readonly callsClusters: boolean;
  /** The statement in a line, or why it is none. A line that can be read in several ways is none. Never throws. */
  readonly parse: (line: string) => SidecarStatement | ParseFailure;
}

export interface LogSink {
  /** `stdout`: the container's log. */
  readonly to: 'stdout' | 'elsewhere';
  /** e.g. `file /var/log/envoy.log`, `OpenTelemetryAccessLogConfig`. */
  readonly name: string;
  /** Undefined where it is not a file's. */
  readonly format: LogFormat | undefined;
  /** Only some connections are logged. */
  readonly filtered: boolean;
}

const formatString = z.looseObject({
  text_format: z.string().optional(),
  text_format_source: z.looseObject({ inline_string: z.string().optional() }).optional(),
  json_format: z.unknown().optional(),
  omit_empty_values: z.boolean().default(false),
});
const accessLog = z.looseObject({
  filter: z.unknown().optional(),
  typed_config: z
    .looseObject({
      '@type': z.string(),
      path: z.string().optional(),
      log_format: formatString.optional(),
      format: z.string().optional(),
      json_format: z.unknown().optional(),
      typed_json_format: z.unknown().optional(),
    })
    .optional(),
});

/**
 * The access logs of a filter as its listener has them: what istiod made of meshConfig, Telemetry resources and their
 * providers, whichever it was.
 * @param configs `access_log` of a tcp_proxy or HTTP connection manager, from the config dump
 */
export function logSinks(configs: readonly unknown[]): LogSink[] {
  return configs.map((config): LogSink => {
    const { filter, typed_config: typed } = accessLog.parse(config);
    const type = typed?.['@type'].split('.').at(-1) ?? 'unknown';
    const stream = type === 'StdoutAccessLog' || type === 'StderrAccessLog';
    const path = stream ? '/dev/stdout' : typed?.path;
    const filtered = filter !== undefined && filter !== null;
    if (typed === undefined || path === undefined) {
      return { to: 'elsewhere', name: type, format: undefined, filtered };
    }
    const to = path === '/dev/stdout' || path === '/dev/stderr' ? 'stdout' : 'elsewhere';
    const { log_format: inner } = typed;
    const json = inner?.json_format ?? typed.json_format ?? typed.typed_json_format;
    const text = inner?.text_format_source?.inline_string ?? inner?.text_format ?? typed.format;
    const format: LogFormat = {
      encoding: json === undefined ? 'text' : 'json',
      format: json ?? (text === undefined || text === '' ? envoysDefault : text),
      omitsEmpty: inner?.omit_empty_values ?? false,
    };
    return { to, name: stream ? type : `file ${path}`, format, filtered };
  });
}

/** One operator of a format string: `%NAME(arguments):length%`. */
interface Operator {
  /** With its arguments, as Envoy's documentation writes it: `REQ(:METHOD)`. */
  readonly name: string;
  readonly arguments: string | undefined;
  readonly length: number | undefined;
}

/** Literal text and operators in turn, as Envoy's parser splits them. @throws TypeError for a lone percent sign */
function split(format: string): (string | Operator)[] {
  const parts: (string | Operator)[] = [];
  const add = (text: string): void => {
    const last = parts.at(-1);
    if (typeof last === 'string') parts[parts.length - 1] = last + text;
    else parts.push(text);
  };
  // The same expression as Envoy's, in source/common/formatter/substitution_formatter.cc.
  const operator = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::(\d+))?%/y;
  for (let at = 0; at < format.length;) {
    if (format[at] !== '%') {
      const next = format.indexOf('%', at);
      add(format.slice(at, next < 0 ? undefined : next));
      at = next < 0 ? format.length : next;
      continue;
    }
    if (format[at + 1] === '%') {
      add('%');
      at += 2;
      continue;
    }
    operator.lastIndex = at;
    const match = operator.exec(format);
    if (match === null) throw new TypeError(`no operator at "${format.slice(at, at + 20)}"`);
    const [whole, command = '', args, length] = match;
    const isTime = command === 'START_TIME' || command === 'START_TIME_LOCAL';
    const name = args === undefined || isTime ? command : `${command}(${args})`;
    parts.push({ name, arguments: args, length: length === undefined ? undefined : Number(length) });
    at += whole.length;
  }
  return parts;
}

type Shape = 'count' | 'endpoint' | 'ip' | 'cluster' | 'flags' | 'word' | 'text';

/** Of each operator that a statement is made of, what its value looks like. Others may say anything. */
const shapes: Readonly<Record<string, Shape>> = {
  RESPONSE_CODE: 'count',
  BYTES_RECEIVED: 'count',
  BYTES_SENT: 'count',
  DURATION: 'count',
  CONNECTION_ID: 'count',
  DOWNSTREAM_REMOTE_ADDRESS: 'endpoint',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: 'endpoint',
  DOWNSTREAM_LOCAL_ADDRESS: 'endpoint',
  UPSTREAM_HOST: 'endpoint',
  UPSTREAM_REMOTE_ADDRESS: 'endpoint',
  UPSTREAM_LOCAL_ADDRESS: 'endpoint',
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: 'ip',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: 'ip',
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: 'ip',
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: 'ip',
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: 'ip',
  DOWNSTREAM_REMOTE_PORT: 'count',
  DOWNSTREAM_DIRECT_REMOTE_PORT: 'count',
  DOWNSTREAM_LOCAL_PORT: 'count',
  UPSTREAM_REMOTE_PORT: 'count',
  UPSTREAM_LOCAL_PORT: 'count',
  UPSTREAM_CLUSTER: 'cluster',
  UPSTREAM_CLUSTER_RAW: 'cluster',
  RESPONSE_FLAGS: 'flags',
  RESPONSE_FLAGS_LONG: 'flags',
  PROTOCOL: 'word',
  // Envoy turns blanks in this one into `_`.
  RESPONSE_CODE_DETAILS: 'word',
};

/**
 * A value of each shape. No two alternatives of one can begin alike, so that a value has one reading for each length.
 * @param lazy `?` for the shortest reading, '' for the longest
 */
const patterns: Readonly<Record<Shape, (lazy: '' | '?') => string>> = {
  count: (lazy) => String.raw`(?:\d+${lazy}|-)`,
  // A Unix socket's path, or what ambient mode has in place of an address, fails its field afterwards.
  endpoint: (lazy) =>
    String.raw`(?:[\d.]+:\d+${lazy}|\[[\da-fA-F:.]+\]:\d+${lazy}|-|(?:[a-z]+://|[/@])\S*${lazy})`,
  ip: (lazy) =>
    String.raw`(?:\d+\.[\d.]+${lazy}|(?!\d+\.)[\da-fA-F]*:[\da-fA-F:.]*${lazy}|-|(?:[a-z]+://|[/@])\S*${lazy})`,
  cluster: (lazy) => String.raw`\S+${lazy}`,
  flags: (lazy) => `(?:[A-Za-z,]+${lazy}|-)`,
  word: (lazy) => String.raw`\S+${lazy}`,
  // A header can be empty though it is there.
  text: (lazy) => `.*${lazy}`,
};

/** Without one of each of these no line can be held against a trip. */
const needed: readonly (readonly SidecarField[])[] = [
  ['startTime'],
  ['downstreamRemote'],
  ['bytesSent'],
  ['upstreamHost', 'upstreamCluster'],
];

/** A value shorter than this may have been cut. */
const enough: Readonly<Partial<Record<Shape, number>>> = {
  endpoint: 47,
  ip: 39,
  cluster: 300,
  count: 15,
  flags: 64,
};

/** The values of a line by operator; undefined when the line is not of this format. */
type Reader = (line: string) => ReadonlyMap<string, string> | 'ambiguous' | undefined;

interface Compiled {
  readonly operators: readonly Operator[];
  readonly ambiguous: string | undefined;
  readonly read: Reader;
}

/**
 * Compiles a format.
 * @throws TypeError when it is none: Envoy would not take it either
 */
export function compileLog({ encoding, format, omitsEmpty }: LogFormat): CompiledLog {
  const { operators, ambiguous, read } =
    encoding === 'text' ? compileText(String(format), omitsEmpty) : compileJson(format, omitsEmpty);
  const time = startTimeOf(operators);
  const available = new Set(operators.filter((one) => !isCut(one)).map(({ name }) => name));
  if (typeof time === 'string') for (const name of sources.startTime) available.delete(String(name));
  const chosen = new Map<SidecarField, string | readonly [string, string]>();
  for (const field of fields) {
    const source = sources[field].find((one) => [one].flat().every((name) => available.has(name)));
    if (source !== undefined) chosen.set(field, source);
  }
  const missing = needed.flatMap((group) => {
    if (group.some((field) => chosen.has(field))) return [];
    if (group[0] === 'startTime' && typeof time === 'string') return [time];
    return [group.map((field) => `%${[sources[field][0] ?? field].flat().join('%:%')}%`).join(' or ')];
  });
  const textOf = (values: ReadonlyMap<string, string>, field: SidecarField): string => {
    const source = chosen.get(field);
    if (source === undefined) return numeric.has(field) ? '0' : '-';
    const [text = '-', port] = [source].flat().map((name) => values.get(name) ?? '-');
    if (field === 'responseFlags') return shortFlags(text);
    if (field === 'startTime') return isoOf(time, text);
    // A proxy that logs the port apart does not bracket IPv6.
    return port === undefined || text === '-' ? text : `${text.includes(':') ? `[${text}]` : text}:${port}`;
  };
  const kind = encoding === 'json' ? 'json' : 'foreign-format';
  const untold = fields.filter((field) => !chosen.has(field));
  const startPrecisionMs = typeof time === 'string' ? 1000 : time.precisionMs;
  const limits = {
    ...(untold.length === 0 ? {} : { untold }),
    ...(startPrecisionMs === 1 ? {} : { startPrecisionMs }),
  };
  return {
    missing,
    ambiguous,
    untold,
    startPrecisionMs,
    callsClusters: chosen.get('upstreamCluster') === 'UPSTREAM_CLUSTER',
    parse(line) {
      const text = line.replace(/\r?\n$/, '');
      if (text.trim() === '') return failure('empty', 'an empty line', line);
      const values = read(text);
      if (values === undefined) {
        return failure('application-log', "not in the format of the mesh's access log", line);
      }
      if (values === 'ambiguous')
        return failure(kind, 'an access log line that can be read in several ways', line);
      if (missing.length > 0) return failure(kind, `an access log line without ${missing.join(', ')}`, line);
      const statement = sidecarStatement(text, (field) => textOf(values, field));
      return typeof statement === 'string'
        ? failure(kind, `an access log line ${statement}`, line)
        : { ...statement, ...limits };
    },
  };
}

const numeric: ReadonlySet<SidecarField> = new Set([
  'responseCode',
  'bytesReceived',
  'bytesSent',
  'duration',
]);

function isCut({ name, length }: Operator): boolean {
  return length !== undefined && length < (enough[shapes[name] ?? 'text'] ?? 0);
}

function startTimeOf(operators: readonly Operator[]): StartTime | string {
  const found = operators.find(({ name }) => name === 'START_TIME' || name === 'START_TIME_LOCAL');
  return found === undefined ? '%START_TIME%' : compileStartTime(found.arguments);
}

function isoOf(time: StartTime | string, text: string): string {
  const ms = typeof time === 'string' ? undefined : time.parse(text);
  return ms === undefined ? text : new Date(ms).toISOString();
}

function compileText(format: string, omitsEmpty: boolean): Compiled {
  const parts = split(format.replace(/\n$/, ''));
  const operators = parts.filter((part) => typeof part !== 'string');
  if (operators.length === 0) throw new TypeError(`no operator in the access log format: ${format}`);
  const expression = (lazy: '' | '?'): RegExp =>
    new RegExp(
      `^${parts.map((part) => (typeof part === 'string' ? literally(part) : `(${patternOf(part, omitsEmpty, lazy)})`)).join('')}$`,
      's',
    );
  // The shortest and the longest reading are the same when there is only one.
  const shortest = expression('?');
  const longest = expression('');
  const touching = parts.find(
    (part, index): part is Operator => typeof part !== 'string' && typeof parts[index + 1] === 'object',
  );
  return {
    operators,
    ambiguous:
      touching === undefined
        ? undefined
        : `nothing stands between %${touching.name}% and the operator after it, so that their values cannot be told apart`,
    read(line) {
      const first = shortest.exec(line);
      if (first === null) return undefined;
      const last = longest.exec(line);
      const values = new Map<string, string>();
      for (const [index, { name }] of operators.entries()) {
        const value = first[index + 1] ?? '';
        if (value !== last?.[index + 1]) return 'ambiguous';
        if (!values.has(name)) values.set(name, value === '' ? '-' : value);
      }
      return values;
    },
  };
}

function patternOf({ name, arguments: args, length }: Operator, omitsEmpty: boolean, lazy: '' | '?'): string {
  if (name === 'START_TIME' || name === 'START_TIME_LOCAL') {
    const time = compileStartTime(args);
    return typeof time === 'string' ? `.+${lazy}` : time.pattern;
  }
  const shape = shapes[name] ?? 'text';
  if (length !== undefined && shape === 'text') return `.{0,${length}}${lazy}`;
  const value = patterns[shape](lazy);
  return omitsEmpty && shape !== 'text' ? `(?:${value})?${lazy}` : value;
}

/** A place in a JSON format, and the format string there. */
interface Leaf {
  readonly path: readonly string[];
  readonly single: Operator | undefined;
  readonly text: Compiled | undefined;
  /** What stands there in every line. */
  readonly constant: unknown;
}

function compileJson(format: unknown, omitsEmpty: boolean): Compiled {
  if (typeof format !== 'object' || format === null)
    throw new TypeError('a JSON access log format is no object');
  const leaves = leavesOf(format, [], omitsEmpty);
  const operators = leaves.flatMap(({ single, text }) => [
    ...(single === undefined ? [] : [single]),
    ...(text?.operators ?? []),
  ]);
  if (operators.length === 0) throw new TypeError('no operator in the access log format');
  return {
    operators,
    ambiguous: leaves.find(({ text }) => text?.ambiguous !== undefined)?.text?.ambiguous,
    read(line) {
      const record = line.startsWith('{') || line.startsWith('[') ? jsonIn(line) : undefined;
      if (typeof record !== 'object' || record === null) return undefined;
      const values = new Map<string, string>();
      for (const leaf of leaves) {
        const value = at(record, leaf.path);
        const read = readLeaf(leaf, value, omitsEmpty);
        if (read === undefined || read === 'ambiguous') return read;
        for (const [name, text] of read) if (!values.has(name)) values.set(name, text);
      }
      // Where what is empty is left out, any JSON could be of this format: but something is always there.
      return [...values.values()].every((value) => value === '-') ? undefined : values;
    },
  };
}

function readLeaf({ single, text, constant }: Leaf, value: unknown, omitsEmpty: boolean): ReturnType<Reader> {
  if (single !== undefined) {
    if (value === undefined && !omitsEmpty) return undefined;
    return new Map([[single.name, plain(value)]]);
  }
  if (text !== undefined)
    return typeof value === 'string'
      ? text.read(value)
      : omitsEmpty && value === undefined
        ? new Map()
        : undefined;
  return JSON.stringify(value) === JSON.stringify(constant) ? new Map() : undefined;
}

function leavesOf(value: unknown, path: readonly string[], omitsEmpty: boolean): Leaf[] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key], omitsEmpty));
  }
  const none = { path, single: undefined, text: undefined, constant: undefined };
  if (typeof value !== 'string') return [{ ...none, constant: value }];
  const parts = split(value);
  const [first] = parts;
  if (parts.length === 1 && typeof first === 'object') return [{ ...none, single: first }];
  if (parts.every((part) => typeof part === 'string')) return [{ ...none, constant: parts.join('') }];
  return [{ ...none, text: compileText(value, omitsEmpty) }];
}

function at(record: unknown, path: readonly string[]): unknown {
  let value = record;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}
