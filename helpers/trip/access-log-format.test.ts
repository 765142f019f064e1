import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileLog, logSinks, type CompiledLog, type LogFormat } from './access-log-format.ts';
import { defaultTextFormats, parseSidecarLine } from './envoy.ts';
import { isFailure } from './statements.ts';

function text(format: string, omitsEmpty = false): LogFormat {
  return { encoding: 'text', format, omitsEmpty };
}

function json(format: unknown, omitsEmpty = false): LogFormat {
  return { encoding: 'json', format, omitsEmpty };
}

/** What every format below says of the request that a real sidecar (Istio 1.29.1, Envoy 1.37.0) logged in it. */
const said = {
  witness: 'sidecar',
  bytesSent: 1651,
  bytesReceived: 922,
  upstreamHost: { ip: '10.42.0.11', port: 3128 },
  upstreamCluster: 'outbound|3128||my-company-proxy.com',
  responseFlags: '-',
  request: '- - -',
};

const company = {
  text: text(
    '%START_TIME(%Y/%m/%d %H:%M:%S.%3f %z)% src=%DOWNSTREAM_REMOTE_ADDRESS% dst=%DOWNSTREAM_LOCAL_ADDRESS% up=%UPSTREAM_HOST%/%UPSTREAM_CLUSTER_RAW% in=%BYTES_RECEIVED% out=%BYTES_SENT% ms=%DURATION% flags=%RESPONSE_FLAGS_LONG% ua="%REQ(USER-AGENT):8%" why="%CONNECTION_TERMINATION_DETAILS%" code=%RESPONSE_CODE% 100%%\n',
  ),
  epoch: text(
    '%START_TIME(%s.%6f)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%:%DOWNSTREAM_REMOTE_PORT% %UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_CLUSTER% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS% %CONNECTION_ID% %ACCESS_LOG_TYPE%\n',
  ),
  omitting: text(
    "%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% [%UPSTREAM_HOST%] %UPSTREAM_CLUSTER% '%UPSTREAM_TRANSPORT_FAILURE_REASON%' %BYTES_SENT%/%BYTES_RECEIVED% %RESPONSE_FLAGS% <%REQ(:PATH)%> %ROUTE_NAME%\n",
    true,
  ),
  nested: json({
    ts: '%START_TIME%',
    net: {
      client: '%DOWNSTREAM_REMOTE_ADDRESS%',
      dest: '%DOWNSTREAM_LOCAL_ADDRESS%',
      proxy: { host: '%UPSTREAM_HOST%', cluster: '%UPSTREAM_CLUSTER_RAW%' },
    },
    bytes: ['%BYTES_RECEIVED%', '%BYTES_SENT%'],
    took: '%DURATION% ms',
    flags: '%RESPONSE_FLAGS%',
    app: 'mesh',
    n: 7,
    code: '%RESPONSE_CODE%',
  }),
  labels: json(
    {
      when: '%START_TIME(%FT%T.%3fZ)%',
      from: '%DOWNSTREAM_REMOTE_ADDRESS%',
      to: '%UPSTREAM_HOST%',
      cluster: '%UPSTREAM_CLUSTER%',
      sent: '%BYTES_SENT%',
      received: '%BYTES_RECEIVED%',
      took: '%DURATION%',
      flags: '%RESPONSE_FLAGS%',
      path: '%REQ(:PATH)%',
    },
    true,
  ),
};

