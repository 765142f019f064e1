import { describe, expect, it } from 'vitest';
import { correlate } from './correlate.ts';
import { proxy } from './expectations.ts';
import {
  client,
  cluster,
  containing,
  failed,
  lines,
  observation,
  soundTrip,
  withClient,
  withLogs,
  withOrigin,
  withProxy,
} from '../../tests/samples/trip.ts';
import { codes, expected, first } from '../../tests/samples/diagnosis.ts';
import type { ClientStatement, Trip } from './statements.ts';

describe('the proxy', () => {
  it('PROXY_DENIED', () => {
    expect(
      first(withProxy({ result: 'TCP_DENIED', status: 403, hierarchy: 'HIER_NONE', peer: undefined })),
    ).toMatchObject({ cause: 'PROXY_DENIED', seen: containing('TCP_DENIED/403') });
    expect(
      codes(
        withLogs(
          { proxy: [], origin: [], sidecar: [] },
          failed(56, 'CONNECT tunnel failed, response 403', { connectStatus: 403 }),
        ),
      )[0],
    ).toBe('PROXY_DENIED');
  });

  it('PROXY_CANNOT_RESOLVE', () => {
    const changes = failed(56, 'CONNECT tunnel failed, response 503', { connectStatus: 503 });
    const line =
      '1795362445.652      7 10.42.0.7 NONE_NONE/503 2085 CONNECT en.wikipedia.org:443 - HIER_NONE/- -';
    expect(first(withLogs({ proxy: [line], origin: [] }, changes))).toMatchObject({
      cause: 'PROXY_CANNOT_RESOLVE',
      seen: containing('HIER_NONE/-'),
    });
    expect(codes(withLogs({ proxy: [], origin: [], sidecar: [] }, changes))[0]).toBe('PROXY_CANNOT_RESOLVE');
  });

  it('DESTINATION_DOWN, when the proxy had a peer', () => {
    const changes = failed(56, 'CONNECT tunnel failed, response 503', { connectStatus: 503 });
    const line =
      '1795362445.652      7 10.42.0.7 TCP_TUNNEL/503 2085 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -';
    expect(first(withLogs({ proxy: [line], origin: [] }, changes))).toMatchObject({
      cause: 'DESTINATION_DOWN',
      seen: containing('10.42.0.4'),
    });
  });

  it('PROXY_DENIED, by status as well', () => {
    expect(codes(withProxy({ result: 'TCP_DENIED', status: 200 }))).toEqual(['PROXY_DENIED']);
    expect(codes(withProxy({ result: 'NONE_NONE', status: 403 }))[0]).toBe('PROXY_DENIED');
    expect(codes(withProxy({ result: 'NONE_NONE', status: 407 }))[0]).toBe('PROXY_DENIED');
  });

  it('is not asked what the sidecar answered in its stead', () => {
    const changes = failed(56, 'CONNECT tunnel failed, response 503', { connectStatus: 503 });
    const line = lines.routeNotFound
      .replace('404 NR route_not_found', '503 UF upstream_reset')
      .replace(' - - 10.42', ` ${cluster} - 10.42`);
    const trip = withLogs({ sidecar: [line], proxy: [], origin: [] }, changes);
    expect(codes(trip, [])).toEqual(['LISTENER_SPEAKS_HTTP', 'PROXY_UNREACHABLE']);
  });

  it('must have been asked where it was to refuse', () => {
    const refused = [proxy({ result: 'TCP_DENIED/403' })];
    const denied = withProxy({ result: 'TCP_DENIED', status: 403 });
    const trip = (changes: Partial<ClientStatement>): Trip => ({
      ...denied,
      client: client(changes),
      origin: undefined,
    });
    expect(codes(trip(failed(56, 'response 403', { connectStatus: 403 })), refused)).toEqual([]);
    expect(codes(trip(failed(7, 'refused')), refused)).toEqual(['PROXY_UNREACHABLE']);
    expect(codes(trip(failed(43, 'odd')), refused)).toEqual(['UNEXPLAINED']);
    expect(codes(trip({}), refused)).toEqual(['STATUS_DISAGREES']);
  });

  it('WRONG_RESULT', () => {
    expect(codes(withProxy({ result: 'TCP_MISS' }))).toEqual(['WRONG_RESULT']);
    expect(codes(withProxy({ result: 'TCP_MISS' }), [])).toEqual([]);
    expect(codes(withProxy({ result: 'TCP_MISS', status: 500 }), [])).toContain('WRONG_RESULT');
    expect(codes(soundTrip(), [proxy({ result: 'TCP_MISS/200' })])).toContain('WRONG_RESULT');
    expect(codes(soundTrip(), [proxy({ result: 'TCP_DENIED/403' })])).toContain('PROXY_NOT_DENYING');
  });
});

