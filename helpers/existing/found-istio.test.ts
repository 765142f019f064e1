import { expect, test } from 'vitest';
import { discoverySelectors } from '../istio/discovery-selectors.ts';
import { choose, discoveryLabels, versionIn, type Injector } from './found-istio.ts';

function injector(revision: string, name = revision, isDefault = false): Injector {
  return { revision, name, namespace: 'istio-system', isDefault };
}

test('the default injector is taken before any other', () => {
  const all = [injector('a'), injector('b', 'b', true)];
  expect(choose(all, undefined)?.name).toBe('b');
});

test('one revision needs no choice, whatever tags it has', () => {
  expect(choose([injector('a'), injector('a', 'stable')], undefined)?.revision).toBe('a');
});

test('of several the user chooses, by revision or tag', () => {
  const all = [injector('a'), injector('b'), injector('b', 'stable')];
  expect(() => choose(all, undefined)).toThrow(
    'The cluster has 2 revisions of Istio and none is the default: a, b',
  );
  expect(choose(all, 'stable')?.revision).toBe('b');
  expect(() => choose(all, 'stabel')).toThrow('no revision or tag stabel; the nearest is stable');
});

test('a cluster without Istio has none, and none to choose', () => {
  expect(choose([], undefined)).toBeUndefined();
  expect(() => choose([], 'a')).toThrow('no revision or tag a');
});

test.each([
  ['1.29.1', '1.29.1'],
  ['v1.29.1', '1.29.1'],
  ['1.29.1-distroless', '1.29.1'],
  ['1.29.1-ab666bf4601c', '1.29.1'],
  ['1.30.0-rc.1', '1.30.0-rc.1'],
  ['1.30.4-dev.20260826-0103f5315f69', '1.30.4-dev.20260826'],
  ['1.30.4-example.7', '1.30.4'],
  ['latest', undefined],
  ['1.29', undefined],
])('the version in the tag %s is %s', (tag, version) => {
  expect(versionIn(tag)).toBe(version);
});

test("labels for the discovery selectors, without the injection's own", () => {
  const labels = (...selectors: object[]): unknown =>
    discoveryLabels(discoverySelectors.parse(selectors), ['conformance-mesh']);
  expect(labels({ matchLabels: { 'istio-injection': 'enabled', team: 'a' } })).toEqual({ team: 'a' });
  expect(() =>
    labels({ matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] }] }),
  ).toThrow(/does not look at the namespaces conformance-mesh.*kubernetes.io\/metadata.name in \(shop\)/);
});
