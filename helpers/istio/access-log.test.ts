import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { correlate } from '../trip/correlate.ts';
import { diagnose } from '../trip/diagnose.ts';
import { defaultTextFormats } from '../trip/envoy.ts';
import { origin, proxy, sidecar } from '../trip/expectations.ts';
import type { Trip } from '../trip/statements.ts';
import { cluster, observation, via } from '../../tests/samples/trip.ts';
import { accessLogIn, type AccessLog } from './access-log.ts';

const elsewhere = { ip: '10.96.0.7', port: 8080 };

/** A sidecar that knows the proxy, and writes these access logs wherever it sends something. */
function listeners(accessLogs: readonly object[], options: object = {}): object[] {
  const tcp = (name: string): object => ({
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      cluster: name,
      access_log: accessLogs,
      ...options,
    },
  });
  const listener = (name: string, address: string, port: number, to: string): object => ({
    name,
    active_state: {
      listener: {
        name,
        address: { socket_address: { address, port_value: port } },
        filter_chains: [{ filters: [tcp(to)] }],
        ...(name === 'virtualOutbound' ? { use_original_dst: true, traffic_direction: 'OUTBOUND' } : {}),
      },
    },
  });
  return [
    listener('virtualOutbound', '0.0.0.0', 15001, 'PassthroughCluster'),
    listener(`${via.ip}_${via.port}`, via.ip, via.port, cluster),
  ];
}

function file(format: object, path = '/dev/stdout'): object {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format: format,
    },
  };
}

function text(format: string): object {
  return file({ text_format_source: { inline_string: format } });
}

const openTelemetry = {
  name: 'envoy.access_loggers.open_telemetry',
  typed_config: {
    '@type':
      'type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
  },
};

const company = {
  text: '%START_TIME(%s)% client=%DOWNSTREAM_REMOTE_ADDRESS% proxy=%UPSTREAM_HOST% via=%UPSTREAM_CLUSTER% up=%BYTES_RECEIVED% down=%BYTES_SENT% flags=%RESPONSE_FLAGS%\n',
  json: {
    when: '%START_TIME%',
    conn: { from: '%DOWNSTREAM_REMOTE_ADDRESS%', tookMs: '%DURATION%', sentBytes: '%BYTES_SENT%' },
    target: '%UPSTREAM_CLUSTER_RAW%',
    team: 'payments',
  },
};

describe('the access log of a sidecar', () => {
  test("is Istio's own beside its filters for telemetry", () => {
    const dump = new URL('dumps/telemetry.json', import.meta.url);
    const { listeners: made } = JSON.parse(readFileSync(dump, 'utf8')) as { readonly listeners: unknown[] };
    for (const to of [{ ip: '10.42.0.11', port: 3128 }, elsewhere])
      expect(accessLogIn(made, to)).toMatchObject({ kind: 'readable', isDefault: true });
  });

  test.each([
    ["Istio's own", [text(defaultTextFormats['1.9+'])], true],
    ["Istio's own before 1.23", [text(defaultTextFormats['1.9+'].replace('_RAW%', '%'))], true],
    ['in a text of the company', [text(company.text)], false],
    ['in JSON of the company', [file({ json_format: company.json })], false],
    ['beside another one elsewhere', [openTelemetry, text(company.text)], false],
    ['beside one with less in it', [text('%START_TIME%\n'), text(company.text)], false],
  ])('is readable: %s', (_what, logs, isDefault) => {
    expect(accessLogIn(listeners(logs), via)).toMatchObject({ kind: 'readable', isDefault });
    expect(accessLogIn(listeners(logs), elsewhere)).toMatchObject({ kind: 'readable', isDefault });
  });

  test.each([
    ['off', [], 'off', 'Envoy writes no access log for these connections'],
    [
      'for some connections only',
      [{ ...text(company.text), filter: { extension_filter: {} } }],
      'off',
      'Envoy writes some connections only into its access log',
    ],
    [
      'in OpenTelemetry only',
      [openTelemetry],
      'elsewhere',
      'Envoy sends its access log to OpenTelemetryAccessLogConfig',
    ],
    [
      'in a file of the container',
      [file({}, '/var/log/envoy.log')],
      'elsewhere',
      'Envoy sends its access log to file /var/log/envoy.log',
    ],
    [
      'without what is needed',
      [text('%START_TIME% %UPSTREAM_HOST%\n')],
      'unreadable',
      "the access log's format lacks %DOWNSTREAM_REMOTE_ADDRESS%, %BYTES_SENT%, %UPSTREAM_CLUSTER_RAW%",
    ],
    [
      'without where it went',
      [text('%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% %BYTES_SENT%\n')],
      'unreadable',
      "the access log's format lacks %UPSTREAM_CLUSTER_RAW%",
    ],
    [
      'with two fields that run into each other',
      [text(company.text.replace(' proxy=', ''))],
      'unreadable',
      'nothing stands between %DOWNSTREAM_REMOTE_ADDRESS% and the operator after it, so that their values cannot be told apart',
    ],
  ])('is not: %s', (_what, logs, kind, why) => {
    expect(accessLogIn(listeners(logs), via)).toEqual({ kind, why });
  });
});

