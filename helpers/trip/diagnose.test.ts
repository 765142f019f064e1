import { describe, expect, it } from 'vitest';
import { correlate } from './correlate.ts';
import { diagnose, diagnoseTitle } from './diagnose.ts';
import { noSidecar, origin, proxy, sidecar } from './expectations.ts';
import {
  client,
  cluster,
  containing,
  failed,
  lines,
  observation,
  soundTrip,
  startedAt,
  title,
  withClient,
  withLogs,
  withOrigin,
  withProxy,
  withSidecar,
} from '../../tests/samples/trip.ts';
import { codes, expected, first } from '../../tests/samples/diagnosis.ts';
import type { Trip } from './statements.ts';

describe('a sound trip', () => {
  it('has no findings', () => {
    expect(diagnose(soundTrip(), expected)).toEqual([]);
    expect(diagnose(soundTrip(), [])).toEqual([]);
    expect(diagnoseTitle(soundTrip(), title)).toEqual([]);
  });

  it('may have been logged by Squid 3.5', () => {
    expect(codes(withLogs({ proxy: [lines.proxy.replace(' 2085 ', ' 2046 ')] }))).toEqual([]);
  });

  it('may lie outside the mesh', () => {
    const trip = withLogs({ sidecar: undefined });
    expect(codes(trip, [noSidecar(), ...expected.slice(1)])).toEqual([]);
    expect(codes(withLogs({ sidecar: [] }), [noSidecar(), ...expected.slice(1)])).toEqual([]);
  });

  it('may be one that the proxy was to refuse', () => {
    const trip = correlate({
      ...observation(),
      url: 'https://en.wikipedia.org:444/',
      client: client(failed(56, 'CONNECT tunnel failed, response 403', { connectStatus: 403 })),
      lines: { sidecar: [lines.sidecar.replace(' 2085 ', ' 3899 ')], proxy: [lines.denied], origin: [] },
    });
    expect(codes(trip, [sidecar({ cluster }), proxy({ result: 'TCP_DENIED/403' })])).toEqual([]);
    expect(codes(trip, [sidecar({ cluster }), proxy({ result: 'TCP_TUNNEL/200' })])).toEqual([
      'PROXY_DENIED',
    ]);
    expect(
      codes({ ...trip, client: { ...trip.client, connectStatus: 407 } }, [
        proxy({ result: 'TCP_DENIED/403' }),
      ]),
    ).toContain('STATUS_DISAGREES');
  });
});

