import { describe, expect, it } from 'vitest';
import { configChanges } from './config-diff.ts';
import type { Observation } from '../results/gate.ts';
import { format, observed } from '../../tests/samples/gate.ts';

const filter = (name: string): unknown => ({ name, typed_config: { '@type': 'any' } });
const tcp = 'envoy.filters.network.tcp_proxy';

describe('configChanges', () => {
  it('finds none between two phases of one mesh', () => {
    expect(configChanges(observed(), observed())).toEqual([]);
  });

  it("counts neither the proxy's new address nor the phase's version nor the order of keys as a change", () => {
    const cluster = (version: string, ip: string): Record<string, unknown> => ({
      common_lb_config: { note: `istio-${version}`, peer: `${ip}:15012`, loopback: '127.0.0.6' },
    });
    const before = observed({}, { cluster: cluster('1.28.3', '10.43.1.2') });
    const after = observed(
      { versions: { istiod: '1.29.1', 'istio-proxy': '1.29.1' } },
      { ip: '10.42.0.77', cluster: cluster('1.29.1', '10.43.7.8') },
    );
    expect(configChanges(before, after)).toEqual([]);
  });

  it('counts neither which push brought it nor when', () => {
    const at = (time: string): Observation =>
      observed({}, { cluster: { version_info: time, inner: { last_updated: time, kept: 1 } } });
    expect(configChanges(at('04:53'), at('05:12'))).toEqual([]);
  });

  it('counts an address that is no longer the one of the proxy, and a loopback address', () => {
    const at = (ip: string): Observation => observed({}, { cluster: { endpoint: `tcp://${ip}:3128` } });
    expect(configChanges(at('10.42.0.5'), at('10.42.0.6'))).toEqual([
      {
        part: 'cluster',
        path: '/endpoint',
        before: '"tcp://PROXY_IP:3128"',
        after: '"tcp://OTHER_IP:3128"',
      },
    ]);
    expect(configChanges(at('127.0.0.1'), at('127.0.0.6'))).toMatchObject([{ path: '/endpoint' }]);
  });

  it('knows IPv6 addresses however they are spelled', () => {
    const at = (ip: string, text: string): Observation =>
      observed({}, { ip, cluster: { endpoint: text, local: '::1' } });
    expect(configChanges(at('fd00::5', '[fd00:0::5]:3128'), at('fd00::6', '[fd00::6]:3128'))).toEqual([]);
    expect(configChanges(at('fd00::5', '[fd00::5]:3128'), at('fd00::5', '[fd00::6]:3128'))).toHaveLength(1);
  });

  it("leaves another version's number alone", () => {
    const at = (text: string): Observation => observed({}, { cluster: { note: text } });
    expect(configChanges(at('1.28.3'), at('1.28.3-debug'))).toHaveLength(1);
    expect(configChanges(at('1.28.3'), at('11.28.3'))).toHaveLength(1);
  });

  it('says what was set, changed and unset, with JSON pointers', () => {
    const before = observed({}, { cluster: { connect_timeout: '10s' } });
    const after = observed(
      {},
      { cluster: { connect_timeout: '5s', circuit_breakers: undefined, 'a/b~c': { x: [1] } } },
    );
    expect(configChanges(before, JSON.parse(JSON.stringify(after)) as Observation)).toEqual([
      { part: 'cluster', path: '/connect_timeout', before: '"10s"', after: '"5s"' },
      {
        part: 'cluster',
        path: '/circuit_breakers',
        before: '{"thresholds":[{"max_connections":4294967295,"track_remaining":true}]}',
        after: '(none)',
      },
      { part: 'cluster', path: '/a~1b~0c', before: '(none)', after: '{"x":[1]}' },
    ]);
  });

  it('says an added filter once, by its name, and as it is written', () => {
    const after = observed({}, { filters: [filter('istio.stats')] });
    expect(configChanges(observed(), after)).toEqual([
      {
        part: 'listener',
        path: '/filter_chains/0/filters/istio.stats',
        before: '(none)',
        after: '{"name":"istio.stats","typed_config":{"@type":"any"}}',
      },
    ]);
  });

  it('says a list as a list where a whole part of the configuration came or went', () => {
    const after = observed();
    const [change] = configChanges(observed({ config: { ...after.config, outbound: null } }), after);
    expect(change).toMatchObject({ part: 'outbound', path: '', before: '(none)' });
    expect(change?.after).toMatch(/^\{"filter_chains":\[\{"name":"virtualOutbound-blackhole"/);
    expect(change?.after).not.toContain('(order)');
  });

  it('says when filters change places, and when one of two of a name goes', () => {
    const [a, b] = [filter('a'), filter('b')];
    const swapped = configChanges(observed({}, { filters: [a, b] }), observed({}, { filters: [b, a] }));
    expect(swapped).toEqual([
      {
        part: 'listener',
        path: '/filter_chains/0/filters/(order)',
        before: JSON.stringify(['a', 'b', tcp]),
        after: JSON.stringify(['b', 'a', tcp]),
      },
    ]);
    const fewer = configChanges(observed({}, { filters: [a, a] }), observed({}, { filters: [a] }));
    expect(fewer).toMatchObject([{ path: '/filter_chains/0/filters/a#2', after: '(none)' }]);
  });

  it('leaves the format of the access log to the comparison of its fields, but not what stands beside it', () => {
    const other = `${format.trimEnd()} %FILTER_CHAIN_NAME%\n`;
    expect(configChanges(observed(), observed({}, { format: other }))).toEqual([]);
    const stray = observed({ accessLog: { format, line: '' } }, { format: other });
    expect(configChanges(observed(), stray)).toMatchObject([
      {
        path: `/filter_chains/0/filters/${tcp}/typed_config/access_log/envoy.access_loggers.file/typed_config/log_format/text_format_source/inline_string`,
      },
    ]);
  });

  it('says where unknown traffic goes instead', () => {
    expect(configChanges(observed(), observed({}, { unknownTraffic: 'BlackHoleCluster' }))).toEqual([
      {
        part: 'outbound',
        path: `/filter_chains/virtualOutbound-catchall-tcp/filters/${tcp}/cluster`,
        before: '"PassthroughCluster"',
        after: '"BlackHoleCluster"',
      },
    ]);
  });

  it('counts what metadata says, but not which objects it was made of', () => {
    const at = (istio: object): Observation =>
      observed({}, { cluster: { metadata: { filter_metadata: { istio } } } });
    expect(
      configChanges(at({ config: '/a/v1', services: [1] }), at({ config: '/a/v2', services: [2] })),
    ).toEqual([]);
    expect(configChanges(at({ external: true }), at({}))).toMatchObject([
      { path: '/metadata/filter_metadata/istio/external' },
    ]);
  });
});
