import { describe, expect, it } from 'vitest';
import { belongsToIstio, compareSnapshots, going } from './snapshot.ts';

describe('compareSnapshots', () => {
  it('tells what came, went and changed', () => {
    const before = new Map([
      ['v1/Pod a', '1'],
      ['v1/Pod b', '1'],
      ['v1/Pod c', '1'],
      ['v1/Pod of an earlier run', going],
    ]);
    const after = new Map([
      ['v1/Pod b', '2'],
      ['v1/Pod c', '1'],
      ['v1/Pod d', '1'],
    ]);
    expect(compareSnapshots(before, after)).toEqual([
      'left behind: v1/Pod d',
      'missing: v1/Pod a',
      'changed: v1/Pod b',
    ]);
  });
});

describe('belongsToIstio', () => {
  it.each([
    [{ kind: 'Deployment', metadata: { namespace: 'istio-system', name: 'istiod' } }, true],
    [{ kind: 'CustomResourceDefinition', metadata: { name: 'serviceentries.networking.istio.io' } }, true],
    [{ kind: 'APIService', metadata: { name: 'v1.networking.istio.io' } }, true],
    [{ kind: 'ConfigMap', metadata: { namespace: 'default', name: 'istio-ca-root-cert' } }, true],
    [{ kind: 'ClusterRole', metadata: { name: 'istiod-clusterrole-istio-system' } }, true],
    // What the document makes in the mesh is the document's to clean up, whatever labels Istio gave it.
    [
      {
        kind: 'Pod',
        metadata: { namespace: 'default', name: 'sleep-1', labels: { 'istio.io/rev': 'default' } },
      },
      false,
    ],
    [{ kind: 'ServiceEntry', metadata: { namespace: 'default', name: 'proxy' } }, false],
    [{ kind: 'Namespace', metadata: { name: 'external' } }, false],
  ])('%j: %s', (object, expected) => {
    expect(belongsToIstio(object)).toBe(expected);
  });
});
