import { describe, expect, it } from 'vitest';
import { parseReference, registriesOf, registryUrls } from './reference.ts';

describe('parseReference', () => {
  it.each([
    ['docker.io/istio/pilot:1.29.1', 'docker.io', 'istio/pilot', '1.29.1'],
    ['istio/pilot:1.29.1', 'docker.io', 'istio/pilot', '1.29.1'],
    ['nginx', 'docker.io', 'library/nginx', 'latest'],
    ['localhost:5000/a/b:1', 'localhost:5000', 'a/b', '1'],
    ['localhost/a:1', 'localhost', 'a', '1'],
    ['registry.istio.io/release/pilot@sha256:0f', 'registry.istio.io', 'release/pilot', 'sha256:0f'],
    ['registry.istio.io/release/pilot:1.30.0@sha256:0f', 'registry.istio.io', 'release/pilot', 'sha256:0f'],
  ])('%s', (text, registry, repository, version) => {
    expect(parseReference(text)).toEqual({ registry, repository, version });
  });
});

it('names each registry once', () => {
  expect(registriesOf(['docker.io/a/b:1', 'c:2', 'registry.istio.io/d:3'])).toEqual([
    'docker.io',
    'registry.istio.io',
  ]);
});

it.each([
  ['docker.io', ['https://registry-1.docker.io/v2/']],
  ['registry.istio.io', ['https://registry.istio.io/v2/']],
  ['localhost:5000', ['https://localhost:5000/v2/', 'http://localhost:5000/v2/']],
  ['127.0.0.1:5000', ['https://127.0.0.1:5000/v2/', 'http://127.0.0.1:5000/v2/']],
  ['localhost.example.com', ['https://localhost.example.com/v2/']],
  ['10.0.0.1:5000', ['https://10.0.0.1:5000/v2/']],
])('asks %s without TLS only on the loopback', (registry, urls) => {
  expect(registryUrls(registry)).toEqual(urls);
});