describe('lines of a real sidecar', () => {
  test.each([
    [
      'text',
      company.text,
      '2026/11/28 17:41:58.268 +0000 src=10.42.0.10:48458 dst=10.42.0.11:3128 up=10.42.0.11:3128/outbound|3128||my-company-proxy.com in=922 out=1651 ms=9 flags=- ua="-" why="-" code=0 100%',
      {
        startedAt: Date.parse('2026-11-28T17:41:58.268Z'),
        durationMs: 9,
        downstreamRemote: { ip: '10.42.0.10', port: 48458 },
      },
    ],
    [
      'seconds since the epoch, address and port apart',
      company.epoch,
      '1795887729.025673 10.42.0.10:39578 10.42.0.11:3128 outbound|3128||my-company-proxy.com; 922 1651 - 380 TcpConnectionEnd',
      { startedAt: 1795887729025, downstreamRemote: { ip: '10.42.0.10', port: 39578 } },
    ],
    [
      'text that omits what is empty',
      company.omitting,
      "2026-11-28T17:43:10.425Z 10.42.0.10:41514 [10.42.0.11:3128] outbound|3128||my-company-proxy.com; '' 1651/922 - <> ",
      { startedAt: Date.parse('2026-11-28T17:43:10.425Z'), upstreamFailure: '-' },
    ],
    [
      'nested JSON with a list, constants and text round a value',
      company.nested,
      '{"app":"mesh","bytes":[922,1651],"code":0,"flags":"-","n":7,"net":{"client":"10.42.0.10:52020","dest":"10.42.0.11:3128","proxy":{"cluster":"outbound|3128||my-company-proxy.com","host":"10.42.0.11:3128"}},"took":"12 ms","ts":"2026-11-28T17:42:19.531Z"}',
      { durationMs: 12, downstreamRemote: { ip: '10.42.0.10', port: 52020 } },
    ],
    [
      "a provider's labels",
      company.labels,
      '{"cluster":"outbound|3128||my-company-proxy.com;","flags":"-","from":"10.42.0.10:45728","path":null,"received":922,"sent":1651,"to":"10.42.0.11:3128","took":11,"when":"2026-11-28T17:42:42.411Z"}',
      { startedAt: Date.parse('2026-11-28T17:42:42.411Z'), durationMs: 11 },
    ],
  ] as const)('%s', (_name, format, line, rest) => {
    const compiled = compileLog(format);
    expect(compiled).toMatchObject({ missing: [], ambiguous: undefined, startPrecisionMs: 1 });
    expect(compiled.parse(line)).toMatchObject({ ...said, ...rest, line });
  });

  test("Istio's default gives the same statement as the parser for it", () => {
    const line =
      '[2026-11-28T17:39:40.126Z] "- - -" 0 UO - - "-" 0 0 0 - "-" "-" "-" "-" "-" outbound|3128||my-company-proxy.com - 10.42.0.11:3128 10.42.0.10:52874 - -';
    const { parse, untold } = compileLog(text(defaultTextFormats['1.9+']));
    expect(parse(line)).toEqual(parseSidecarLine(line));
    expect(untold).toEqual([]);
  });

  test('other lines of the container are none', () => {
    const agent = '2026-11-22T15:47:20.102334Z\tinfo\tReadiness succeeded in 1.2s';
    for (const format of Object.values(company)) {
      expect(compileLog(format).parse(agent)).toMatchObject({ witness: undefined, kind: 'application-log' });
      expect(compileLog(format).parse('{"level":"info","msg":"x"}')).toMatchObject({
        kind: 'application-log',
      });
      expect(compileLog(format).parse(' ')).toMatchObject({ kind: 'empty' });
    }
  });
});

