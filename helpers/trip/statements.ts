import type { Endpoint } from './endpoint.ts';

/**
 * What each witness of a trip states. One request is a trip: the client, the sidecar's Envoy, Squid and the
 * origin each leave a statement of their own, and a verdict comes from what they must share.
 */

/** curl's own account, from `--write-out '%{json}'`, its exit code and the page. */
export interface ClientStatement {
  readonly witness: 'client';
  /** Pod that ran curl, `namespace/name`. */
  readonly pod: string;
  readonly podIp: string;
  readonly command: string;
  /** curl's exit code: 0 ok, 28 time limit, 35 TLS, 56 receive failure or CONNECT refused, 60 untrusted certificate. */
  readonly exitCode: number;
  /** curl's own words when it failed, else ''. */
  readonly errorMessage: string;
  /** The connection's local side: what the sidecar sees as downstream. Undefined when no connection was made. */
  readonly local: Endpoint | undefined;
  /** What curl connected to: the proxy, when it used one. */
  readonly remote: Endpoint | undefined;
  /** Status of the page's response, 0 when none came. */
  readonly httpStatus: number;
  /** Status of the proxy's answer to CONNECT, 0 when none came. */
  readonly connectStatus: number;
  /** Squid's own word for its refusal, e.g. `ERR_DNS_FAIL 0`, from the header X-Squid-Error of its answer. */
  readonly proxyError?: string;
  /** The kinds of credentials that the proxy asked for with 407, e.g. `Basic realm="proxy"`. */
  readonly proxyAuthenticate?: string;
  readonly bytesDownloaded: number;
  /** Text of the page's `<title>`, undefined when there is none. */
  readonly title: string | undefined;
  /** When the runner asked for the request and when it was over, ms since the epoch, by the node's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly timeTotalMs: number;
}

/** What a line of a sidecar's access log can tell. */
export type SidecarField =
  | ('startTime' | 'method' | 'path' | 'protocol' | 'responseCode' | 'responseFlags' | 'responseCodeDetails')
  | ('connectionTermination' | 'upstreamFailure' | 'bytesReceived' | 'bytesSent' | 'duration')
  | ('upstreamHost' | 'upstreamCluster' | 'upstreamLocal' | 'downstreamLocal' | 'downstreamRemote');

/** One line of the sidecar's access log, in whatever format. */
export interface SidecarStatement {
  readonly witness: 'sidecar';
  readonly line: string;
  /** Start of the connection, ms since the epoch, by the node's clock. */
  readonly startedAt: number;
  /** `- - -` for TCP, `CONNECT - HTTP/1.1` where the listener speaks HTTP. */
  readonly request: string;
  readonly responseCode: number;
  /** e.g. `-`, `NR`, `UH`, `UF`. */
  readonly responseFlags: string;
  readonly responseCodeDetails: string;
  readonly connectionTermination: string;
  readonly upstreamFailure: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly upstreamHost: Endpoint | undefined;
  /** e.g. `outbound|3128||my-company-proxy.com`, `PassthroughCluster`, `BlackHoleCluster`, `-`. */
  readonly upstreamCluster: string;
  readonly upstreamLocal: Endpoint | undefined;
  readonly downstreamLocal: Endpoint | undefined;
  /** The client's side of the connection. */
  readonly downstreamRemote: Endpoint | undefined;
  /** What a custom format says nothing about: these fields are `-`, 0 or undefined, and mean nothing. */
  readonly untold?: readonly SidecarField[];
  /** By how much the connection may have begun later than `startedAt`, in ms, where the format has no fractions of a second. */
  readonly startPrecisionMs?: number;
}

/** One line of Squid's access log in its native format (`logformat squid`). */
export interface ProxyStatement {
  readonly witness: 'proxy';
  readonly line: string;
  /** When the transaction ended, ms since the epoch, by the node's clock. */
  readonly endedAt: number;
  readonly elapsedMs: number;
  readonly clientIp: string;
  /** e.g. `TCP_TUNNEL`, `TCP_DENIED`. */
  readonly result: string;
  readonly status: number;
  /** Bytes sent to the client, the CONNECT response's header included. */
  readonly bytes: number;
  readonly method: string;
  /** `host:port` for CONNECT. */
  readonly target: string;
  /** e.g. `HIER_DIRECT`, `HIER_NONE`. */
  readonly hierarchy: string;
  /** Address Squid connected to, undefined for `-`. */
  readonly peer: string | undefined;
}

/** One line of our own origin's access log (hermetic destination only), JSON by nginx. */
export interface OriginStatement {
  readonly witness: 'origin';
  readonly line: string;
  readonly endedAt: number;
  readonly remote: Endpoint;
  readonly tripId: string | undefined;
  readonly host: string;
  /** Name the client asked for in its TLS hello, '' when it sent none. */
  readonly serverName: string;
  readonly request: string;
  readonly status: number;
  readonly bytes: number;
}

export type Statement = ClientStatement | SidecarStatement | ProxyStatement | OriginStatement;

/** Those of the witnesses whose statements are lines of a log. */
export type LogWitness = 'sidecar' | 'proxy' | 'origin';

/** By how much clocks and logs may be off, all in ms. */
export interface Tolerances {
  /** Between the runner's clock and any node's. */
  readonly clockSkewMs: number;
  /** Between two nodes' clocks, rounding included; a few ms where everything runs on one node. */
  readonly nodeSkewMs: number;
  /** By how much a hop may notice the end of a connection later than the hop before it. */
  readonly closeLagMs: number;
}

/**
 * Why a line belongs to no trip.
 * - `unparsable`: no access log line at all. `foreign-format`: an access log line in a format not known here.
 * - `another-client`, `another-target`: what it says excludes this trip, whenever it was written.
 * - `stale`: it would fit, had it not happened before the trip began; `late`: after the trip was over.
 * - `surplus`: it fits, but another line fits better.
 */
export type UnmatchedReason =
  'unparsable' | 'foreign-format' | 'another-client' | 'another-target' | 'stale' | 'late' | 'surplus';

/** A line that the trip's logs yielded and that was credited to no trip: evidence only. */
export interface UnmatchedLine {
  readonly witness: LogWitness;
  readonly line: string;
  readonly reason: UnmatchedReason;
  /** The reason in words, with the values at odds. */
  readonly why: string;
}

/** Two or more lines and trips fit each other about equally well, so who said what of whom is not certain. */
export interface Ambiguity {
  readonly witness: LogWitness;
  /** The other trips that have a claim to the same lines; empty when one trip has several lines to choose from. */
  readonly rivals: readonly string[];
  readonly lines: readonly string[];
  /**
   * Whether it cannot matter: every trip involved has a line, and all these lines say the same in everything a
   * verdict looks at. A verdict may then stand, whichever line is whose.
   */
  readonly harmless: boolean;
}

/** A request and everything its witnesses said. */
export interface Trip {
  /** Unique to the trip; also in the request's user agent, which the origin logs. */
  readonly id: string;
  readonly url: string;
  /** Address of the proxy that the client was given, undefined for none. */
  readonly via: Endpoint | undefined;
  /**
   * Set where the user gave that proxy, which is outside the cluster: the other endpoints of its name, none where the
   * client uses the one address. The proxy sees whatever address the node or a gateway makes of the pod's, its clock is
   * its own, and other people use it.
   */
  readonly given?: readonly Endpoint[];
  readonly client: ClientStatement;
  /** Every line that matches this trip; a sound trip has exactly one each. Undefined: that log was not followed. */
  readonly sidecar: readonly SidecarStatement[] | undefined;
  readonly proxy: readonly ProxyStatement[] | undefined;
  readonly origin: readonly OriginStatement[] | undefined;
  /**
   * Set where the sidecar leaves no readable log line and its counters speak instead, which is weaker: why it leaves
   * none. They cannot tell one connection from another.
   */
  readonly counters?: string;
  /** Lines of the same logs since the trip began that belong to no trip or could not be parsed: evidence only. */
  readonly unmatched: readonly UnmatchedLine[];
  /** Empty for a sound trip. */
  readonly ambiguities: readonly Ambiguity[];
  /** What the statements' times were compared with. */
  readonly tolerances: Tolerances;
}

/**
 * Why a line is no statement. Parsers never throw and never guess: a line is whole, or it is one of these.
 * - `empty`: nothing but blanks.
 * - `application-log`: something else the same process writes (the agent's or Envoy's own messages).
 * - `json`: an access log in JSON whose keys are not the ones expected.
 * - `foreign-format`: looks like an access log, in no format known here.
 */
export type FailureKind = 'empty' | 'application-log' | 'json' | 'foreign-format';

export interface ParseFailure {
  readonly witness: undefined;
  readonly kind: FailureKind;
  /** One phrase for a person, without the line itself. */
  readonly why: string;
  readonly line: string;
}

export function failure(kind: FailureKind, why: string, line: string): ParseFailure {
  return { witness: undefined, kind, why, line };
}

/** Whether a parser gave up on a line. Every statement names its witness; a failure has none. */
export function isFailure(parsed: Statement | ParseFailure): parsed is ParseFailure {
  return parsed.witness === undefined;
}

/** A count as logs write it: digits only, within what a double holds exactly. Undefined otherwise. */
export function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
