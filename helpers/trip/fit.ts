import { formatEndpoint, sameIp } from './endpoint.ts';
import {
  agrees,
  apartMs,
  clientSpan,
  imprecisionMs,
  momentOf,
  outside,
  proxySpan,
  proxyTolerances,
  sidecarSlack,
  sidecarSpan,
  tells,
  tripSlack,
  type Outside,
} from './judgement.ts';
import { targetOf } from './squid.ts';
import type {
  OriginStatement,
  ProxyStatement,
  SidecarStatement,
  Trip,
  UnmatchedReason,
} from './statements.ts';

/** What a line is held against: a trip, as far as it is known. */
export type Subject = Pick<Trip, 'id' | 'url' | 'via' | 'given' | 'client' | 'tolerances'>;

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
export function fitSidecar(subject: Subject, sidecar: SidecarStatement): Fit {
  const { client, via, given } = subject;
  const facts = { via, given, client, sidecar };
  // Counters are of this client because no one else uses it.
  if (!tells(sidecar, 'downstreamRemote')) return { fits: 'fair', costMs: 0 };
  const remote = sidecar.downstreamRemote;
  if (remote === undefined) return no('another-client', 'it names no client');
  const slack = tripSlack['client ↔ sidecar'](subject);
  const when = outside(momentOf(sidecar.startedAt), clientSpan(client), {
    ...slack,
    earlyMs: slack.earlyMs + imprecisionMs(sidecar),
  });
  if (agrees('sidecar.from', facts) === false) {
    if (client.local === undefined) {
      return no('another-client', `its client is ${remote.ip}, not ${client.podIp}`);
    }
    const why = `its client is ${formatEndpoint(remote)}, not ${formatEndpoint(client.local)}`;
    // A search of the whole log would have taken this line for the request's: that deserves its own name.
    return when?.side === 'stale' &&
      sameIp(remote.ip, client.local.ip) &&
      agrees('sidecar.at', facts) === true
      ? no('stale', `${why}, and it began ${when.ms} ms before`)
      : no('another-client', why);
  }
  if (client.local === undefined && via !== undefined && agrees('sidecar.at', facts) === false) {
    const where = sidecar.downstreamLocal === undefined ? 'nowhere' : formatEndpoint(sidecar.downstreamLocal);
    return no('another-target', `the client connected to ${where}, not to ${formatEndpoint(via)}`);
  }
  if (when !== undefined) return no(when.side, outsideClient(when));
  return {
    fits: client.local === undefined ? 'fair' : 'strong',
    costMs: Math.abs(sidecar.startedAt - client.startedAt),
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
export function fitProxy(
  subject: Subject,
  sidecar: SidecarStatement | undefined,
  proxy: ProxyStatement,
): Fit {
  const { via, given, url, client, tolerances } = subject;
  const facts = { via, given, url, client, sidecar, proxy };
  if (agrees('proxy.from', facts) === false) {
    return no('another-client', `its client is ${proxy.clientIp}, not ${client.podIp}`);
  }
  if (agrees('proxy.to', facts) === false) {
    return no('another-target', `its target is ${proxy.target}, not ${targetOf(url)}`);
  }
  const span = proxySpan(proxy);
  const when = outside(span, clientSpan(client), tripSlack['client ↔ proxy'](subject));
  if (when !== undefined) return no(when.side, outsideClient(when));
  if (sidecar === undefined) {
    // A tunnel is not open longer than its client's connection, whichever clock counts.
    const longer = given !== undefined && proxy.elapsedMs > client.timeTotalMs + tolerances.closeLagMs;
    return {
      fits: agrees('proxy.page', facts) === true && !longer ? 'fair' : 'weak',
      costMs: Math.abs(proxy.endedAt - client.endedAt) + Math.abs(proxy.elapsedMs - client.timeTotalMs),
    };
  }
  const connection = sidecarSpan(sidecar, client);
  const beside = outside(span, connection, sidecarSlack(sidecar)(subject));
  if (beside !== undefined) {
    const { side, what, ms } = beside;
    const where =
      side === 'stale' ? "before the sidecar's connection" : "after the sidecar's connection had closed";
    return no(side, `it ${what} ${ms} ms ${where}`);
  }
  return {
    fits: agrees('proxy.bytes', facts) === true ? 'strong' : 'weak',
    costMs: apartMs(span, connection),
  };
}

/**
 * By how much a rival line of the proxy may be worse and still make it uncertain which is whose, in ms. Without the
 * sidecar's times, those of the client are all there is, and kubectl's delays are in them.
 */
export function proxyMargin(subject: Subject, sidecar: SidecarStatement | undefined): number {
  const { nodeSkewMs, clockSkewMs } = proxyTolerances(subject);
  return sidecar === undefined || !tells(sidecar, 'startTime')
    ? Math.max(nodeSkewMs, clockSkewMs)
    : nodeSkewMs;
}

/** The origin's line: by the trip's id. */
export function fitOrigin(subject: Subject, line: OriginStatement): Fit {
  if (line.tripId !== subject.id) {
    return no('another-client', `it is of ${line.tripId === undefined ? 'no trip' : `trip ${line.tripId}`}`);
  }
  return { fits: 'strong', costMs: Math.abs(line.endedAt - subject.client.endedAt) };
}

/** In words, where a line lies outside the time of its client. */
function outsideClient({ side, what, ms }: Outside): string {
  return `it ${what} ${ms} ms ${side === 'stale' ? 'before the client was started' : 'after the client had ended'}`;
}

function no(reason: UnmatchedReason, why: string): Fit {
  return { fits: 'no', reason, why };
}