describe('the client', () => {
  it('WENT_ROUND_PROXY', () => {
    expect(first(withClient({ remote: { ip: '198.51.100.1', port: 443 } }))).toMatchObject({
      cause: 'WENT_ROUND_PROXY',
      seen: containing('198.51.100.1:443'),
      expected: containing('10.42.0.5:3128'),
    });
    expect(codes(withClient({ remote: { ip: '10.42.0.5', port: 3129 } }))).toEqual(['WENT_ROUND_PROXY']);
    expect(
      codes(withLogs({ sidecar: undefined, proxy: [], origin: [] }, failed(6, 'Could not resolve host')), [
        proxy({ result: 'TCP_TUNNEL/200' }),
      ])[0],
    ).toBe('WENT_ROUND_PROXY');
    expect(codes(withOrigin({ remote: { ip: '10.42.0.7', port: 1 } }))).toEqual(['WENT_ROUND_PROXY']);
    const direct = correlate(
      observation({
        via: undefined,
        client: client({ connectStatus: 0 }),
        lines: { sidecar: undefined, proxy: [], origin: undefined },
      }),
    );
    expect(codes(direct, [proxy({ result: 'TCP_TUNNEL/200' })])).toEqual([
      'WENT_ROUND_PROXY',
      'NO_PROXY_STATEMENT',
    ]);
    expect(codes(direct, [])).toEqual([]);
  });

  it('CLIENT_SILENT', () => {
    expect(codes(withClient({ remote: undefined }))).toEqual(['CLIENT_SILENT']);
    expect(codes(withClient({ local: undefined }))).toEqual(['CLIENT_SILENT']);
    for (const code of [-1, 126, 127, 137]) {
      const trip = withLogs(
        { sidecar: [], proxy: [], origin: [] },
        failed(code, 'killed', { local: undefined, remote: undefined }),
      );
      expect(codes(trip)[0]).toBe('CLIENT_SILENT');
    }
  });

  const nothing = { sidecar: [], proxy: [], origin: [] };
  const unconnected = { local: undefined, remote: undefined };

  it.each<[number, Partial<ClientStatement>, string]>([
    [5, unconnected, 'PROXY_UNREACHABLE'],
    [7, unconnected, 'PROXY_UNREACHABLE'],
    [28, unconnected, 'PROXY_UNREACHABLE'],
    [28, {}, 'DESTINATION_SLOW'],
    [28, { connectStatus: 200 }, 'DESTINATION_SLOW'],
    [60, { connectStatus: 200 }, 'TLS_UNTRUSTED'],
    [35, { connectStatus: 200 }, 'TLS_FAILED'],
    [52, { connectStatus: 200 }, 'DESTINATION_DOWN'],
    [56, { connectStatus: 200 }, 'DESTINATION_DOWN'],
  ])('exit code %i with %o: %s', (code, changes, cause) => {
    const trip = withLogs(nothing, failed(code, 'in its own words', changes));
    expect(first(trip)).toMatchObject({ cause, seen: containing('in its own words') });
  });

  it.each([
    [6, 'DESTINATION_DOWN'],
    [7, 'DESTINATION_DOWN'],
    [28, 'DESTINATION_SLOW'],
    [35, 'TLS_FAILED'],
  ])('exit code %i without a proxy: %s', (code, cause) => {
    const trip = correlate(
      observation({ via: undefined, client: client(failed(code, 'x', unconnected)), lines: nothing }),
    );
    expect(codes(trip, [])).toEqual([cause]);
  });

  it('UNEXPLAINED, only when nothing else says why', () => {
    expect(first(withLogs(nothing, failed(43, 'internal error')), [])).toMatchObject({
      cause: 'UNEXPLAINED',
      seen: containing('internal error'),
    });
    expect(codes(withLogs(nothing, failed(56, 'Recv failure')))).toEqual([
      'NO_SIDECAR_STATEMENT',
      'NO_PROXY_STATEMENT',
      'NO_ORIGIN_STATEMENT',
      'UNEXPLAINED',
    ]);
  });

  it('HTTP_STATUS, of the client or the origin', () => {
    expect(codes(withClient({ httpStatus: 429 }), expected.slice(0, 2))).toEqual(['HTTP_STATUS']);
    expect(first(withClient({ httpStatus: 429 }))).toMatchObject({
      seen: 'status 429',
      expected: 'status 200',
    });
    expect(first(withClient({ httpStatus: 429 }), [])).toMatchObject({
      expected: 'a status from 200 to 399',
    });
    for (const [httpStatus, good] of [
      [199, false],
      [200, true],
      [399, true],
      [400, false],
    ] as const) {
      expect(codes(withClient({ httpStatus }), []).length === 0).toBe(good);
    }
    expect(codes(withClient({ httpStatus: 0 }))).toEqual(['HTTP_STATUS']);
    expect(codes(withOrigin({ status: 503 }))).toEqual(['HTTP_STATUS']);
    expect(codes(withClient({ httpStatus: 204 }))).toEqual(['HTTP_STATUS']);
  });

  it('does not hold bytes against a request that broke off', () => {
    expect(
      codes(
        {
          ...withProxy({ bytes: 2000 }),
          client: client(failed(28, 'timed out', { connectStatus: 200 })),
          origin: undefined,
        },
        expected.slice(0, 2),
      ),
    ).toEqual(['DESTINATION_SLOW']);
  });
});
