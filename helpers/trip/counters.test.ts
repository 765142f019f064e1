import { describe, expect, test } from 'vitest';
import { client, cluster, observation, via } from '../../tests/samples/trip.ts';
import { correlate } from './correlate.ts';
import {
  countedStatements,
  countingAnnotations,
  busyIn,
  countsOutbound,
  isComplete,
  movedBetween,
  parseCounters,
} from './counters.ts';
import { diagnose, diagnoseTitle } from './diagnose.ts';
import { origin, proxy, sidecar } from './expectations.ts';
import { renderTrip } from './finding.ts';
import type { Trip } from './statements.ts';

/** As a sidecar of Istio 1.29.1 tells them, after `requests` of the document. */
function told(name: string, requests = 1, { bytes = 2085, more = '' } = {}): string {
  return `cluster.${name}.upstream_cx_active: 0
cluster.${name}.upstream_cx_connect_fail: 0
cluster.${name}.upstream_cx_none_healthy: 0
cluster.${name}.upstream_cx_rx_bytes_total: ${bytes * requests}
cluster.${name}.upstream_cx_total: ${requests}
cluster.${name}.upstream_cx_tx_bytes_total: ${861 * requests}
tcp.${name}.downstream_cx_total: ${requests}
${more}
`;
}

const documents = `${cluster};`;
const why = 'Envoy sends its access log to OpenTelemetryAccessLogConfig';

function tripOf(before: string, after: string, observed: Parameters<typeof observation>[0] = {}): Trip {
  const moved = movedBetween(parseCounters(before), parseCounters(after));
  const statements = countedStatements(moved, observed.client ?? client());
  const lines = { ...observation().lines, sidecar: undefined };
  return correlate(observation({ lines, ...observed, counted: { statements, why } }));
}

function causes(trip: Trip): string[] {
  return diagnose(trip, [
    sidecar({ cluster, upstream: via }),
    proxy({ result: 'TCP_TUNNEL/200' }),
    origin({ status: 200 }),
  ]).map(({ cause }) => cause);
}

describe('a trip by the counters of its sidecar', () => {
  test('is sound, and says that it is counters', () => {
    const trip = tripOf(told(documents, 3), told(documents, 4));
    expect(causes(trip)).toEqual([]);
    expect(diagnoseTitle(trip, trip.client.title ?? '')).toEqual([]);
    expect(trip.sidecar?.[0]).toMatchObject({
      upstreamCluster: cluster,
      bytesSent: 2085,
      bytesReceived: 861,
    });
    expect(renderTrip(trip)).toContain(`sidecar: counters, no log line: ${why}`);
  });

  const collector = 'cluster.outbound|4317||otel-collector.istio-system.svc.cluster.local;';

  test.each([
    ['a collector', `${collector}.upstream_cx_total: 1\n${collector}.upstream_cx_http2_total: 1`],
    [
      'a collector that refuses',
      `${collector}.upstream_cx_total: 2\n${collector}.upstream_cx_http2_total: 2`,
    ],
    ['a collector that is not there', `${collector}.upstream_cx_none_healthy: 3`],
    ['tracing', `${collector}.upstream_cx_total: 1\n${collector}.upstream_cx_http1_total: 1`],
  ])('is sound whatever Envoy itself sends to %s', (_what, more) => {
    expect(causes(tripOf('', told(documents, 1, { more })))).toEqual([]);
    expect(causes(tripOf('', more))).toEqual(['NO_SIDECAR_STATEMENT']);
  });

  test('is sound where clusters have names of the mesh’s own', () => {
    const names = new Map([['my-company-proxy.com_3128', [cluster]]]);
    const after = parseCounters(told('my-company-proxy.com_3128;'), names);
    expect([...after.keys()]).toEqual([cluster]);
    expect([...parseCounters(told('xds-grpc;'), names).keys()]).toEqual([]);
  });

  test('is sound where filters have names of their own', () => {
    const renamed = told(documents).replace(`tcp.${documents}`, 'tcp.my-company-proxy');
    expect(causes(tripOf('', renamed))).toEqual([]);
  });

  test.each([
    ['PassthroughCluster', told('PassthroughCluster'), ['PASSTHROUGH']],
    ['another cluster', told('outbound|3128||other.example;'), ['WRONG_CLUSTER']],
    ['no cluster at all', '', ['NO_SIDECAR_STATEMENT']],
    ['the cluster, with other bytes', told(documents, 1, { bytes: 2000 }), ['BYTES_DISAGREE']],
    ['the cluster twice', told(documents, 2), ['DUPLICATE_STATEMENT']],
    ['two clusters', told(documents) + told('PassthroughCluster'), ['WRONG_CLUSTER', 'DUPLICATE_STATEMENT']],
  ])('went astray: %s', (_what, after, expected) => {
    expect(causes(tripOf('', after))).toEqual(expected);
  });

  test.each([
    [
      'BlackHoleCluster',
      'cluster.BlackHoleCluster.upstream_cx_none_healthy: 1\ntcp.BlackHoleCluster.downstream_cx_total: 1',
      'BLACKHOLE',
    ],
    ['a listener that speaks HTTP', 'http.outbound_0.0.0.0_3128;.no_route: 1', 'ROUTE_NOT_FOUND'],
    [
      'a proxy that is not there',
      `cluster.${documents}.upstream_cx_total: 1\ncluster.${documents}.upstream_cx_connect_fail: 1`,
      'PROXY_UNREACHABLE',
    ],
  ])('ended at %s', (_what, after, cause) => {
    const failed = client({ exitCode: 56, connectStatus: 0, httpStatus: 0, title: undefined });
    const lines = { sidecar: undefined, proxy: [], origin: [] };
    expect(causes(tripOf('', after, { client: failed, lines }))[0]).toBe(cause);
  });
});

describe('counters', () => {
  test('of an Envoy that was started again begin anew', () => {
    const moved = movedBetween(parseCounters(told(documents, 5)), parseCounters(told(documents, 1)));
    expect(moved.get(cluster)).toMatchObject({ connections: 1, received: 2085 });
  });

  test('are complete when a connection is counted and closed', () => {
    const now = told(documents, 2);
    expect(isComplete(movedBetween(new Map(), parseCounters(now)))).toBe(true);
    expect(isComplete(movedBetween(parseCounters(now), parseCounters(now)))).toBe(false);
    const open = parseCounters(now.replace('active: 0', 'active: 1'));
    expect(isComplete(movedBetween(new Map(), open))).toBe(false);
  });

  test('show whether somebody else used the client', () => {
    const moved = (after: string) => movedBetween(new Map(), parseCounters(after));
    expect(busyIn(moved(''))).toBeUndefined();
    expect(busyIn(moved(told(documents, 1)))).toBeUndefined();
    expect(busyIn(moved(told(documents, 1).replace('active: 0', 'active: 1')))).toContain('1 connection');
    expect(busyIn(moved(told(documents, 2)))).toContain('2 connections');
    expect(busyIn(moved(`${told(documents, 1)}\n${told('outbound|80||web', 1)}`))).toContain(
      'outbound|80||web',
    );
  });

  test('are there where the pod asks for them', () => {
    expect(countsOutbound(countingAnnotations)).toBe(true);
    expect(countsOutbound({ 'sidecar.istio.io/statsInclusionPrefixes': 'cluster,tcp,http' })).toBe(true);
    expect(countsOutbound({ 'sidecar.istio.io/statsInclusionPrefixes': 'cluster' })).toBe(false);
    expect(countsOutbound({})).toBe(false);
  });
});
