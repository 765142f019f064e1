import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseVersions, registryReferences, resolveVersions } from '../images/versions.ts';
import { withDiscovered } from './discover-file.ts';

const support = 'https://istio.io/latest/docs/releases/supported-releases/';
const text = `
# The head.
default: { istio: 1.29.1, kubernetes: 1.35.4 }
published: { registry: hub.example/istio, source: 'https://istio.io/' }
istio:
  1.29.1:
    # Why.
    kubernetes: ['1.34', '1.35']
    support: ${support}
    envoy: '1.37'
    registry: docker.io/istio
    source: { lock: k8s-1.35, module: v0.0.0-1, envoyServer: 1.37.0 }
  1.31.0-dev.1:
    kubernetes: ['1.39']
    support: ${support}
    envoy: '1.39'
  1.30.4:
    kubernetes: ['1.35', '1.36']
    support: ${support}
    envoy: '1.38'
    registry: registry.istio.io/release
kubernetes:
  1.35.4:
    k3s: docker.io/rancher/k3s:v1.35.4-k3s1
coredns: v1.13.1
images:
  squid: docker.io/sameersbn/squid:3.5.27
  curl: docker.io/curlimages/curl:8.16.0
  origin: docker.io/library/nginx:1.28-alpine
`;
const before = parseVersions(text);
const released = { on: '2026-08-31', source: 'https://github.com/istio/istio/releases/tag/1.31.0' };
const found = (istio: string, kubernetes: string) =>
  withDiscovered(text, { istio, istioReleased: released, kubernetes, k3sTag: `v${kubernetes}-k3s3` });

it('adds a pair that was refused, and knows its images', () => {
  const { text: written, added } = found('1.31.0', '1.37.1');
  expect(added).toEqual(['Kubernetes 1.37.1', 'Istio 1.31.0']);
  const after = parseVersions(written);
  // As the newest published one; of Envoy, and of the development version's range, nothing is taken.
  expect(after.istio['1.31.0']).toEqual({
    kubernetes: ['1.35', '1.36', '1.37'],
    support,
    released,
    envoy: 'unknown',
    // Where the file says that Istio publishes, not where its neighbour was.
    registry: 'hub.example/istio',
  });
  const asked = { istio: '1.31.0', k8s: '1.37.1' };
  expect(() => resolveVersions(asked, before)).toThrow('not listed');
  expect(registryReferences(resolveVersions(asked, after), 'amd64', after)).toMatchObject({
    k3s: 'docker.io/rancher/k3s:v1.37.1-k3s3',
    pilot: 'hub.example/istio/pilot:1.31.0',
  });
});

it("takes range and end of support from Istio's own table", () => {
  const ends = { on: '2027-05', expected: true as const, source: 'https://istio.io/' };
  const istioSupport = { kubernetes: ['1.36', '1.37'], ends };
  const pair = { istio: '1.31.0', kubernetes: '1.37.1', k3sTag: 'v1.37.1-k3s1', istioSupport };
  const { text: written } = withDiscovered(text, pair);
  expect(parseVersions(written).istio['1.31.0']).toMatchObject({
    kubernetes: ['1.36', '1.37'],
    supportEnds: ends,
  });
  expect(written).toContain("# The range is that of Istio's table. The registry");
  expect(written).not.toContain('not known.');
  expect(written).toContain('# Discovered, not reviewed.\n');
});

it('keeps all that was there, comments too, and says of what it adds that nobody has reviewed it', () => {
  const { text: written } = found('1.31.0', '1.37.1');
  expect(parseVersions(written)).toMatchObject(before);
  expect(written).toContain('# The head.');
  expect(written).toContain('# Why.');
  expect(written.match(/# Discovered, not reviewed: whether Istio supports it is unknown/g)).toHaveLength(2);
  expect(written).toContain('# The range is that of 1.30.4, with the 1.37 that is tried');
});

it('gives back the same text where the pair is there already', () => {
  expect(found('1.30.4', '1.35.4')).toEqual({ text, added: [] });
});

it('adds a Kubernetes alone where a listed Istio supports it', () => {
  const { text: written, added } = found('1.30.4', '1.36.2');
  expect(added).toEqual(['Kubernetes 1.36.2']);
  expect(parseVersions(written).istio).toEqual(before.istio);
});

it('stretches the range of a listed Istio by the one minor version, and leaves the rest of its entry', () => {
  const { text: written, added } = found('1.29.1', '1.36.2');
  expect(added).toEqual(['Kubernetes 1.36.2', 'Istio 1.29.1 on Kubernetes 1.36']);
  expect(parseVersions(written).istio['1.29.1']).toEqual({
    ...before.istio['1.29.1'],
    kubernetes: ['1.34', '1.35', '1.36'],
  });
  expect(written).toContain('# 1.36 is not reviewed');
});

it('takes a patch of an older line as that line', () => {
  expect(parseVersions(found('1.29.9', '1.35.4').text).istio['1.29.9']?.kubernetes).toEqual(['1.34', '1.35']);
});

it('needs a published release to start from', () => {
  const unpublished = text.replaceAll(/^ {4}registry: .*\n/gm, '');
  expect(() =>
    withDiscovered(unpublished, { istio: '1.31.0', kubernetes: '1.35.4', k3sTag: 'v1.35.4-k3s1' }),
  ).toThrow('no published release');
});

it('serves fixtures/versions.yaml', () => {
  const own = readFileSync(new URL('../../fixtures/versions.yaml', import.meta.url), 'utf8');
  const newest = { istio: '1.99.0', kubernetes: '1.99.0', k3sTag: 'v1.99.0-k3s1' };
  const { text: written } = withDiscovered(own, newest);
  const after = parseVersions(written);
  expect(after).toMatchObject(parseVersions(own));
  expect(resolveVersions({ istio: '1.99.0', k8s: '1.99.0' }, after).istio).toBe('1.99.0');
  expect(written.match(/^ *#/gm)?.length).toBe((own.match(/^ *#/gm)?.length ?? 0) + 3);
});