describe('what a format lacks', () => {
  const base = '%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% %BYTES_SENT% %UPSTREAM_HOST%';

  test.each([
    [base, []],
    [base.replace('%UPSTREAM_HOST%', '%UPSTREAM_CLUSTER%'), []],
    [base.replace('%UPSTREAM_HOST%', '%PROTOCOL%'), ['%UPSTREAM_HOST% or %UPSTREAM_CLUSTER_RAW%']],
    [base.replace('%START_TIME%', '%PROTOCOL%'), ['%START_TIME%']],
    [
      base.replace('%START_TIME%', '%START_TIME(%T)%'),
      ['the start time %T has no date and time to the second'],
    ],
    [
      base.replace('%DOWNSTREAM_REMOTE_ADDRESS%', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'),
      ['%DOWNSTREAM_REMOTE_ADDRESS%'],
    ],
    // Cut, an address is somebody else's.
    [base.replace('REMOTE_ADDRESS%', 'REMOTE_ADDRESS:9%'), ['%DOWNSTREAM_REMOTE_ADDRESS%']],
    [
      '%BYTES_RECEIVED% only',
      [
        '%START_TIME%',
        '%DOWNSTREAM_REMOTE_ADDRESS%',
        '%BYTES_SENT%',
        '%UPSTREAM_HOST% or %UPSTREAM_CLUSTER_RAW%',
      ],
    ],
  ])('%s: %j', (format, missing) => {
    const compiled = compileLog(text(format));
    expect(compiled.missing).toEqual(missing);
  });

  test('what it does not tell is said, and a line without what is needed is no statement', () => {
    expect(compileLog(text(base)).untold).toEqual(
      expect.arrayContaining(['responseFlags', 'upstreamCluster', 'duration', 'downstreamLocal']),
    );
    const { parse } = compileLog(text('%START_TIME% %BYTES_SENT%'));
    expect(parse('2026-11-28T17:43:10.425Z 1')).toMatchObject({
      witness: undefined,
      why: expect.stringContaining('without %DOWNSTREAM_REMOTE_ADDRESS%') as string,
    });
  });

  test('a time without a fraction is a second', () => {
    expect(compileLog(text(base.replace('%START_TIME%', '%START_TIME(%F %T)%'))).startPrecisionMs).toBe(1000);
  });
});

describe('what can be read in several ways', () => {
  test('operators that touch are reported when the format is compiled', () => {
    expect(compileLog(text('%BYTES_SENT%%BYTES_RECEIVED% %START_TIME%')).ambiguous).toMatch(
      /nothing stands between %BYTES_SENT% and the operator after it/,
    );
  });

  test('a header that looks like its neighbour is reported for its line', () => {
    const { parse } = compileLog(
      text('%START_TIME% %REQ(X)% %DOWNSTREAM_REMOTE_ADDRESS% %REQ(Y)% %BYTES_SENT% %UPSTREAM_HOST%'),
    );
    const line = (x: string, y: string): string =>
      `2026-11-28T17:43:10.425Z ${x} 10.0.0.1:1 ${y} 7 10.0.0.2:2`;
    expect(parse(line('-', '-'))).toMatchObject({ downstreamRemote: { ip: '10.0.0.1', port: 1 } });
    expect(parse(line('a b', '-'))).toMatchObject({ downstreamRemote: { ip: '10.0.0.1', port: 1 } });
    expect(parse(line('-', '9.9.9.9:9 -'))).toMatchObject({
      witness: undefined,
      why: 'an access log line that can be read in several ways',
    });
  });

  test('what is no format string is none for Envoy either', () => {
    expect(() => compileLog(text('100% of it'))).toThrow(TypeError);
    expect(() => compileLog(text('nothing'))).toThrow(/no operator/);
    expect(() => compileLog(json('text'))).toThrow(/no object/);
    expect(() => compileLog(json({ a: 1 }))).toThrow(/no operator/);
  });
});

describe('where the log goes', () => {
  const file = (log_format: object | undefined, path = '/dev/stdout'): object => ({
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      ...(log_format === undefined ? {} : { log_format }),
    },
  });

  test.each([
    [
      file({ text_format_source: { inline_string: 'a' } }),
      { to: 'stdout', format: text('a'), filtered: false },
    ],
    [file({ text_format: 'a', omit_empty_values: true }), { format: text('a', true) }],
    [file({ json_format: { a: 1 }, omit_empty_values: true }), { format: json({ a: 1 }, true) }],
    [file(undefined), { format: { encoding: 'text', omitsEmpty: false } }],
    [file({ text_format: 'a' }, '/var/log/x'), { to: 'elsewhere', name: 'file /var/log/x' }],
    [{ ...file({ text_format: 'a' }), filter: { response_flag_filter: {} } }, { filtered: true }],
    [
      {
        typed_config: {
          '@type': 'x/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
        },
      },
      { to: 'elsewhere', name: 'OpenTelemetryAccessLogConfig', format: undefined },
    ],
    [
      { typed_config: { '@type': 'x/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog' } },
      { to: 'stdout', name: 'StdoutAccessLog' },
    ],
  ])('%j', (config, sink) => {
    expect(logSinks([config])).toMatchObject([sink]);
  });
});