test('lines that are written early need a duration, which tells them from the last', () => {
  const early = { access_log_options: { flush_access_log_on_connected: true } };
  expect(accessLogIn(listeners([text(company.text)], early), via)).toEqual({
    kind: 'unreadable',
    why: "the access log's format lacks %DURATION%",
  });
  expect(accessLogIn(listeners([file({ json_format: company.json })], early), via).kind).toBe('readable');
});

describe('a trip by the log of the company', () => {
  function tripOf(log: object, line: string): Trip {
    const found: AccessLog = accessLogIn(listeners([log]), via);
    if (found.kind !== 'readable') throw new Error(found.why);
    return correlate(observation({ lines: { ...observation().lines, sidecar: [line] } }), found.read);
  }
  const causes = (trip: Trip): string[] =>
    diagnose(trip, [
      sidecar({ cluster, upstream: via }),
      proxy({ result: 'TCP_TUNNEL/200' }),
      origin({ status: 200 }),
    ]).map(({ cause }) => cause);
  const seconds = Math.floor(Date.parse('2026-11-22T15:47:25.644Z') / 1000);
  const asText = ({ via: to = cluster, down = '2085', host = '10.42.0.5:3128' } = {}): Trip =>
    tripOf(
      text(company.text),
      `${seconds} client=10.42.0.7:43630 proxy=${host} via=${to} up=861 down=${down} flags=-`,
    );
  const asJson = (changes: object = {}): Trip =>
    tripOf(
      file({ json_format: company.json }),
      JSON.stringify({
        when: '2026-11-22T15:47:25.644Z',
        conn: { from: '10.42.0.7:43630', tookMs: 8, sentBytes: 2085 },
        target: cluster,
        team: 'payments',
        ...changes,
      }),
    );

  test('is sound', () => {
    expect(causes(asText())).toEqual([]);
    expect(causes(asJson())).toEqual([]);
  });

  test('went astray', () => {
    expect(causes(asText({ via: 'PassthroughCluster' }))).toEqual(['PASSTHROUGH']);
    expect(causes(asText({ host: '10.42.0.9:3128' }))).toEqual(['WRONG_UPSTREAM']);
    expect(causes(asText({ down: '2000' }))).toEqual(['BYTES_DISAGREE']);
    expect(causes(asJson({ target: 'PassthroughCluster' }))).toEqual(['PASSTHROUGH']);
    expect(causes(asJson({ target: 'BlackHoleCluster' }))).toContain('BLACKHOLE');
    expect(causes(asJson({ when: '2026-11-22T15:40:25.644Z' }))).toContain('STALE_ONLY');
  });

  test('says what the format does not tell', () => {
    expect(asJson().sidecar?.[0]?.untold).toContain('upstreamHost');
    expect(asText().sidecar?.[0]?.startPrecisionMs).toBe(1000);
  });
});
