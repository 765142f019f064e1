import { grouped } from '../grouped.ts';
import { endpointKey, ipKey } from './endpoint.ts';
import type { Strength, Subject } from './fit.ts';
import { connectAnswerBytes } from './squid.ts';
import type { OriginStatement, ProxyStatement, SidecarStatement } from './statements.ts';

/** One physical line of a log that says something, with what it says. */
export interface ReadLine<S> {
  readonly text: string;
  readonly parsed: S;
}

/**
 * The lines that may fit a trip with this strength, by what its own line must share with it: so that no trip is held
 * against every line there is. What is left out cannot fit; what is in still has to be looked at.
 */
export type LineIndex<S> = (subject: Subject, strength: Strength) => readonly ReadLine<S>[];

/** By the client's end of the connection; by its address alone where curl did not tell the port. */
export function sidecarIndex(lines: readonly ReadLine<SidecarStatement>[]): LineIndex<SidecarStatement> {
  const byEndpoint = grouped(lines, ({ parsed }) => keyOf(parsed.downstreamRemote, endpointKey));
  const byIp = grouped(lines, ({ parsed }) => keyOf(parsed.downstreamRemote, ({ ip }) => ipKey(ip)));
  return ({ client }) =>
    client.local === undefined
      ? (byIp.get(ipKey(client.podIp)) ?? [])
      : (byEndpoint.get(endpointKey(client.local)) ?? []);
}

/** By the pod's address and the time, and by bytes too where the sidecar's line is known and is to agree. */
export function proxyIndex(
  lines: readonly ReadLine<ProxyStatement>[],
  sidecarOf: (subject: Subject) => SidecarStatement | undefined,
): LineIndex<ProxyStatement> {
  const inTime = [...lines].sort((a, b) => a.parsed.endedAt - b.parsed.endedAt);
  const byIp = grouped(inTime, ({ parsed }) => ipKey(parsed.clientIp));
  const byBytes = grouped(inTime, ({ parsed }) => bytesKey(parsed.clientIp, parsed.bytes));
  return (subject, strength) => {
    const { client, external, tolerances } = subject;
    // A proxy outside the cluster sees another address than the pod's, and has a clock of its own.
    if (external !== undefined) return inTime;
    const sidecar = sidecarOf(subject);
    const lag = tolerances.closeLagMs;
    const from = client.startedAt - tolerances.clockSkewMs;
    const to = client.endedAt + tolerances.clockSkewMs + lag;
    if (sidecar === undefined) {
      return strength === 'strong' ? [] : during(byIp.get(ipKey(client.podIp)), from, to);
    }
    if (strength === 'fair') return [];
    const closed = sidecar.startedAt + sidecar.durationMs;
    const after = Math.max(from, sidecar.startedAt - tolerances.nodeSkewMs);
    const before = Math.min(to, closed + tolerances.nodeSkewMs + lag);
    if (strength === 'weak') return during(byIp.get(ipKey(client.podIp)), after, before);
    return [sidecar.bytesSent, sidecar.bytesSent - connectAnswerBytes].flatMap((bytes) =>
      during(byBytes.get(bytesKey(client.podIp, bytes)), after, before),
    );
  };
}

/** By the trip's id. */
export function originIndex(lines: readonly ReadLine<OriginStatement>[]): LineIndex<OriginStatement> {
  const byTrip = grouped(lines, ({ parsed }) => parsed.tripId);
  return ({ id }) => byTrip.get(id) ?? [];
}

function bytesKey(ip: string, bytes: number): string {
  return `${ipKey(ip)} ${bytes}`;
}

function keyOf<T>(value: T | undefined, key: (value: T) => string): string | undefined {
  return value === undefined ? undefined : key(value);
}

/** Those of the lines, which are in the order of their ends, that ended in [from, to]. */
function during(
  lines: readonly ReadLine<ProxyStatement>[] = [],
  from: number,
  to: number,
): readonly ReadLine<ProxyStatement>[] {
  const start = firstAt(lines, from);
  let end = start;
  while ((lines[end]?.parsed.endedAt ?? Infinity) <= to) end += 1;
  return lines.slice(start, end);
}

/** Index of the first line that ended at this time or later. */
function firstAt(lines: readonly ReadLine<ProxyStatement>[], time: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lines[middle]?.parsed.endedAt ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
