import { expect, test } from 'vitest';
import { canTouch, type InfluencedRequest } from './influences.ts';

const request: InfluencedRequest = {
  hosts: ['my-company-proxy.com'],
  to: [{ ip: '10.42.0.11', port: 3128 }],
  clientNamespace: 'default',
  clientLabels: { app: 'sleep' },
  namespaces: ['default', 'external'],
  rootNamespace: 'istio-system',
};

const ports = [{ number: 3128, protocol: 'TCP' }];

test.each([
  // The rule of another service that an unanswering webhook was once blamed on.
  ['DestinationRule', 'default', { host: 'payments.default.svc.cluster.local' }, false],
  ['DestinationRule', 'istio-system', { host: '*.com' }, true],
  ['DestinationRule', 'shop', { host: '*.com', exportTo: ['.'] }, false],
  ['DestinationRule', 'istio-system', { host: 'my-company-proxy.com' }, true],
  ['ServiceEntry', 'shop', { hosts: ['x.example'], ports, addresses: ['10.0.0.0/8'] }, true],
  ['ServiceEntry', 'shop', { hosts: ['x.example'], ports, addresses: ['192.0.2.7'] }, false],
  ['ServiceEntry', 'shop', { hosts: ['x.example'], ports }, true],
  ['ServiceEntry', 'shop', { hosts: ['my-company-proxy.com'], ports: [{ number: 1 }] }, true],
  ['VirtualService', 'default', { hosts: ['my-company-proxy.com'] }, true],
  ['VirtualService', 'default', { hosts: ['my-company-proxy.com'], gateways: ['shop/gateway'] }, false],
  ['VirtualService', 'default', { hosts: ['shop.example'] }, false],
  ['WorkloadEntry', 'shop', { address: '10.42.0.11' }, true],
  ['WorkloadEntry', 'shop', { address: '10.42.0.12' }, false],
  ['Sidecar', 'istio-system', {}, true],
  ['Sidecar', 'shop', {}, false],
  ['Sidecar', 'default', { workloadSelector: { labels: { app: 'shop' } } }, false],
  ['EnvoyFilter', 'default', { workloadSelector: { labels: { app: 'sleep' } } }, true],
  ['EnvoyFilter', 'istio-system', { targetRefs: [{ kind: 'Gateway', name: 'waypoint' }] }, false],
  ['Telemetry', 'istio-system', {}, true],
  ['Telemetry', 'default', { selector: { matchLabels: { app: 'shop' } } }, false],
  ['NetworkPolicy', 'external', {}, true],
  ['NetworkPolicy', 'shop', {}, false],
] as const)('%s in %s %j: %s', (kind, namespace, spec, touches) => {
  expect(canTouch({ kind, metadata: { namespace, name: 'x' }, spec }, request)).toBe(touches);
});
