import { describe, expect, it } from 'vitest';
import { diagnose, diagnoseTitle } from './diagnose.ts';
import { noSidecar, sidecar } from './expectations.ts';
import { responseFlags } from './envoy-values.ts';
import type { Trip } from './statements.ts';
import {
  cluster,
  containing,
  failed,
  lines,
  originLine,
  soundTrip,
  via,
  withLogs,
  withSidecar,
} from '../../tests/samples/trip.ts';
import { codes, expected, first } from '../../tests/samples/diagnosis.ts';

describe('the way through the mesh', () => {
  it('PASSTHROUGH: the page came, but the entry did not match', () => {
    expect(first(withLogs({ sidecar: [lines.passthrough] }))).toMatchObject({
      cause: 'PASSTHROUGH',
      seen: 'PassthroughCluster',
      expected: `cluster ${cluster}`,
    });
    expect(codes(withLogs({ sidecar: [lines.passthrough] }))).toEqual(['PASSTHROUGH']);
  });

  it('BLACKHOLE, with what follows from it after', () => {
    const trip = withLogs(
      { sidecar: [lines.blackhole], proxy: [], origin: [] },
      failed(56, 'Recv failure: Connection reset by peer'),
    );
    expect(codes(trip)).toEqual(['BLACKHOLE', 'NO_PROXY_STATEMENT', 'NO_ORIGIN_STATEMENT']);
    expect(codes(trip, [])).toEqual(['BLACKHOLE']);
  });

  it('ROUTE_NOT_FOUND, from the sidecar or from the client alone', () => {
    const changes = failed(56, 'CONNECT tunnel failed, response 404', { connectStatus: 404 });
    const trip = withLogs({ sidecar: [lines.routeNotFound], proxy: [], origin: [] }, changes);
    expect(first(trip)).toMatchObject({
      cause: 'ROUTE_NOT_FOUND',
      seen: '"CONNECT - HTTP/1.1" 404 NR route_not_found',
      statement: { witness: 'sidecar' },
    });
    expect(codes(trip)).toEqual(['ROUTE_NOT_FOUND', 'NO_PROXY_STATEMENT', 'NO_ORIGIN_STATEMENT']);
    expect(codes(withLogs({ sidecar: [], proxy: [], origin: [] }, changes))[0]).toBe('ROUTE_NOT_FOUND');
  });

  it('WRONG_CLUSTER', () => {
    expect(first(withSidecar({ upstreamCluster: 'outbound|3128||other.com' }))).toMatchObject({
      cause: 'WRONG_CLUSTER',
      seen: 'cluster outbound|3128||other.com',
    });
    expect(
      first(withSidecar({ responseFlags: 'NR', responseCodeDetails: 'filter_chain_not_found' })),
    ).toMatchObject({ cause: 'WRONG_CLUSTER', seen: containing('filter_chain_not_found') });
  });

  it('no WRONG_UPSTREAM where a gateway is between, and no page came through it', () => {
    const { client } = withLogs({}, { ...failed(56, 'Recv failure'), title: undefined });
    const trip = { ...withSidecar({ upstreamHost: { ip: '10.42.0.9', port: 3128 } }), client };
    const causesOf = (upstream: typeof via | 'any'): string[] =>
      diagnoseTitle(trip, 'a title', [sidecar({ cluster, upstream })]).map(({ cause }) => cause);
    expect(causesOf(via)).toContain('WRONG_UPSTREAM');
    expect(causesOf('any')).not.toContain('WRONG_UPSTREAM');
    expect(causesOf('any')).toContain('TITLE_MISSING');
  });

  it('WRONG_UPSTREAM', () => {
    expect(codes(withSidecar({ upstreamHost: { ip: '10.42.0.9', port: 3128 } }))).toEqual(['WRONG_UPSTREAM']);
    expect(codes(withSidecar({ upstreamHost: undefined }))).toEqual(['WRONG_UPSTREAM']);
    expect(codes(soundTrip(), [sidecar({ cluster, upstream: { ip: '10.42.0.9', port: 3128 } })])).toEqual([
      'WRONG_UPSTREAM',
    ]);
  });

  it('LISTENER_SPEAKS_HTTP', () => {
    expect(first(withSidecar({ request: 'CONNECT - HTTP/1.1', responseCode: 200 }))).toMatchObject({
      cause: 'LISTENER_SPEAKS_HTTP',
      expected: containing('TCP'),
    });
  });

  it('LISTENER_SPEAKS_HTTP, unasked, for a CONNECT alone', () => {
    expect(codes(withSidecar({ request: 'CONNECT - HTTP/1.1' }), [])).toEqual(['LISTENER_SPEAKS_HTTP']);
    expect(codes(withSidecar({ request: 'GET / HTTP/1.1' }), [])).toEqual([]);
    expect(codes(withSidecar({ request: 'GET / HTTP/1.1' }))).toEqual(['LISTENER_SPEAKS_HTTP']);
  });

  it('PROXY_UNREACHABLE, as Envoy has it', () => {
    const line = lines.sidecar
      .replace('0 - - - "-" 861 2085 8', '0 UF,URX - - "delayed_connect_error:_111" 0 0 8')
      .replace('"10.42.0.5:3128"', '"10.42.0.5:3128"');
    const trip = withLogs({ sidecar: [line], proxy: [], origin: [] }, failed(56, 'Recv failure'));
    expect(first(trip)).toMatchObject({
      cause: 'PROXY_UNREACHABLE',
      seen: containing('delayed_connect_error'),
    });
  });
});

