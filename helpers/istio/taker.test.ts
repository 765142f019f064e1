import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { durationMs, objectOf, rejectedListeners, takerOf } from './taker.ts';

/**
 * What a real sidecar (Istio 1.29.1, Envoy 1.37.0) and its cluster told, without what does not matter here. `telemetry` is what
 * istiod makes with telemetry and metadata exchange on, as for Istio's own proxy, for the document's entry (its
 * /debug/config_dump): these listeners are the same in 1.28.3, 1.29.1, 1.30 and 1.31.0.
 */
interface Dump {
  readonly listeners: readonly unknown[];
}

function listenersOf(name: string): readonly unknown[] {
  const text = readFileSync(new URL(`dumps/${name}.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as Dump).listeners;
}

const proxy = { ip: '10.42.0.11', port: 3128 };

function tcp(...names: string[]): object {
  return { kind: 'tcp', clusters: names.map((name) => ({ name, weight: 1 })) };
}

describe('takerOf', () => {
  test.each([
    ['empty', 'virtualOutbound', 'rest', 'PassthroughCluster'],
    ['registry-only', 'virtualOutbound', 'rest', 'BlackHoleCluster'],
    ['default-sidecar', 'virtualOutbound', 'rest', 'PassthroughCluster'],
    ['documents-entry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    ['telemetry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    ['registry-only-with-entry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    ['wide-entry', '0.0.0.0_3128', 'port', 'outbound|3128||company-network.example.com'],
    ['wide-entry-with-entry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    ['other-proxy-by-name', '0.0.0.0_3128', 'port', 'outbound|3128||other-proxy.example.com'],
    ['other-proxy-with-entry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    ['company-entry', '10.42.0.11_3128', 'address', 'outbound|3128||proxy.corp.example'],
    // Two entries for the address, made within one second.
    ['company-entry-with-entry', '10.42.0.11_3128', 'address', 'outbound|3128||my-company-proxy.com'],
    [
      'tcp-service',
      '10.42.0.11_3128',
      'address',
      'outbound|3128||corp-proxy.somebodys-shop.svc.cluster.local',
    ],
  ] as const)('%s: listener %s takes it, by its %s', (dump, listener, reach, cluster) => {
    expect(takerOf(listenersOf(dump), proxy)).toMatchObject({
      listener,
      reach,
      handling: tcp(cluster),
      otherwise: undefined,
      undecided: [],
    });
  });

  test('an HTTP listener of the port takes who speaks HTTP, and lets others pass', () => {
    expect(takerOf(listenersOf('http-service-on-8080'), { ...proxy, port: 8080 })).toMatchObject({
      listener: '0.0.0.0_8080',
      reach: 'port',
      handling: { kind: 'http', routeConfig: '8080' },
      otherwise: tcp('PassthroughCluster'),
    });
    expect(takerOf(listenersOf('company-entry-http'), proxy)).toMatchObject({
      listener: '0.0.0.0_3128',
      handling: { kind: 'http', routeConfig: '3128' },
    });
    const other = takerOf(listenersOf('http-service-on-8080'), { ...proxy, port: 8080 }, { speaks: 'other' });
    expect(other).toMatchObject({
      chain: 'PassthroughFilterChain',
      handling: tcp('PassthroughCluster'),
    });
  });

  test('a Service whose port names no protocol takes its own address alone', () => {
    const dump = listenersOf('unnamed-service-on-8080');
    expect(takerOf(dump, { ip: '10.43.54.111', port: 8080 })).toMatchObject({
      listener: '10.43.54.111_8080',
      handling: { kind: 'http' },
      otherwise: tcp('outbound|8080||catalogue.somebodys-shop.svc.cluster.local'),
    });
    expect(takerOf(dump, { ...proxy, port: 8080 })).toMatchObject({ listener: 'virtualOutbound' });
  });

  test('an address that istiod allocated has a listener of its own', () => {
    const dump = listenersOf('dns-capture');
    expect(takerOf(dump, { ip: '240.240.0.3', port: 3128 })).toMatchObject({
      reach: 'address',
      handling: tcp('outbound|3128||proxy.corp.example'),
    });
    // Listeners of the address before it are there still, but drain only.
    expect(takerOf(dump, proxy)).toMatchObject({ listener: 'virtualOutbound' });
  });

  test('what the filter does besides: tunnel, idle timeout, weights, and in whose name', () => {
    expect(takerOf(listenersOf('tunnel'), proxy)?.handling).toMatchObject({
      tunnelTo: 'identity.corp.example:443',
    });
    expect(takerOf(listenersOf('idle-timeout'), proxy)?.handling).toMatchObject({ idleTimeoutMs: 500 });
    expect(takerOf(listenersOf('weighted'), proxy)).toMatchObject({
      madeBy: 'VirtualService default/split',
      handling: {
        clusters: [
          { name: 'outbound|3128||my-company-proxy.com', weight: 70 },
          { name: 'outbound|3128||other-proxy.example.com', weight: 30 },
        ],
      },
    });
  });

  test('the port of virtualOutbound itself leads nowhere', () => {
    expect(takerOf(listenersOf('empty'), { ip: '10.42.0.11', port: 15001 })).toMatchObject({
      chain: 'virtualOutbound-blackhole',
      handling: tcp('BlackHoleCluster'),
    });
  });

  test('a sidecar without a listener for outbound connections takes nothing', () => {
    expect(takerOf([], proxy)).toBeUndefined();
  });

  test('a listener of several addresses, in IPv6 however it is written', () => {
    const entry = made({
      name: '10.0.0.1_3128',
      address: at('10.0.0.1', 3128),
      additional_addresses: [{ address: at('fd00:0:0::1', 3128) }],
      filter_chains: [chain('one')],
    });
    expect(takerOf([entry], { ip: 'fd00::1', port: 3128 })).toMatchObject({ reach: 'address' });
    const wildcard = made({ name: ':::3128', address: at('::', 3128), filter_chains: [chain('one')] });
    expect(takerOf([wildcard], { ip: 'fd00::2', port: 3128 })).toMatchObject({ reach: 'port' });
    expect(takerOf([wildcard], proxy)).toBeUndefined();
  });

  test('filter chains: criterion by criterion, the most specific first, and no way back', () => {
    const chains = [
      chain('all'),
      chain('net', { prefix_ranges: [range('10.0.0.0', 8)] }),
      chain('narrow, for TLS', { prefix_ranges: [range('10.42.0.0', 16)], transport_protocol: 'tls' }),
      chain('port', { destination_port: 8080 }),
    ];
    const entry = made({ name: '0.0.0.0_3128', address: at('0.0.0.0', 3128), filter_chains: chains });
    const to = (ip: string): unknown => takerOf([entry], { ip, port: 3128 });
    expect(to('192.0.2.1')).toMatchObject({ chain: 'all' });
    expect(to('10.1.0.1')).toMatchObject({ chain: 'net' });
    // The narrower range wins before it is asked for TLS, which then fails.
    expect(to('10.42.0.1')).toMatchObject({ chain: '', handling: { kind: 'none' } });
  });

  test('what depends on the client is decided with its address, and told without', () => {
    const chains = [chain('mine', { source_prefix_ranges: [range('10.42.0.7', 32)] }), chain('all')];
    const entry = made({ name: '0.0.0.0_3128', address: at('0.0.0.0', 3128), filter_chains: chains });
    expect(takerOf([entry], proxy)).toMatchObject({
      chain: 'all',
      undecided: ["it depends on the client's address"],
    });
    const client = { speaks: 'http/1.1', address: { ip: '10.42.0.7', port: 40000 } } as const;
    expect(takerOf([entry], proxy, client)).toMatchObject({ chain: 'mine', undecided: [] });
  });

  test('an inspector that is off for the port detects nothing', () => {
    const inspector = (disabled: object): object => ({
      name: 'envoy.filters.listener.http_inspector',
      filter_disabled: disabled,
    });
    const speaks = (disabled: object): unknown =>
      takerOf(
        [
          made({
            name: '0.0.0.0_3128',
            address: at('0.0.0.0', 3128),
            listener_filters: [inspector(disabled)],
            filter_chains: [chain('http', { application_protocols: ['http/1.1'] })],
            default_filter_chain: chain(''),
          }),
        ],
        proxy,
      )?.chain;
    const ports = (start: number, end: number): object => ({ destination_port_range: { start, end } });
    expect(speaks(ports(3128, 3129))).toBe('default');
    expect(speaks(ports(3129, 3130))).toBe('http');
    expect(speaks({ or_match: { rules: [ports(1, 2), ports(3000, 4000)] } })).toBe('default');
    expect(speaks({ not_match: ports(3128, 3129) })).toBe('http');
    expect(speaks({ and_match: { rules: [ports(3000, 4000), { any_match: true }] } })).toBe('default');
  });

  test('filters that are not known here are named', () => {
    const filters = [
      { name: 'envoy.filters.network.redis_proxy', typed_config: { '@type': 'x/y.RedisProxy' } },
    ];
    const entry = made({ name: 'a', address: at('10.42.0.11', 3128), filter_chains: [{ filters }] });
    expect(takerOf([entry], proxy)?.handling).toEqual({
      kind: 'unknown',
      what: 'envoy.filters.network.redis_proxy (RedisProxy)',
    });
  });
});

test('a rejected update that Envoy tells of without a name, besides the listener', () => {
  const nameless = { '@type': 'x', error_state: { details: 'a: b' } };
  const listening = [...listenersOf('rejected-listener'), nameless];
  expect(rejectedListeners(listening)).toHaveLength(1);
  expect(takerOf(listening, proxy)).toMatchObject({ listener: 'virtualOutbound' });
});

test('a listener that Envoy did not take, in its own words', () => {
  expect(rejectedListeners(listenersOf('rejected-listener'))).toEqual([
    {
      name: '10.42.0.11_3128',
      details:
        'Proto constraint validation failed (TcpProxyValidationError.MaxConnectAttempts: value must be greater than or equal to 1)',
      activeBefore: false,
    },
  ]);
  expect(takerOf(listenersOf('rejected-listener'), proxy)).toMatchObject({ listener: 'virtualOutbound' });
});

test('paths of objects', () => {
  expect(objectOf('/apis/networking.istio.io/v1/namespaces/istio-system/destination-rule/idle-outside')).toBe(
    'DestinationRule istio-system/idle-outside',
  );
  expect(objectOf(undefined)).toBeUndefined();
  expect(objectOf('/nothing')).toBeUndefined();
});

test.each([
  ['0.500s', 500],
  ['3600s', 3_600_000],
  ['0s', 0],
  [undefined, undefined],
])('the duration %s is %s ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

function made(listener: object): unknown {
  return { name: 'made', active_state: { listener } };
}

function at(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

function range(prefix: string, length: number): object {
  return { address_prefix: prefix, prefix_len: length };
}

function chain(name: string, match: object = {}): object {
  return {
    name,
    filter_chain_match: match,
    filters: [{ name: 'tcp', typed_config: { '@type': 'x/y.TcpProxy', cluster: name } }],
  };
}
