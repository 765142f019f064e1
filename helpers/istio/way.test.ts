import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { takerOf, type Taker } from './taker.ts';
import { clustersOf, sameTaker, toldTaker } from './way.ts';

function takerIn(dump: string, port = 3128): Taker {
  const text = readFileSync(new URL(`dumps/${dump}.json`, import.meta.url), 'utf8');
  const { listeners } = JSON.parse(text) as { readonly listeners: readonly unknown[] };
  const taker = takerOf(listeners, { ip: '10.42.0.11', port });
  if (taker === undefined) throw new Error(`nothing takes it in ${dump}`);
  return taker;
}

describe('a taker', () => {
  test.each([
    ['empty', 3128, 'virtualOutbound, TCP to PassthroughCluster'],
    ['registry-only', 3128, 'virtualOutbound, TCP to BlackHoleCluster'],
    ['other-proxy-by-name', 3128, '0.0.0.0_3128, TCP to outbound|3128||other-proxy.example.com'],
    ['http-service-on-8080', 8080, '0.0.0.0_8080, HTTP, routes 8080'],
  ])('of %s at port %i is told as %s', (dump, port, told) => {
    expect(toldTaker(takerIn(dump, port))).toBe(told);
  });

  test('is the same as another one that does the same, whatever else differs in the mesh', () => {
    expect(sameTaker(takerIn('empty'), takerIn('default-sidecar'))).toBe(true);
    expect(sameTaker(takerIn('documents-entry'), takerIn('telemetry'))).toBe(true);
    expect(sameTaker(takerIn('empty'), takerIn('registry-only'))).toBe(false);
    expect(sameTaker(takerIn('wide-entry'), takerIn('wide-entry-with-entry'))).toBe(false);
  });

  test('hands a connection to clusters only where it is TCP', () => {
    expect(clustersOf(takerIn('empty'))).toEqual(['PassthroughCluster']);
    expect(clustersOf(takerIn('http-service-on-8080', 8080))).toEqual([]);
  });
});
