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
