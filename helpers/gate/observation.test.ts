import { describe, expect, it } from 'vitest';
import { via } from '../../tests/samples/trip.ts';
import { fromDump } from './observation.ts';
import { observation } from '../results/gate.ts';
import { dump, format, observed, proxy } from '../../tests/samples/gate.ts';

describe('fromDump', () => {
  it("finds the proxy's listener and cluster and what becomes of unknown traffic", () => {
    const { config, accessLogFormat } = fromDump(dump(), proxy);
    expect(config).toMatchObject({
      proxy: via,
      listener: { name: '10.42.0.5_3128', bind_to_port: false },
      cluster: { name: 'outbound|3128||my-company-proxy.com', type: 'ORIGINAL_DST' },
      routes: [],
    });
    expect(config.outbound).toEqual({
      filter_chains: [
        {
          name: 'virtualOutbound-blackhole',
          filters: [{ name: 'envoy.filters.network.tcp_proxy', cluster: 'BlackHoleCluster' }],
        },
        {
          name: 'virtualOutbound-catchall-tcp',
          filters: [{ name: 'envoy.filters.network.tcp_proxy', cluster: 'PassthroughCluster' }],
        },
      ],
    });
    expect(accessLogFormat).toBe(format);
  });

  it('says null where the mesh has nothing for the proxy, and takes the log of unknown traffic', () => {
    const { config, accessLogFormat } = fromDump(dump(), { ...proxy, ip: '10.42.0.9', port: 3129 });
    expect(config).toMatchObject({ listener: null, cluster: null, routes: [] });
    expect(accessLogFormat).toBe(format);
    expect(fromDump({ listeners: [], clusters: [], routes: [] }, proxy)).toMatchObject({
      config: { outbound: null },
      accessLogFormat: '',
    });
  });

  it('takes the wildcard listener of an entry without an address', () => {
    const { config } = fromDump(dump({ ip: '0.0.0.0' }), proxy);
    expect(config.listener).toMatchObject({ name: '0.0.0.0_3128' });
  });

  it('keeps that a new configuration was rejected', () => {
    const [first, ...others] = dump().listeners;
    const rejected = {
      ...(first as object),
      error_state: { details: 'unknown filter', last_update_attempt: 'now' },
    };
    const { config } = fromDump({ ...dump(), listeners: [rejected, ...others] }, proxy);
    expect(config.listener).toMatchObject({ rejected_update: 'unknown filter' });
  });

  it.each([
    ['its port', { name: '3128' }],
    ['its host and port', { name: 'my-service:3128' }],
    ['its host', { name: '80', virtual_hosts: [{ domains: ['my-company-proxy.com'] }] }],
    ['its address', { name: '80', virtual_hosts: [{ domains: ['10.42.0.5'] }] }],
    ['its address and port', { name: '80', virtual_hosts: [{ domains: ['10.42.0.5:80'] }] }],
  ])('takes a route for %s', (_what, route_config) => {
    expect(fromDump(dump({ routes: [{ route_config }] }), proxy).config.routes).toEqual([route_config]);
  });

  it.each([
    ['another port', { name: '13128' }],
    ['another address', { name: '80', virtual_hosts: [{ domains: ['10.42.0.51', '110.42.0.5'] }] }],
  ])('leaves a route for %s', (_what, route_config) => {
    expect(fromDump(dump({ routes: [{ route_config }] }), proxy).config.routes).toEqual([]);
  });

  it.each([
    ['JSON', { json_format: { a: '%PROTOCOL%' } }, '{"a":"%PROTOCOL%"}'],
    ['the older text', { text_format: '%PROTOCOL%\n' }, '%PROTOCOL%\n'],
  ])('reads %s format', (_what, log_format, expected) => {
    const file = { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog' };
    const typed_config = { ...file, path: '/dev/stdout', log_format };
    const access_log = [{ name: 'a' }, { name: 'b', typed_config }];
    const filters = [{ name: 'http', typed_config: { '@type': 'hcm', access_log } }];
    expect(fromDump(dump({ filters }), proxy).accessLogFormat).toBe(expected);
  });
});

describe('observation', () => {
  it('survives JSON and its schema unchanged', () => {
    const before = observed();
    expect(observation.parse(JSON.parse(JSON.stringify(before)))).toEqual(before);
  });
});
