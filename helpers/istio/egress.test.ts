import { expect, test } from 'vitest';
import { gatewayWay, type Gateway, type GatewayObjects, type VirtualService } from './egress.ts';

const host = 'proxy.corp.example';
const to = 'egress.shop.svc.cluster.local';
const handed = { cluster: `outbound|3128||${to}`, host, port: 3128 };
const selector = { istio: 'egressgateway' };
const gateway = {
  kind: 'Gateway',
  metadata: { namespace: 'shop', name: 'out' },
  spec: { selector, servers: [{ port: { number: 3128, protocol: 'TCP' } }] },
} satisfies Gateway;

function route(onward: string, gateways: readonly string[] = ['mesh', 'out']): VirtualService {
  const from = (name: string, destination: string): object => ({
    match: [{ gateways: [name], port: 3128 }],
    route: [{ destination: { host: destination, port: { number: 3128 } } }],
  });
  return {
    kind: 'VirtualService',
    metadata: { namespace: 'shop', name: 'way' },
    spec: { hosts: [host], gateways, tcp: [from('mesh', to), from('out', onward)] },
  };
}

const way = (changes: Partial<GatewayObjects> = {}): string => {
  const services = [
    { metadata: { namespace: 'shop', name: 'egress' }, spec: { selector: { ...selector, app: 'egress' } } },
  ];
  const found = gatewayWay(handed, { routes: [route(host)], gateways: [gateway], services, ...changes });
  return found === undefined ? 'no gateway' : `${found.leads ? 'leads' : 'stops'}: ${found.told}`;
};

test('an egress gateway leads on by its Gateway and a VirtualService', () => {
  expect(way()).toBe(
    `leads: through ${to}, from where Gateway shop/out and VirtualService shop/way lead on to ${host}`,
  );
  expect(way({ routes: [route(host, ['mesh', 'shop/out'])] })).toMatch(/^leads/);
});

test.each<[string, Partial<GatewayObjects>, string]>([
  ['a Service of nobody’s gateway', { gateways: [] }, 'no gateway'],
  [
    'a Gateway on another port',
    { gateways: [{ ...gateway, spec: { selector, servers: [{ port: { number: 80 } }] } }] },
    'stops: Gateway shop/out does not listen on port 3128',
  ],
  ['no route from there', { routes: [] }, 'stops: no VirtualService of Gateway shop/out routes port 3128 on'],
  [
    'a route to another host',
    { routes: [route('other.example')] },
    'stops: VirtualService shop/way leads on to other.example:3128',
  ],
])('%s does not', (_what, changes, told) => {
  expect(way(changes)).toBe(told);
});
