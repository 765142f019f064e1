import { formatEndpoint, isProxy, sameEndpoint, sameIp } from './endpoint.ts';
import { bytesAgree, targetOf } from './squid.ts';
import type {
  ClientStatement,
  Endpoint,
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Tolerances,
  UnmatchedReason,
} from './statements.ts';

/** What a line is held against: a trip, as far as it is known. */
export interface Subject {
  readonly id: string;
  readonly url: string;
  readonly via: Endpoint | undefined;
  /** As in a trip. */
  readonly given?: readonly Endpoint[];
  readonly client: ClientStatement;
  readonly tolerances: Tolerances;
}

/**
 * How a line fits a trip.
 * - `strong`: everything that identifies the trip agrees, and another witness bears it out.
 * - `fair`: nothing contradicts, but who, where and when is all there is to compare.
 * - `weak`: who, where and when agree, but another figure contradicts.
 * Weaker claims are looked at only for what the stronger ones left; their costs are not comparable.
 * `costMs` is how far the times are apart.
 */
export type Fit =
  | { readonly fits: Strength; readonly costMs: number }
  | { readonly fits: 'no'; readonly reason: UnmatchedReason; readonly why: string };

export const strengths = ['strong', 'fair', 'weak'] as const;
export type Strength = (typeof strengths)[number];

/** The sidecar's line: by the client's own end of the connection, which is unique while it lasts. */
export function fitSidecar(subject: Subject, line: SidecarStatement): Fit {
  const { client, tolerances, via } = subject;
  const remote = line.downstreamRemote;
  if (remote === undefined) return no('another-client', 'it names no client');
  if (client.local !== undefined) {
    if (!sameEndpoint(client.local, remote)) {
      const why = `its client is ${formatEndpoint(remote)}, not ${formatEndpoint(client.local)}`;
      const before = client.startedAt - tolerances.clockSkewMs - line.startedAt;
      // What a search of the whole log would have taken for this request's line deserves its own name.
      return before > 0 && sameIp(remote.ip, client.local.ip) && isProxy(subject, line.downstreamLocal)
        ? no('stale', `${why}, and it began ${client.startedAt - line.startedAt} ms before`)
        : no('another-client', why);
    }
  } else if (!sameIp(remote.ip, client.podIp)) {
    return no('another-client', `its client is ${remote.ip}, not ${client.podIp}`);
  } else if (via !== undefined && !isProxy(subject, line.downstreamLocal)) {
    const where = line.downstreamLocal === undefined ? 'nowhere' : formatEndpoint(line.downstreamLocal);
    return no('another-target', `the client connected to ${where}, not to ${formatEndpoint(via)}`);
  }
  const outside = outsideClient(subject, line.startedAt, line.startedAt, tolerances.clockSkewMs);
  if (outside !== undefined) return outside;
  return {
    fits: client.local === undefined ? 'fair' : 'strong',
    costMs: Math.abs(line.startedAt - client.startedAt),
  };
}

/**
 * The proxy's line: by the pod's address and the target; by bytes and times too when the sidecar's line is known.
 *
 * Cause and effect bound its times. Squid cannot get the CONNECT before the sidecar got the client's connection, nor
 * after that has closed; only the nodes' skew is allowed for. A line of an earlier or a later request of the same pod
 * breaks one of the two. A tolerance as wide as a request would let a stale line of the same page pass for this one.
 *
 * Neither the address nor the clock of a given proxy can be compared: the target, the bytes and how long it took
 * identify its line, and any second line that would do makes it ambiguous (see `proxyMargin`).
 */