describe('response flags', () => {
  const refused = (flags: string, details = '-', changes = failed(56, 'Recv failure')): Trip => {
    const line = lines.sidecar
      .replace('0 - - - "-" 861 2085 8', `0 ${flags} - ${details} "-" 861 0 8`)
      .replace('"10.42.0.5:3128" outbound', '"-" outbound');
    return withLogs({ sidecar: [line], proxy: [], origin: [] }, changes);
  };

  it.each(responseFlags)(
    '$short has its meaning in a finding, and its advice',
    ({ short, meaning, advice }) => {
      const found = diagnose(refused(short), expected).find(({ seen }) => seen.includes(meaning));
      expect(found?.seen).toContain(`${short}: `);
      if (!['NR', 'UO'].includes(short)) expect(found?.advice).toBe(advice);
    },
  );

  it('CONNECTION_LIMIT: no upstream host, since the limit was reached', () => {
    expect(codes(refused('UO'))).toEqual(['CONNECTION_LIMIT', 'NO_PROXY_STATEMENT', 'NO_ORIGIN_STATEMENT']);
    expect(first(refused('UO'))).toMatchObject({ seen: containing(`in ${cluster}`) });
  });

  it('SIDECAR_REFUSED: no cluster was chosen, as where a rate limit comes before the TCP proxy', () => {
    const changes = { upstreamCluster: '-', responseFlags: 'URX', upstreamHost: undefined };
    const trip = { ...withSidecar(changes), client: withLogs({}, failed(56, 'Recv failure')).client };
    expect(first(trip)).toMatchObject({
      cause: 'SIDECAR_REFUSED',
      seen: containing('no cluster was chosen'),
    });
  });

  it("SIDECAR_REFUSED: with Envoy's own reason, where there is no flag", () => {
    expect(first(refused('-', 'rbac_access_denied_matched_policy[none]'))).toMatchObject({
      cause: 'SIDECAR_REFUSED',
      seen: "flags -; Envoy's reason: rbac_access_denied_matched_policy[none]",
    });
    expect(first(refused('DT'))).toMatchObject({ cause: 'SIDECAR_REFUSED', seen: containing('longest') });
  });

  it('CONNECTION_CLOSED comes after what the client says', () => {
    const line = lines.sidecar.replace('0 - - - "-"', '0 UC - - "-"');
    expect(codes(withLogs({ sidecar: [line] }, failed(18, 'partial', { connectStatus: 200 })))).toEqual(
      expect.arrayContaining(['DESTINATION_DOWN', 'CONNECTION_CLOSED']),
    );
  });

  it('none of them matters where the page arrived', () => {
    for (const flags of ['UC', 'DC', 'DT']) {
      const line = lines.sidecar.replace('0 - - - "-"', `0 ${flags} - - "-"`);
      expect(codes(withLogs({ sidecar: [line] }))).toEqual([]);
    }
  });
});

