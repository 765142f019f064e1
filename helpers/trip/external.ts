import { sameEndpoint } from './endpoint.ts';
import type { Endpoint, Trip } from './statements.ts';

/**
 * A proxy outside the cluster that is somebody else's. What it takes for its client is whatever the node or a gateway
 * makes of the pod's address, its clock is its own, and other people use it.
 */
export interface ExternalProxy {
  /** All endpoints of its name, where the client is told a name; empty where the client is told the one address. */
  readonly endpoints: readonly Endpoint[];
}

/**
 * By how much such a proxy's clock may differ from the node's, in ms. What keeps earlier lines out is that its log is
 * read from where it stood when the request began.
 */
export const externalSkewMs = 2_000;

/** Whether this is the proxy that the client was told to use. */
export function isProxy(
  { via, external }: Pick<Trip, 'via' | 'external'>,
  endpoint: Endpoint | undefined,
): boolean {
  if (via === undefined) return false;
  return (
    sameEndpoint(endpoint, via) || (external?.endpoints ?? []).some((other) => sameEndpoint(endpoint, other))
  );
}
