import { literally } from './envoy.ts';

/**
 * Envoy's response flags (`%RESPONSE_FLAGS%` in the short form, `%RESPONSE_FLAGS_LONG%` in the long one), and what each
 * means for a tunnel through a sidecar to a proxy.
 * Sources: Envoy's access log usage page; the names are those of source/common/stream_info/utility.h and of the binary
 * (1.37.0). 1.36 to 1.39 have the same ones. Filters can register more.
 */
export interface ResponseFlag {
  readonly short: string;
  readonly long: string;
  /** What happened, in one sentence without a full stop. */
  readonly meaning: string;
  /** What to do about it on this path. */
  readonly advice: string;
  /** Whether a TCP proxy can set it: on the document's path the others mean that the listener speaks HTTP. */
  readonly tcp: boolean;
}

const retried = 'Look at the other flag: it says why the attempts failed.';
const onlyHttp =
  'The listener speaks HTTP, while the document needs TCP: the protocol of the ServiceEntry must be TCP, and no Service or ServiceEntry may claim the port as HTTP.';

/** Every flag of Envoy 1.36 to 1.39. */
export const responseFlags = [
  flag('UH', 'NoHealthyUpstream', true, 'the cluster has no healthy endpoint', {
    advice:
      'BlackHoleCluster: the mesh only lets registered destinations out, and none covers this address. Another cluster: its endpoints are unhealthy, taken out by outlier detection, or the name of the proxy did not resolve.',
  }),
  flag('UF', 'UpstreamConnectionFailure', true, 'the sidecar could not connect upstream', {
    advice:
      'Is the proxy listening on this address and port, and do NetworkPolicies and firewalls let the pod reach it? With a tunnel or TLS in the cluster, the proxy may also have refused what the sidecar asked of it.',
  }),
  flag(
    'UO',
    'UpstreamOverflow',
    true,
    'a circuit breaker was open: the cluster had as many connections as it may have',
    {
      advice:
        'Raise or remove connectionPool.tcp.maxConnections in the DestinationRule for the proxy’s host. The limit holds for each sidecar.',
    },
  ),
  flag('NR', 'NoRouteFound', true, 'no route, or no filter chain, matched', {
    advice: `For HTTP it means that no route takes a CONNECT. ${onlyHttp}`,
  }),
  flag(
    'URX',
    'UpstreamRetryLimitExceeded',
    true,
    'every attempt to connect that the filter may make failed',
    {
      advice: retried,
    },
  ),
  flag('NC', 'NoClusterFound', true, 'the cluster that the listener names does not exist', {
    advice:
      'The sidecar has the listener but not its cluster: look at istiod’s log and at istioctl proxy-status, and for a VirtualService or EnvoyFilter that names a host which is not registered.',
  }),
  flag('DT', 'DurationTimeout', true, 'the connection reached its longest allowed duration', {
    advice:
      'Find who set a maximum connection duration for this listener (DestinationRule maxConnectionDuration, or an EnvoyFilter).',
  }),
  flag('OM', 'OverloadManagerTerminated', true, 'Envoy’s overload manager closed it', {
    advice:
      'The sidecar ran short of memory or connections: give istio-proxy more memory, or look for a limit of downstream connections.',
  }),
  flag('DF', 'DnsResolutionFailed', true, 'the name of the upstream did not resolve', {
    advice:
      'Check from the sidecar’s node that the proxy’s name resolves, and the endpoints of the ServiceEntry with resolution DNS.',
  }),
  flag(
    'DO',
    'DropOverload',
    true,
    'the cluster’s endpoint assignment told Envoy to drop this share of the load',
    {
      advice: 'Something besides istiod sets drop_overloads for this cluster: look for an EnvoyFilter on it.',
    },
  ),
  flag(
    'UDO',
    'UnconditionalDropOverload',
    true,
    'the cluster’s endpoint assignment told Envoy to drop all of its load',
    {
      advice: 'Something besides istiod sets drop_overloads for this cluster: look for an EnvoyFilter on it.',
    },
  ),
  flag('DC', 'DownstreamConnectionTermination', true, 'the client closed the connection', {
    advice: 'Look at the client’s own words: a time limit, or a process that ended.',
  }),
  flag('UC', 'UpstreamConnectionTermination', true, 'the upstream closed the connection', {
    advice: 'Look at the proxy’s log for this client: it restarted, or reached a limit of its own.',
  }),
  flag('UAEX', 'UnauthorizedExternalService', true, 'external authorization denied it', {
    advice:
      'An AuthorizationPolicy with action CUSTOM, or an EnvoyFilter, asks an authorization service about outbound traffic: let this connection pass there.',
  }),
  flag('RL', 'RateLimited', true, 'a rate limit denied it', {
    advice: 'An EnvoyFilter limits the rate of connections or requests: raise the limit for the proxy.',
  }),
  flag('RLSE', 'RateLimitServiceError', true, 'the rate limit service failed', {
    advice: 'Repair the rate limit service that an EnvoyFilter asks, or let it fail open.',
  }),
  flag('LR', 'LocalReset', false, 'Envoy itself reset the stream'),
  flag('UR', 'UpstreamRemoteReset', false, 'the upstream reset the stream', {
    advice:
      'The sidecar speaks HTTP with the upstream, by a listener with protocol HTTP or a tunnel in a DestinationRule: remove it, and look at the proxy’s log.',
  }),
  flag('DR', 'DownstreamRemoteReset', false, 'the client reset the stream'),
  flag('UT', 'UpstreamRequestTimeout', false, 'the upstream did not answer in the route’s time limit'),
  flag('LH', 'FailedLocalHealthCheck', false, 'Envoy’s own health check of the service failed'),
  flag('SI', 'StreamIdleTimeout', false, 'the stream was idle for longer than allowed'),
  flag('DPE', 'DownstreamProtocolError', false, 'what the client sent is not valid HTTP'),
  flag('UPE', 'UpstreamProtocolError', false, 'what the upstream sent is not valid HTTP'),
  flag('IH', 'InvalidEnvoyRequestHeaders', false, 'a header that Envoy checks strictly has an invalid value'),
  flag('UMSDR', 'UpstreamMaxStreamDurationReached', false, 'the stream reached its longest allowed duration'),
  flag('DI', 'DelayInjected', false, 'a VirtualService’s fault injection delayed it', {
    advice:
      'Remove the fault from the VirtualService. It also means that the listener speaks HTTP, while the document needs TCP.',
  }),
  flag('FI', 'FaultInjected', false, 'a VirtualService’s fault injection aborted it', {
    advice:
      'Remove the fault from the VirtualService. It also means that the listener speaks HTTP, while the document needs TCP.',
  }),
  flag('RFCF', 'ResponseFromCacheFilter', false, 'Envoy answered from its cache'),
  flag('NFCF', 'NoFilterConfigFound', false, 'the configuration of a filter had not come in time', {
    advice:
      'A WasmPlugin or EnvoyFilter names a filter whose configuration or module does not arrive: look at istiod’s and the agent’s log.',
  }),
] as const satisfies readonly ResponseFlag[];

