import { expect, test } from 'vitest';
import { clusterCalled } from './counters.ts';

const names = new Map([
  ['my-company-proxy.com', ['outbound|3128||my-company-proxy.com', 'outbound|8080||my-company-proxy.com']],
  ['shop_80', ['outbound|80||shop']],
]);

test.each([
  ['shop_80', 3128, 'outbound|80||shop'],
  ['my-company-proxy.com', 3128, 'outbound|3128||my-company-proxy.com'],
  ['my-company-proxy.com', undefined, 'my-company-proxy.com'],
  ['PassthroughCluster', 3128, 'PassthroughCluster'],
])('%s, port %s: %s', (name, port, cluster) => {
  expect(clusterCalled(name, names, port)).toBe(cluster);
});
