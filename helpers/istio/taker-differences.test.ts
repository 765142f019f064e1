import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differencesOf, type Difference } from './taker-differences.ts';
import { takerOf } from './taker.ts';

interface Dump {
  readonly listeners: readonly unknown[];
  readonly clusters: readonly unknown[];
}

function differences(
  name: string,
  change: (clusters: readonly unknown[]) => readonly unknown[] = (as) => as,
): Difference[] {
  const text = readFileSync(new URL(`dumps/${name}.json`, import.meta.url), 'utf8');
  const { listeners, clusters } = JSON.parse(text) as Dump;
  const taker = takerOf(listeners, { ip: '10.42.0.11', port: 3128 });
  if (taker === undefined) throw new Error('nothing takes it');
  return differencesOf(taker, change(clusters), 'ORIGINAL_DST');
}

test.each([
  ...['documents-entry', 'telemetry', 'company-entry', 'wide-entry-with-entry', 'other-proxy-with-entry'],
])('%s: none', (name) => {
  expect(differences(name)).toEqual([]);
});

test.each([
  [
    'tunnel',
    'tunnel',
    'breaks',
    'DestinationRule istio-system/transparent-proxy',
    'identity.corp.example:443',
  ],
  [
    'idle-timeout',
    'idle timeout',
    'limits',
    'DestinationRule istio-system/idle-outside',
    'after 0.5 s without',
  ],
  [
    'max-connections',
    'connection limit',
    'limits',
    'DestinationRule istio-system/limits-for-the-outside',
    '3 conn',
  ],
  ['weighted', 'weights', 'breaks', 'VirtualService default/split', 'weight 30'],
  ['other-proxy-by-name', 'cluster type', 'breaks', undefined, 'type STRICT_DNS'],
  ['company-entry-http', 'http', 'breaks', undefined, 'listener 0.0.0.0_3128 speaks HTTP'],
] as const)('%s: %s', (name, what, effect, madeBy, seen) => {
  const found = differences(name);
  expect(found).toMatchObject([{ what, effect, madeBy }]);
  expect(found[0]?.seen).toContain(seen);
});

test('transport sockets, the time to connect, outlier detection', () => {
  const changed = differences('documents-entry', (clusters) =>
    (clusters as { cluster: object }[]).map(({ cluster }) => ({
      cluster: {
        ...cluster,
        connect_timeout: '0.500s',
        outlier_detection: {},
        transport_socket: { name: 'envoy.transport_sockets.tls' },
        transport_socket_matches: [{ transport_socket: { name: 'envoy.transport_sockets.raw_buffer' } }],
      },
    })),
  );
  expect(changed.map(({ what, effect }) => [what, effect])).toEqual([
    ['transport socket', 'breaks'],
    ['connect timeout', 'limits'],
    ['outlier detection', 'limits'],
  ]);
});

test('a cluster that the sidecar does not have', () => {
  expect(differences('documents-entry', () => [])).toMatchObject([
    { what: 'cluster missing', seen: 'no cluster outbound|3128||my-company-proxy.com' },
  ]);
});
