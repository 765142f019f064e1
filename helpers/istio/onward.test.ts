import { describe, expect, it } from 'vitest';
import { onwardOf } from './onward.ts';

const name = 'outbound|3128||proxy.corp.example';
const proxy = ['10.42.0.11', '10.42.0.12'].map((ip) => ({ ip, port: 3128 }));

const address = (ip: string, port = 3128): object => ({
  endpoint: { address: { socket_address: { address: ip, port_value: port } } },
});
const assignment = (...lb_endpoints: readonly object[]): object => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints }],
});
const onward = (cluster: object, endpoints: readonly object[] = []): ReturnType<typeof onwardOf> =>
  onwardOf(name, [{ cluster: { name, ...cluster } }], endpoints, proxy);

describe('a cluster', () => {
  it('that takes the client’s own destination leads to the proxy, unless it changes the port', () => {
    expect(onward({ type: 'ORIGINAL_DST' })).toEqual({ leads: true, type: 'ORIGINAL_DST', to: [] });
    expect(
      onward({ type: 'ORIGINAL_DST', original_dst_lb_config: { upstream_port_override: 80 } }),
    ).toMatchObject({ leads: false, to: ['port 80 of the address that the client asks for'] });
  });

  it('with endpoints leads there when each of them is the proxy', () => {
    const told = (...all: readonly object[]): unknown => onward({ type: 'EDS' }, [assignment(...all)]);
    expect(told(address('10.42.0.11'))).toMatchObject({ leads: true });
    expect(told(address('10.42.0.11'), address('10.42.0.12'))).toMatchObject({ leads: true });
    expect(told(address('10.42.0.11'), address('192.0.2.1'))).toMatchObject({
      leads: false,
      to: ['10.42.0.11:3128', '192.0.2.1:3128'],
    });
    expect(told(address('10.42.0.11', 80))).toMatchObject({ leads: false });
    expect(told()).toMatchObject({ leads: false, to: [] });
    expect(
      onward({ type: 'EDS' }, [{ ...assignment(address('10.42.0.11')), cluster_name: 'another' }]),
    ).toEqual({
      leads: false,
      type: 'EDS',
      to: [],
    });
  });

  it('by name is left to the request, but for the port', () => {
    const byName = (port: number): object => ({
      type: 'STRICT_DNS',
      load_assignment: assignment(address('proxy.corp.example', port)),
    });
    expect(onward(byName(3128))).toMatchObject({ leads: true });
    expect(onward(byName(80))).toMatchObject({ leads: false, to: ['proxy.corp.example:80'] });
  });

  it('that Envoy does not have is not known', () => {
    expect(onwardOf(name, [], [], proxy)).toBeUndefined();
  });
});
