import { describe, expect, test } from 'vitest';
import { configurationSchema } from '../configuration/configuration.ts';
import { UsageError } from '../errors.ts';
import { needsEngine, surroundingsMustFit } from './surroundings.ts';

type Asked = Parameters<typeof configurationSchema.parse>[0];

function fit(asked: Asked): () => void {
  return () => {
    surroundingsMustFit(configurationSchema.parse(asked));
  };
}

const there = { kubeconfig: 'config' };

describe('options that fit', () => {
  test.each([
    ['a cluster of the run’s own', {}],
    ['one that is kept', { keep: true, k8s: '1.35.4', istio: '1.29.1' }],
    ['a client on each node of it', { everyNode: true }],
    ['one that is there', { ...there, context: 'c', revision: 'r', namespace: 'a', proxyNamespace: 'b' }],
    ['one that gets an Istio', { ...there, installIstio: true, istio: '1.29.1' }],
    ['the cluster around the process', { inCluster: true, pullSecret: 'file', everyNode: true }],
    ['the longest names', { ...there, namespace: 'a'.repeat(63), proxyNamespace: 'b'.repeat(56) }],
  ])('%s', (_what, asked) => {
    expect(fit(asked)).not.toThrow();
  });
});

describe('options that do not fit are refused by name', () => {
  test.each<[Asked, string]>([
    [{ context: 'c' }, '--context'],
    [{ installIstio: true }, '--install-istio'],
    [{ revision: 'r' }, '--revision'],
    [{ pullSecret: 'f' }, '--pull-secret'],
    [{ namespace: 'n' }, '--namespace'],
    [{ proxyNamespace: 'n' }, '--proxy-namespace'],
  ])('without a cluster: %o', (asked, option) => {
    expect(fit(asked)).toThrow(`${option} needs an existing cluster: add --kubeconfig FILE`);
  });

  test.each<[Asked, string]>([
    [{ ...there, keep: true }, '--keep keeps a cluster that the run started, but this one exists already'],
    [{ ...there, k8s: '1.35.4' }, '--k8s chooses the version of a cluster that the run starts'],
    [{ ...there, istio: '1.29.1' }, '--istio chooses the version that the run installs'],
    [{ ...there, installIstio: true, revision: 'r' }, '--revision and --install-istio exclude each other'],
    [{ ...there, inCluster: true }, '--in-cluster and --kubeconfig exclude each other'],
    [{ inCluster: true, context: 'c' }, '--in-cluster and --context exclude each other'],
    [{ ...there, namespace: 'x', proxyNamespace: 'x' }, 'must differ, and both lead to x'],
    [{ ...there, namespace: 'x-origin', proxyNamespace: 'x' }, 'must differ, and both lead to x-origin'],
    [{ ...there, namespace: 'My_Mesh' }, '--namespace My_Mesh: not a valid name of a namespace'],
    [{ ...there, namespace: '-a' }, '--namespace -a'],
    [{ ...there, namespace: 'a'.repeat(64) }, '--namespace aaa'],
    [{ ...there, proxyNamespace: 'b'.repeat(57) }, '--proxy-namespace bbb'],
    [{ everyNode: true, injection: 'manual' }, '--every-node and --injection manual exclude each other'],
  ])('%o', (asked, said) => {
    expect(fit(asked)).toThrow(UsageError);
    expect(fit(asked)).toThrow(said);
  });
});

test.each<[Asked, boolean]>([
  [{}, true],
  [there, false],
  [{ inCluster: true }, false],
  [{ ...there, installIstio: true }, true],
  [{ ...there, injection: 'manual' }, true],
])('a run of %o needs an engine: %s', (asked, needed) => {
  expect(needsEngine(configurationSchema.parse(asked))).toBe(needed);
});
