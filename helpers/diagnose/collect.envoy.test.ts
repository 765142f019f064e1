import { describe, expect, it } from 'vitest';
import { describeListener, parseDump, pathTo, withoutSecrets } from './collect.envoy.ts';

const proxy = { ip: '10.42.0.5', port: 3128 };

function listener(address: string, port: number, config: unknown): unknown {
  return {
    name: `${address}_${port}`,
    active_state: {
      listener: {
        name: `${address}_${port}`,
        address: { socket_address: { address, port_value: port } },
        filter_chains: [{ filters: [{ name: 'x', typed_config: config }] }],
      },
    },
  };
}

const outbound = 'outbound|3128||my-company-proxy.com';

function dump(...listeners: unknown[]): ReturnType<typeof parseDump> {
  return parseDump(
    JSON.stringify({
      configs: [
        { '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap: {} },
        {
          '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
          static_clusters: [{ cluster: { name: 'agent' } }],
          dynamic_active_clusters: [{ cluster: { name: outbound } }, { cluster: { name: 'web' } }],
        },
        {
          '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump',
          dynamic_listeners: listeners,
        },
        {
          '@type': 'type.googleapis.com/envoy.admin.v3.RoutesConfigDump',
          dynamic_route_configs: [
            { route_config: { name: '3128', virtual_hosts: [{ routes: [{ route: { cluster: 'web' } }] }] } },
            { route_config: { name: '80' } },
          ],
        },
        { '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump', dynamic_active_secrets: [{}] },
      ],
    }),
  );
}

describe('pathTo', () => {
  it('finds the listener on the address and the cluster that it hands the bytes to', () => {
    const found = pathTo(
      dump(
        listener('10.42.0.5', 3128, { cluster: outbound }),
        listener('10.42.0.6', 3128, { cluster: 'agent' }),
        listener('10.42.0.5', 3129, { cluster: 'agent' }),
      ),
      proxy,
    );
    expect(found.listeners).toMatchObject([{ name: '10.42.0.5_3128' }]);
    expect(found.clusters).toEqual([{ cluster: { name: outbound } }]);
    expect(found.routes).toEqual([]);
  });

  it('follows routes and weighted clusters of a listener for all addresses', () => {
    const http = pathTo(dump(listener('0.0.0.0', 3128, { rds: { route_config_name: '3128' } })), proxy);
    expect(http.routes).toMatchObject([{ route_config: { name: '3128' } }]);
    expect(http.clusters).toEqual([{ cluster: { name: 'web' } }]);
    const weighted = { weighted_clusters: { clusters: [{ name: 'agent', weight: 1 }] } };
    expect(pathTo(dump(listener('0.0.0.0', 3128, weighted)), proxy).clusters).toEqual([
      { cluster: { name: 'agent' } },
    ]);
  });

  it('finds nothing where nothing listens', () => {
    expect(pathTo(dump(listener('0.0.0.0', 15001, {})), proxy)).toEqual({
      listeners: [],
      routes: [],
      clusters: [],
    });
  });
});

it('says of a listener whether it still takes connections', () => {
  expect(describeListener(listener('a', 1, {}))).toBe('a_1 (active)');
  expect(describeListener({ name: 'a_1', draining_state: {} })).toBe('a_1 (draining)');
  expect(describeListener({ listener: {} })).toBe('unnamed (static)');
});

it('leaves the part with the secrets out', () => {
  const types = withoutSecrets(dump()).configs.map((config) => config['@type'].split('.').at(-1));
  expect(types).toEqual([
    'BootstrapConfigDump',
    'ClustersConfigDump',
    'ListenersConfigDump',
    'RoutesConfigDump',
  ]);
});