describe('missing statements', () => {
  it('NO_SIDECAR_STATEMENT', () => {
    expect(first(withLogs({ sidecar: [] }))).toMatchObject({
      cause: 'NO_SIDECAR_STATEMENT',
      seen: containing('no access log line'),
    });
    expect(first(withLogs({ sidecar: [lines.agent] }))).toMatchObject({ cause: 'NO_SIDECAR_STATEMENT' });
    expect(first(withLogs({ sidecar: undefined }))).toMatchObject({
      cause: 'NO_SIDECAR_STATEMENT',
      seen: containing('not followed'),
    });
  });

  it('SIDECAR_LOG_FORMAT', () => {
    const foreign = '[2026-11-22T15:47:25.644Z] 10.42.0.5:3128 2085';
    expect(first(withLogs({ sidecar: [lines.agent, foreign] }))).toMatchObject({
      cause: 'SIDECAR_LOG_FORMAT',
      seen: containing(foreign),
    });
    expect(first(withLogs({ sidecar: ['{"bytes":2085}'] }))).toMatchObject({
      cause: 'SIDECAR_LOG_FORMAT',
      seen: containing('JSON'),
    });
  });

  it('STALE_ONLY: what a search of the whole log would have passed on', () => {
    const old = lines.sidecar.replace('15:47:25', '15:40:00').replaceAll('43630', '43000');
    expect(first(withLogs({ sidecar: [old] }))).toMatchObject({
      cause: 'STALE_ONLY',
      seen: containing(old),
    });
    const oldProxy = lines.proxy.replace('1795362445', '1795362000');
    expect(first(withLogs({ proxy: [oldProxy] }))).toMatchObject({
      cause: 'STALE_ONLY',
      seen: containing('of the proxy'),
    });
  });

  it('NO_PROXY_STATEMENT', () => {
    expect(codes(withLogs({ proxy: [] }))).toEqual(['NO_PROXY_STATEMENT']);
    expect(first(withLogs({ proxy: undefined }))).toMatchObject({
      cause: 'NO_PROXY_STATEMENT',
      seen: containing('not followed'),
    });
    expect(first(withLogs({ proxy: [lines.baselineProxy] }))).toMatchObject({
      seen: containing('its client is 10.42.0.6'),
    });
  });

  it('NO_ORIGIN_STATEMENT', () => {
    expect(codes(withLogs({ origin: [] }))).toEqual(['NO_ORIGIN_STATEMENT']);
    expect(codes(withLogs({ origin: undefined }))).toEqual(['NO_ORIGIN_STATEMENT']);
  });

  it('SIDECAR_UNEXPECTED', () => {
    expect(first(soundTrip(), [noSidecar()])).toMatchObject({
      cause: 'SIDECAR_UNEXPECTED',
      seen: containing(lines.sidecar),
    });
  });

  it('DUPLICATE_STATEMENT, for every witness', () => {
    const sound = soundTrip();
    const twice = <S>(list: readonly S[] | undefined): S[] => [...(list ?? []), ...(list ?? [])];
    for (const trip of [
      { ...sound, sidecar: twice(sound.sidecar) },
      { ...sound, proxy: twice(sound.proxy) },
      { ...sound, origin: twice(sound.origin) },
    ]) {
      expect(codes(trip)).toEqual(['DUPLICATE_STATEMENT']);
      expect(first(trip)?.seen).toMatch(/^2 lines of the (?:sidecar|proxy|origin)$/);
    }
    expect(codes(withLogs({ origin: [originLine(), originLine({ remote_port: '2' })] }))).toEqual([
      'DUPLICATE_STATEMENT',
    ]);
  });

  it('AMBIGUOUS, unless it cannot matter', () => {
    const ambiguity = {
      witness: 'proxy',
      rivals: ['trip-2'],
      lines: [lines.proxy],
      harmless: false,
    } as const;
    expect(first(soundTrip({ ambiguities: [ambiguity] }))).toMatchObject({
      cause: 'AMBIGUOUS',
      seen: containing('trip-2'),
    });
    expect(first(soundTrip({ ambiguities: [{ ...ambiguity, rivals: [] }] }))).toMatchObject({
      seen: containing('this trip'),
    });
    expect(codes(soundTrip({ ambiguities: [{ ...ambiguity, harmless: true }] }))).toEqual([]);
  });
});
