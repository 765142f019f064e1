import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from './endpoint.ts';
import { defaultJsonKeys, defaultTextFormats, parseSidecarLine } from './envoy.ts';
import { isFailure } from './statements.ts';
import { envoyLine } from '../../tests/samples/log-lines.ts';
import { containing, lines, startedAt } from '../../tests/samples/trip.ts';

describe('parseSidecarLine', () => {
  it("reads the mesh's line", () => {
    expect(parseSidecarLine(lines.sidecar)).toEqual({
      witness: 'sidecar',
      line: lines.sidecar,
      startedAt,
      request: '- - -',
      responseCode: 0,
      responseFlags: '-',
      responseCodeDetails: '-',
      connectionTermination: '-',
      upstreamFailure: '-',
      bytesReceived: 861,
      bytesSent: 2085,
      durationMs: 8,
      upstreamHost: { ip: '10.42.0.5', port: 3128 },
      upstreamCluster: 'outbound|3128||my-company-proxy.com',
      upstreamLocal: { ip: '10.42.0.7', port: 43634 },
      downstreamLocal: { ip: '10.42.0.5', port: 3128 },
      downstreamRemote: { ip: '10.42.0.7', port: 43630 },
    });
  });

  it("reads the document's line of 2018", () => {
    expect(parseSidecarLine(lines.document2018)).toMatchObject({
      startedAt: Date.parse('2018-12-07T10:38:02.841Z'),
      bytesReceived: 702,
      bytesSent: 87599,
      durationMs: 92,
      responseCodeDetails: '-',
      upstreamCluster: 'outbound|3128||my-company-proxy.com',
      downstreamRemote: { ip: '172.30.230.52', port: 44476 },
    });
  });

  it('reads a refused CONNECT', () => {
    expect(parseSidecarLine(lines.routeNotFound)).toMatchObject({
      request: 'CONNECT - HTTP/1.1',
      responseCode: 404,
      responseFlags: 'NR',
      responseCodeDetails: 'route_not_found',
      upstreamHost: undefined,
      upstreamCluster: '-',
    });
  });

  it('drops the semicolon after the cluster', () => {
    const line = lines.sidecar.replace('my-company-proxy.com', 'my-company-proxy.com;');
    expect(parseSidecarLine(line)).toMatchObject({
      upstreamCluster: 'outbound|3128||my-company-proxy.com',
      line,
    });
  });

  it('reads blanks in why a connection ended', () => {
    const line = lines.sidecar.replace('0 - - - "-"', '0 - - transport socket timeout was reached "-"');
    expect(parseSidecarLine(line)).toMatchObject({
      connectionTermination: 'transport socket timeout was reached',
    });
  });

  const endpoint = fc.record({
    ip: fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((ip) => !ip.includes('%')),
    ),
    port: fc.integer({ min: 1, max: 65535 }),
  });
  const count = fc.nat();
  const fields = fc.record({
    startedAt: fc.integer({ min: 0, max: 4102444799999 }),
    bytesReceived: count,
    bytesSent: count,
    durationMs: count,
    upstreamHost: fc.option(endpoint, { nil: undefined }),
    downstreamLocal: fc.option(endpoint, { nil: undefined }),
    downstreamRemote: endpoint,
    upstreamFailure: fc.string({ unit: 'grapheme-ascii' }),
    upstreamCluster: fc.constantFrom(
      'PassthroughCluster',
      '-',
      'outbound|3128||my-company-proxy.com',
      'BlackHoleCluster',
    ),
  });

  it.each(Object.entries(defaultTextFormats))('reads any line of the format of %s', (version, format) => {
    fc.assert(
      fc.property(fields, (x) => {
        const text = (one: typeof x.upstreamHost): string => (one === undefined ? '-' : formatEndpoint(one));
        const line = envoyLine(
          format,
          new Map([
            ['START_TIME', new Date(x.startedAt).toISOString()],
            ['RESPONSE_CODE', '0'],
            ['BYTES_RECEIVED', String(x.bytesReceived)],
            ['BYTES_SENT', String(x.bytesSent)],
            ['DURATION', String(x.durationMs)],
            ['UPSTREAM_HOST', text(x.upstreamHost)],
            ['DOWNSTREAM_LOCAL_ADDRESS', text(x.downstreamLocal)],
            ['DOWNSTREAM_REMOTE_ADDRESS', text(x.downstreamRemote)],
            ['UPSTREAM_TRANSPORT_FAILURE_REASON', x.upstreamFailure],
            ['UPSTREAM_CLUSTER', x.upstreamCluster],
            ['UPSTREAM_CLUSTER_RAW', x.upstreamCluster],
          ]),
        );
        const upstreamFailure = version === '1.0-1.1' ? '-' : x.upstreamFailure;
        expect(parseSidecarLine(line)).toMatchObject({ ...x, upstreamFailure, line });
      }),
    );
  });

  const json = {
    start_time: '2026-11-22T15:47:25.644Z',
    method: null,
    path: null,
    protocol: null,
    response_code: 0,
    response_flags: '-',
    response_code_details: null,
    connection_termination_details: null,
    upstream_transport_failure_reason: null,
    bytes_received: 861,
    bytes_sent: 2085,
    duration: 8,
    upstream_host: '10.42.0.5:3128',
    upstream_cluster: 'outbound|3128||my-company-proxy.com;',
    upstream_local_address: '10.42.0.7:43634',
    downstream_local_address: '10.42.0.5:3128',
    downstream_remote_address: '10.42.0.7:43630',
    authority: null,
    requested_server_name: null,
    route_name: null,
    upstream_service_time: null,
    user_agent: null,
    x_forwarded_for: null,
    request_id: null,
  };

  it('reads the default JSON log as the same statement', () => {
    const line = JSON.stringify(json);
    expect(parseSidecarLine(line)).toEqual({ ...parseSidecarLine(lines.sidecar), line });
  });

  it.each(Object.values(defaultJsonKeys))('rejects JSON without %s', (key) => {
    const rest = Object.fromEntries(Object.entries(json).filter(([name]) => name !== key));
    expect(parseSidecarLine(JSON.stringify(rest))).toMatchObject({
      witness: undefined,
      kind: 'json',
      why: containing(key),
    });
  });

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    [lines.agent, 'application-log'],
    [lines.envoy, 'application-log'],
    ['{"level":"info","time":"2026-11-22T15:47:20.102334Z","msg":"connected"}', 'application-log'],
    ['{broken', 'application-log'],
    ['{"bytes":1}', 'json'],
    [JSON.stringify({ ...json, bytes_sent: { a: 1 } }), 'json'],
    ['[2026-11-22T15:47:25.644Z] my own format', 'foreign-format'],
    [lines.sidecar.replace(' 2085 ', ' many '), 'foreign-format'],
    [lines.sidecar.replace('2085 8 -', '2085 - -'), 'foreign-format'],
    [lines.sidecar.replace('2026-11-22', '2026-02-30'), 'foreign-format'],
    [lines.sidecar.replace('10.42.0.7:43630', 'envoy://internal_client_address/'), 'foreign-format'],
    [`${lines.sidecar} more`, 'foreign-format'],
    [lines.sidecar.slice(0, -4), 'foreign-format'],
  ])('says what %j is instead', (line, kind) => {
    expect(parseSidecarLine(line)).toMatchObject({ witness: undefined, kind, line });
  });

  it('says which value is odd', () => {
    expect(parseSidecarLine(lines.sidecar.replace('2085 8 -', '2085 - -'))).toMatchObject({
      why: containing('duration is -'),
    });
  });

  it('never throws, and takes no part of a line for the line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(isFailure(parseSidecarLine(text))).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: lines.sidecar.length - 1 }), (end) => {
        expect(isFailure(parseSidecarLine(lines.sidecar.slice(0, end)))).toBe(true);
      }),
    );
  });
});
