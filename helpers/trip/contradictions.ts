import { isProxy, sameEndpoint, sameIp } from './endpoint.ts';
import { bytesAgree } from './squid.ts';
import type { Statement, Trip } from './statements.ts';

/** The facts of a statement that a table compares. */
export type Fact = 'from' | 'to' | 'bytes';
/** `sidecar.from`: that witness's fact is at odds with the hop before it. */
export type Contradiction = `${Statement['witness']}.${Fact}`;

/** Where the first statements of a trip's witnesses contradict each other; what is missing contradicts nothing. */
export function contradictions(trip: Trip): ReadonlySet<Contradiction> {
  const { client, via } = trip;
  const sidecar = trip.sidecar?.[0];
  const proxy = trip.proxy?.[0];
  const origin = trip.origin?.[0];
  const found = new Set<Contradiction>();
  if (via !== undefined && client.remote !== undefined && !isProxy(trip, client.remote))
    found.add('client.to');
  if (sidecar !== undefined) {
    if (client.local !== undefined && !sameEndpoint(sidecar.downstreamRemote, client.local))
      found.add('sidecar.from');
    if (via !== undefined && !isProxy(trip, sidecar.upstreamHost)) found.add('sidecar.to');
  }
  if (proxy !== undefined) {
    // Behind the node's address translation a proxy sees another address than the pod's.
    if (trip.given === undefined && !sameIp(proxy.clientIp, client.podIp)) found.add('proxy.from');
    if (sidecar !== undefined && !bytesAgree(sidecar.bytesSent, proxy.bytes)) found.add('proxy.bytes');
  }
  if (origin !== undefined) {
    if (via !== undefined && !sameIp(origin.remote.ip, via.ip)) found.add('origin.from');
    if (client.exitCode === 0 && origin.bytes !== client.bytesDownloaded) found.add('origin.bytes');
  }
  return found;
}
