import { noStatement, type Proxy } from '../proxy/proxy.ts';
import type { Endpoint } from './endpoint.ts';

/** What one witness must say of a trip. */
export type Expectation = SidecarExpectation | NoSidecarExpectation | ProxyExpectation | OriginExpectation;

export interface SidecarExpectation {
  readonly kind: 'sidecar';
  /** One of these, e.g. `outbound|3128||my-company-proxy.com`. */
  readonly clusters: readonly string[];
  /** What the sidecar connected to, one of these: the proxy that the client was given when undefined. */
  readonly upstreams: Upstreams;
}

export interface NoSidecarExpectation {
  readonly kind: 'no-sidecar';
}

export interface ProxyExpectation {
  readonly kind: 'proxy';
  /** `TCP_TUNNEL/200`, as the log has it. */
  readonly result: string;
  /** Address the proxy connected to; any when not given. */
  readonly peer: string | undefined;
}

export interface OriginExpectation {
  readonly kind: 'origin';
  readonly status: number;
  /** Address the origin saw; the proxy's, as the client was given it, when not given. */
  readonly from: string | undefined;
}

/** `any`: a gateway is between, and leads on. */
export type Upstreams = readonly Endpoint[] | 'any' | undefined;

/** One line of the sidecar, TCP, in this cluster, towards the proxy; of several, in one of them. */
export function sidecar(expected: {
  readonly cluster: string | readonly string[];
  readonly upstream?: Endpoint | Upstreams;
}): SidecarExpectation {
  const { cluster, upstream } = expected;
  const one = typeof upstream === 'object' && 'ip' in upstream;
  return { kind: 'sidecar', clusters: [cluster].flat(), upstreams: one ? [upstream] : upstream };
}

/**
 * No line of any sidecar. A pod without one has no log to follow, so a log that was not followed satisfies it:
 * that the pod has no sidecar is for its own step to show.
 */
export function noSidecar(): NoSidecarExpectation {
  return { kind: 'no-sidecar' };
}

/** One line of the proxy with this result. */
export function proxy(expected: { readonly result: string; readonly peer?: string }): ProxyExpectation {
  return { kind: 'proxy', result: expected.result, peer: expected.peer };
}

/** What the log of the run's proxy must say; nothing where it is not followed. */
export function expectationsOf(of: Proxy, result = 'TCP_TUNNEL/200'): ProxyExpectation[] {
  return noStatement(of) === undefined ? [proxy({ result })] : [];
}

/** One line of our own origin with the trip's id and this status. */
export function origin(expected: { readonly status: number; readonly from?: string }): OriginExpectation {
  return { kind: 'origin', status: expected.status, from: expected.from };
}

/** The status with which the proxy is expected to refuse the CONNECT; undefined when it is expected to tunnel. */
export function expectedRefusal(expectations: readonly Expectation[]): number | undefined {
  const result = expectations.find((expectation) => expectation.kind === 'proxy')?.result;
  const status = Number(result?.split('/')[1]);
  return status >= 400 ? status : undefined;
}