function flag<Short extends string>(
  short: Short,
  long: string,
  tcp: boolean,
  meaning: string,
  { advice }: { readonly advice: string } = { advice: onlyHttp },
): ResponseFlag & { readonly short: Short } {
  return { short, long, tcp, meaning, advice };
}

const byName: ReadonlyMap<string, ResponseFlag> = new Map(
  responseFlags.flatMap((one): [string, ResponseFlag][] => [
    [one.short, one],
    [one.long, one],
  ]),
);

/**
 * The flags of a log line, in either form and any order, e.g. `UF,URX` or `UpstreamOverflow`.
 * @returns those that say why first: URX only says that attempts were made in vain. Unknown ones are left out.
 */
export function flagsOf(text: string): ResponseFlag[] {
  const found = text.split(',').flatMap((name) => byName.get(name.trim()) ?? []);
  return found.sort((a, b) => Number(a.short === 'URX') - Number(b.short === 'URX'));
}

/** The same in the short form, which findings are written in; what is not known stays as it is. */
export function shortFlags(text: string): string {
  return text
    .split(',')
    .map((name) => byName.get(name.trim())?.short ?? name)
    .join(',');
}

/** What to do about the flags of a line, the first of which says why; undefined where no flag is set. */
export function adviceOf(text: string): string | undefined {
  return flagsOf(text)[0]?.advice;
}

/** `UO: a circuit breaker was open …`, `UF …; URX …`; undefined where no flag is set. */
export function explainFlags(text: string): string | undefined {
  const found = flagsOf(text);
  return found.length === 0
    ? undefined
    : found.map(({ short, meaning }) => `${short}: ${meaning}`).join('; ');
}

/**
 * Envoy's `%START_TIME(FORMAT)%`: strftime with `%s`, `%f`, `%1f` to `%9f` besides, in UTC. Envoy formats with
 * absl::FormatTime (source/common/common/utility.cc, DateFormatter), hence `%E3S` and the like.
 */
export interface StartTime {
  /** As a part of a regular expression without groups that capture. */
  readonly pattern: string;
  /** ms since the epoch; undefined where the text is none of this format. */
  readonly parse: (text: string) => number | undefined;
  /** By how much a time read may be off, in ms: 1000 where the format has no fraction of the second. */
  readonly precisionMs: number;
}