describe('contradictions', () => {
  it.each<[string, Trip, string]>([
    ["the client's port", withSidecar({ downstreamRemote: { ip: '10.42.0.7', port: 1 } }), '10.42.0.7:43630'],
    [
      "the sidecar's view of the target",
      withSidecar({ downstreamLocal: { ip: '10.42.0.9', port: 3128 } }),
      '10.42.0.9:3128',
    ],
    ["the proxy's client", withProxy({ clientIp: '10.42.0.8' }), '10.42.0.8'],
    ["the proxy's target", withProxy({ target: 'example.com:443' }), 'example.com:443'],
    ["the proxy's peer", withProxy({ peer: '10.42.0.9' }), '10.42.0.9'],
    ["the proxy's missing peer", withProxy({ peer: undefined }), 'no address'],
    ["the origin's client", withOrigin({ remote: { ip: '10.42.0.9', port: 1 } }), '10.42.0.9:1'],
    ["the origin's trip", withOrigin({ tripId: 'trip-2' }), 'trip-2'],
  ])('ADDRESSES_DISAGREE: %s', (_what, trip, seen) => {
    expect(codes(trip)).toEqual(['ADDRESSES_DISAGREE']);
    expect(first(trip)?.seen).toContain(seen);
  });

  it('takes the address the origin is expected to see', () => {
    const trip = withOrigin({ remote: { ip: '192.0.2.1', port: 1 } });
    expect(codes(trip, [origin({ status: 200, from: '192.0.2.1' })])).toEqual([]);
    expect(codes(soundTrip(), [origin({ status: 200, from: '192.0.2.1' })])).toEqual(['ADDRESSES_DISAGREE']);
  });

  it.each<[string, Trip, string]>([
    ['sidecar and proxy', withProxy({ bytes: 2084 }), '2084'],
    ['page and tunnel', { ...withProxy({ bytes: 100 }), sidecar: undefined }, '212'],
    ['page and origin', withOrigin({ bytes: 211 }), '211'],
  ])('BYTES_DISAGREE: %s', (_what, trip, seen) => {
    const expectations = trip.sidecar === undefined ? expected.slice(1) : expected;
    expect(codes(trip, expectations)).toEqual(['BYTES_DISAGREE']);
    expect(first(trip, expectations)?.seen).toContain(seen);
  });

  // The sound trip: the client from -60 to +40 ms, the sidecar from 0 to +8, the proxy from +1 to +8.
  // Tolerances: clocks 250 ms, nodes 10 ms, closing 1500 ms. Each case is the first millisecond too much.
  it.each<[string, (excess: number) => Trip, string]>([
    [
      'a sidecar before the client',
      (x) => withSidecar({ startedAt: startedAt - 310 - x, durationMs: 318 + x }),
      '251 ms before the client',
    ],
    [
      'a sidecar after the client',
      (x) => withSidecar({ startedAt: startedAt + 290 + x }),
      '251 ms after the client',
    ],
    ['a sidecar that does not end', (x) => withSidecar({ durationMs: 1790 + x }), '1751 ms after the client'],
    ['a proxy before the sidecar', (x) => withProxy({ elapsedMs: 18 + x }), "11 ms before the sidecar's"],
    [
      'a proxy after the sidecar',
      (x) => withProxy({ endedAt: startedAt + 19 + x, elapsedMs: 1 }),
      "11 ms after the sidecar's",
    ],
    [
      'a proxy that does not end',
      (x) => withProxy({ endedAt: startedAt + 1518 + x, elapsedMs: 1517 + x }),
      "1511 ms after the sidecar's",
    ],
    [
      'an origin before the client',
      (x) => withOrigin({ endedAt: startedAt - 310 - x }),
      '251 ms before the client',
    ],
    [
      'an origin after the client',
      (x) => withOrigin({ endedAt: startedAt + 1790 + x }),
      '1751 ms after the client',
    ],
  ])('TIMES_DISAGREE: %s', (_what, trip, seen) => {
    const text = seen.replace(/^\d+/, '');
    const own = (excess: number) => diagnose(trip(excess), expected).filter((one) => one.seen.includes(text));
    expect(own(0)).toEqual([]);
    expect(own(1)).toMatchObject([{ cause: 'TIMES_DISAGREE', seen: containing(seen) }]);
    // Moving the sidecar leaves the proxy behind; nothing else may follow.
    expect(new Set(codes(trip(1)))).toEqual(new Set(['TIMES_DISAGREE']));
  });

  it('STATUS_DISAGREES', () => {
    expect(codes(withProxy({ status: 200, method: 'CONNECT' }))).toEqual([]);
    expect(codes(withClient({ connectStatus: 201 }))).toEqual(['STATUS_DISAGREES']);
    expect(first(withClient({ connectStatus: 0 }))).toMatchObject({
      cause: 'STATUS_DISAGREES',
      seen: containing('no CONNECT'),
    });
  });
});

describe('diagnoseTitle', () => {
  it('TITLE_DIFFERS', () => {
    expect(diagnoseTitle(withClient({ title: 'Access denied' }), title)).toMatchObject([
      { cause: 'TITLE_DIFFERS', seen: '"Access denied"', expected: `"${title}"` },
    ]);
  });

  it('TITLE_MISSING, after what explains it', () => {
    expect(diagnoseTitle(withClient({ title: undefined }), title)).toMatchObject([
      { cause: 'TITLE_MISSING', seen: containing('212 bytes') },
    ]);
    const trip = withLogs({ sidecar: [lines.blackhole], proxy: [], origin: [] }, failed(56, 'Recv failure'));
    expect(diagnoseTitle(trip, title).map(({ cause }) => cause)).toEqual(['BLACKHOLE', 'TITLE_MISSING']);
  });

  it('is no title of an error page, of a failed client, or of one that went round', () => {
    expect(diagnoseTitle(withClient({ httpStatus: 503 }), title).map(({ cause }) => cause)).toContain(
      'HTTP_STATUS',
    );
    expect(
      diagnoseTitle(withClient({ exitCode: 18, errorMessage: 'partial' }), title).map(({ cause }) => cause),
    ).toContain('DESTINATION_DOWN');
    expect(
      diagnoseTitle(withClient({ exitCode: 43, errorMessage: 'odd' }), title).map(({ cause }) => cause),
    ).toContain('UNEXPLAINED');
    expect(
      diagnoseTitle(withClient({ remote: { ip: '198.51.100.1', port: 443 } }), title).map(
        ({ cause }) => cause,
      ),
    ).toContain('WENT_ROUND_PROXY');
  });

  it('does not ask who carried it', () => {
    expect(
      diagnoseTitle(soundTrip({ sidecar: undefined, proxy: undefined, origin: undefined }), title),
    ).toEqual([]);
  });
});