/** Every operator that a statement has a field for, with values that it can have. */
const endpoint = fc
  .tuple(fc.constantFrom('10.42.0.5', '[fd00::1]', '192.0.2.255'), fc.integer({ min: 1, max: 65_535 }))
  .map(([ip, port]) => `${ip}:${port}`);
const count = fc.nat().map(String);
const values = {
  START_TIME: fc
    .integer({ min: Date.UTC(2000), max: Date.UTC(2090) })
    .map((ms) => new Date(ms).toISOString()),
  DOWNSTREAM_REMOTE_ADDRESS: endpoint,
  DOWNSTREAM_LOCAL_ADDRESS: endpoint,
  UPSTREAM_HOST: fc.oneof(endpoint, fc.constant('-')),
  UPSTREAM_CLUSTER_RAW: fc.constantFrom('outbound|3128||my-company-proxy.com', 'PassthroughCluster', '-'),
  BYTES_RECEIVED: count,
  BYTES_SENT: count,
  DURATION: count,
  RESPONSE_CODE: count,
  RESPONSE_FLAGS: fc.constantFrom('-', 'UF,URX', 'UO'),
};
const operators = Object.keys(values) as (keyof typeof values)[];
/** What may stand between operators. */
const between = fc.constantFrom(' ', ' | ', '" "', '\t', ' key=', '; ');

describe('what Envoy writes is read back', () => {
  const shuffled = fc.tuple(
    fc.shuffledSubarray(operators, { minLength: operators.length }),
    fc.array(between, { minLength: operators.length + 1, maxLength: operators.length + 1 }),
    fc.record(values),
  );

  function check(
    { parse }: CompiledLog,
    line: string,
    of: Readonly<Record<keyof typeof values, string>>,
  ): void {
    const statement = parse(line);
    expect(isFailure(statement) ? statement : 'read').toBe('read');
    expect(statement).toMatchObject({
      startedAt: Date.parse(of.START_TIME),
      bytesSent: Number(of.BYTES_SENT),
      bytesReceived: Number(of.BYTES_RECEIVED),
      durationMs: Number(of.DURATION),
      responseFlags: of.RESPONSE_FLAGS,
      upstreamCluster: of.UPSTREAM_CLUSTER_RAW,
    });
  }

  test('as text, in any order and with anything between', () => {
    fc.assert(
      fc.property(shuffled, ([order, gaps, of]) => {
        const write = (value: (name: keyof typeof values) => string): string =>
          order.map((name, index) => `${gaps[index] ?? ''}${value(name)}`).join('') + (gaps.at(-1) ?? '');
        const compiled = compileLog(text(write((name) => `%${name}%`)));
        check(
          compiled,
          write((name) => of[name]),
          of,
        );
      }),
    );
  });

  test('as JSON, with numbers or text', () => {
    fc.assert(
      fc.property(shuffled, fc.boolean(), ([order, , of], typed) => {
        const format = Object.fromEntries(order.map((name) => [`key_${name}`, `%${name}%`]));
        const line = Object.fromEntries(
          order.map((name) => {
            const value = of[name];
            return [
              `key_${name}`,
              typed && value === '-' ? null : typed && /^\d+$/.test(value) ? Number(value) : value,
            ];
          }),
        );
        check(compileLog(json(format)), JSON.stringify(line), of);
      }),
    );
  });

  test('never throws, whatever the line', () => {
    const all = Object.values(company).map((format) => compileLog(format));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        for (const { parse } of all) expect(isFailure(parse(line))).toBe(true);
      }),
    );
  });
});
