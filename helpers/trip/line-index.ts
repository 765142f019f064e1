import { grouped } from '../grouped.ts';
import { InTime } from '../in-time.ts';
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
  const byIp = inTime(grouped(lines, ({ parsed }) => ipKey(parsed.clientIp)));
  const byBytes = inTime(grouped(lines, ({ parsed }) => bytesKey(parsed.clientIp, parsed.bytes)));
  return (subject, strength) => {
    const { client, external, tolerances } = subject;
    // A proxy outside the cluster sees another address than the pod's, and has a clock of its own.
    if (external !== undefined) return lines;
    const sidecar = sidecarOf(subject);
    const lag = tolerances.closeLagMs;
    const from = client.startedAt - tolerances.clockSkewMs;
    const to = client.endedAt + tolerances.clockSkewMs + lag;
    if (sidecar === undefined) {
      return strength === 'strong' ? [] : (byIp.get(ipKey(client.podIp))?.during(from, to) ?? []);
    }
    if (strength === 'fair') return [];
    const closed = sidecar.startedAt + sidecar.durationMs;
    const after = Math.max(from, sidecar.startedAt - tolerances.nodeSkewMs);
    const before = Math.min(to, closed + tolerances.nodeSkewMs + lag);
    if (strength === 'weak') return byIp.get(ipKey(client.podIp))?.during(after, before) ?? [];
    return [sidecar.bytesSent, sidecar.bytesSent - connectAnswerBytes].flatMap(
      (bytes) => byBytes.get(bytesKey(client.podIp, bytes))?.during(after, before) ?? [],
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

/** Each group's lines by their ends. */
function inTime(
  groups: ReadonlyMap<string, readonly ReadLine<ProxyStatement>[]>,
): ReadonlyMap<string, InTime<ReadLine<ProxyStatement>>> {
  return new Map([...groups].map(([key, lines]) => [key, new InTime(lines, ({ parsed }) => parsed.endedAt)]));
}
