import { expect, test } from 'vitest';
import { makersOfDifference, type Difference } from './taker-differences.ts';

const object = (
  kind: string,
  name: string,
  spec: object,
): { kind: string; metadata: object; spec: object } => ({
  kind,
  metadata: { namespace: 'istio-system', name },
  spec,
});
const limits = object('DestinationRule', 'limits', {
  host: '*.com',
  trafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } } },
});
const patch = object('EnvoyFilter', 'patch', {
  configPatches: [{ patch: { value: { idle_timeout: '1s' } } }],
});
const of = (what: Difference['what'], madeBy?: string): Difference => ({
  what,
  seen: '',
  expected: '',
  effect: 'limits',
  madeBy,
});

test('the object that Envoy names, where it has the setting', () => {
  const named = 'DestinationRule istio-system/limits';
  expect(makersOfDifference(of('connection limit', named), [limits, patch])).toEqual([named]);
});

test('an EnvoyFilter beside the rule that Envoy names', () => {
  expect(
    makersOfDifference(of('idle timeout', 'DestinationRule istio-system/limits'), [limits, patch]),
  ).toEqual(['EnvoyFilter istio-system/patch']);
});

test('what Envoy names and the cluster does not show', () => {
  expect(makersOfDifference(of('tunnel', 'DestinationRule other/gone'), [limits])).toEqual([
    'DestinationRule other/gone',
  ]);
});

test('none, where no object has the setting', () => {
  expect(makersOfDifference(of('connect timeout'), [limits, patch])).toEqual([]);
});