export function fitProxy(subject: Subject, sidecar: SidecarStatement | undefined, line: ProxyStatement): Fit {
  const { client, given } = subject;
  const tolerances = tolerancesOf(subject);
  if (given === undefined && !sameIp(line.clientIp, client.podIp)) {
    return no('another-client', `its client is ${line.clientIp}, not ${client.podIp}`);
  }
  const target = targetOf(subject.url);
  if (line.target.toLowerCase() !== target.toLowerCase()) {
    return no('another-target', `its target is ${line.target}, not ${target}`);
  }
  const startedAt = line.endedAt - line.elapsedMs;
  const outside = outsideClient(
    subject,
    startedAt,
    line.endedAt,
    tolerances.clockSkewMs,
    tolerances.closeLagMs,
  );
  if (outside !== undefined) return outside;
  if (sidecar === undefined) {
    // A tunnel lives within its client's connection, whoever's clock counts.
    const longer = given !== undefined && line.elapsedMs > client.timeTotalMs + tolerances.closeLagMs;
    return {
      // The page travels inside the tunnel, so a smaller tunnel carried another page.
      fits: line.bytes >= client.bytesDownloaded && !longer ? 'fair' : 'weak',
      costMs: Math.abs(line.endedAt - client.endedAt) + Math.abs(line.elapsedMs - client.timeTotalMs),
    };
  }
  const sidecarEnd = sidecar.startedAt + sidecar.durationMs;
  if (startedAt < sidecar.startedAt - tolerances.nodeSkewMs) {
    return no('stale', `it began ${sidecar.startedAt - startedAt} ms before the sidecar's connection`);
  }
  if (startedAt > sidecarEnd + tolerances.nodeSkewMs) {
    return no('late', `it began ${startedAt - sidecarEnd} ms after the sidecar's connection had closed`);
  }
  if (line.endedAt > sidecarEnd + tolerances.nodeSkewMs + tolerances.closeLagMs) {
    return no('late', `it ended ${line.endedAt - sidecarEnd} ms after the sidecar's connection had closed`);
  }
  return {
    fits: bytesAgree(sidecar.bytesSent, line.bytes) ? 'strong' : 'weak',
    costMs: Math.abs(startedAt - sidecar.startedAt) + Math.abs(line.endedAt - sidecarEnd),
  };
}

/**
 * By how much a rival line of the proxy may be worse and still make it uncertain which is whose, in ms. Without the
 * sidecar's times, those of the client are all there is, and kubectl's delays are in them.
 */
export function proxyMargin(subject: Subject, sidecar: SidecarStatement | undefined): number {
  const { nodeSkewMs, clockSkewMs } = tolerancesOf(subject);
  return sidecar === undefined ? Math.max(nodeSkewMs, clockSkewMs) : nodeSkewMs;
}

/**
 * By how much the clock of a proxy that the user gave may differ from the node's, in ms. Earlier lines do not get in by
 * it: its log is read from where it stood when the request began.
 */
export const givenProxySkewMs = 2_000;

function tolerancesOf({ tolerances, given }: Subject): Tolerances {
  if (given === undefined) return tolerances;
  const { clockSkewMs, nodeSkewMs } = tolerances;
  return {
    ...tolerances,
    clockSkewMs: clockSkewMs + givenProxySkewMs,
    nodeSkewMs: nodeSkewMs + givenProxySkewMs,
  };
}

/** The origin's line: by the trip's id. */
export function fitOrigin(subject: Subject, line: OriginStatement): Fit {
  if (line.tripId !== subject.id) {
    return no('another-client', `it is of ${line.tripId === undefined ? 'no trip' : `trip ${line.tripId}`}`);
  }
  return { fits: 'strong', costMs: Math.abs(line.endedAt - subject.client.endedAt) };
}

/** Whether [from, to] lies outside the client's own time, and on which side. */
function outsideClient(
  subject: Subject,
  from: number,
  to: number,
  skewMs: number,
  lagMs = 0,
): Fit | undefined {
  const { startedAt, endedAt } = subject.client;
  if (from < startedAt - skewMs)
    return no('stale', `it began ${startedAt - from} ms before the client was started`);
  if (to > endedAt + skewMs + lagMs) return no('late', `it is ${to - endedAt} ms after the client had ended`);
  return undefined;
}

function no(reason: UnmatchedReason, why: string): Fit {
  return { fits: 'no', reason, why };
}