/** What a directive says of a time. */
type Part =
  | ('year' | 'yearOfCentury' | 'month' | 'monthName' | 'day' | 'ignored')
  | ('hour' | 'hourOfHalf' | 'half' | 'minute' | 'second' | 'fraction' | 'epoch' | 'offset');

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Each directive's text as a regular expression, and the part of the time that it is. */
const directives: Readonly<Record<string, readonly [pattern: string, part: Part]>> = {
  Y: [String.raw`\d{4}`, 'year'],
  y: [String.raw`\d\d`, 'yearOfCentury'],
  m: [String.raw`\d\d`, 'month'],
  b: [monthNames.join('|'), 'monthName'],
  h: [monthNames.join('|'), 'monthName'],
  B: ['January|February|March|April|May|June|July|August|September|October|November|December', 'monthName'],
  d: [String.raw`\d\d`, 'day'],
  e: [String.raw`[ \d]\d`, 'day'],
  a: ['Sun|Mon|Tue|Wed|Thu|Fri|Sat', 'ignored'],
  A: ['Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday', 'ignored'],
  H: [String.raw`\d\d`, 'hour'],
  I: [String.raw`\d\d`, 'hourOfHalf'],
  p: ['AM|PM', 'half'],
  M: [String.raw`\d\d`, 'minute'],
  S: [String.raw`\d\d`, 'second'],
  f: [String.raw`\d{9}`, 'fraction'],
  s: [String.raw`\d{1,12}`, 'epoch'],
  z: [String.raw`[+-]\d\d\d\d`, 'offset'],
  Ez: [String.raw`[+-]\d\d:\d\d`, 'offset'],
  Z: ['[A-Z]{3,4}', 'ignored'],
};

/** What stands for several. */
const composed: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
};

/** Envoy's own format where none is given. */
const byDefault = '%Y-%m-%dT%H:%M:%S.%3fZ';

/**
 * Compiles a format.
 * @returns why not, where it cannot be read back to a time of day on a date
 */
export function compileStartTime(format: string | undefined): StartTime | string {
  const given = format === undefined || format === '' ? byDefault : format;
  const spread = given.replaceAll(/%([FTRD])/g, (_all, letter: string) => composed[letter] ?? '');
  // absl's seconds with a fraction: %E3S is 05.123.
  const text = spread.replaceAll(/%E(\d)S/g, '%S.%$1f').replaceAll(/%E(\d)f/g, '%$1f');
  const patterns: string[] = [];
  const parts: Part[] = [];
  for (const [piece, directive] of text.matchAll(/%(Ez|\df|[A-Za-z%])|[^%]+|%/g)) {
    if (directive === undefined || directive === '%') {
      patterns.push(literally(directive ?? piece));
      continue;
    }
    const digits = /^(\d)f$/.exec(directive)?.[1];
    const found = digits === undefined ? directives[directive] : ([`\\d{${digits}}`, 'fraction'] as const);
    if (found === undefined) return `the start time's ${piece} is not known`;
    patterns.push(`(${found[0]})`);
    parts.push(found[1]);
  }
  const has = (...names: Part[]): boolean => names.some((one) => parts.includes(one));
  const dated = has('year', 'yearOfCentury') && has('month', 'monthName') && has('day');
  const timed = (has('hour') || (has('hourOfHalf') && has('half'))) && has('minute') && has('second');
  if (!has('epoch') && !(dated && timed)) return `the start time ${given} has no date and time to the second`;
  const whole = new RegExp(`^${patterns.join('')}$`);
  return {
    pattern: patterns.map((pattern) => pattern.replace(/^\(/, '(?:')).join(''),
    precisionMs: has('fraction') ? 1 : 1000,
    parse(line) {
      const match = whole.exec(line);
      if (match === null) return undefined;
      return timeOf(new Map(parts.map((part, index) => [part, match[index + 1] ?? ''])));
    },
  };
}

function timeOf(texts: ReadonlyMap<Part, string>): number | undefined {
  const number = (part: Part): number | undefined => (texts.has(part) ? Number(texts.get(part)) : undefined);
  const ms = Math.floor(Number(`0.${texts.get('fraction') ?? 0}`) * 1000 + 1e-6);
  const epoch = number('epoch');
  if (epoch !== undefined) return epoch * 1000 + ms;
  const name = texts.get('monthName')?.slice(0, 3);
  const month = name === undefined ? (number('month') ?? 1) - 1 : monthNames.indexOf(name);
  const year = number('year') ?? 2000 + (number('yearOfCentury') ?? 0);
  const day = number('day') ?? 1;
  const ofHalf = ((number('hourOfHalf') ?? 0) % 12) + (texts.get('half') === 'PM' ? 12 : 0);
  const hour = number('hour') ?? ofHalf;
  const time = Date.UTC(year, month, day, hour, number('minute') ?? 0, number('second') ?? 0, ms);
  const date = new Date(time);
  // February 30th and the like would be another day.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(texts.get('offset') ?? '+0000') ?? [];
  return time - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
