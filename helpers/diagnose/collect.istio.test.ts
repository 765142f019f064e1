import { expect, it } from 'vitest';
import { istioCollectors } from './collect.istio.ts';
import type { Collected } from './collector.ts';

const answers: Readonly<Record<string, unknown>> = {
  '/apis': {
    groups: [
      {
        name: 'apps',
        preferredVersion: { groupVersion: 'apps/v1' },
        versions: [{ groupVersion: 'apps/v1' }],
      },
      {
        name: 'networking.istio.io',
        preferredVersion: { groupVersion: 'networking.istio.io/v1' },
        versions: [
          { groupVersion: 'networking.istio.io/v1' },
          { groupVersion: 'networking.istio.io/v1alpha3' },
        ],
      },
    ],
  },
  '/apis/networking.istio.io/v1': {
    resources: [
      { name: 'serviceentries', kind: 'ServiceEntry', verbs: ['list'] },
      { name: 'serviceentries/status', kind: 'ServiceEntry', verbs: ['get'] },
    ],
  },
  '/apis/networking.istio.io/v1alpha3': {
    resources: [
      { name: 'serviceentries', kind: 'ServiceEntry', verbs: ['list'] },
      { name: 'envoyfilters', kind: 'EnvoyFilter', verbs: ['list'] },
    ],
  },
  '/apis/networking.istio.io/v1/serviceentries': {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntryList',
    items: [{ metadata: { name: 'proxy', namespace: 'default' }, spec: { hosts: ['a'] } }],
  },
  '/apis/networking.istio.io/v1alpha3/envoyfilters': {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilterList',
    items: [],
  },
};

it('finds the kinds of all versions through the API, and writes a file for each that has objects', async () => {
  const [kinds] = istioCollectors({
    get: (path) =>
      path in answers ? Promise.resolve(JSON.stringify(answers[path])) : Promise.reject(new Error(path)),
  });
  const collected: Collected | undefined = await kinds?.collect(new AbortController().signal);
  expect(collected?.text).toMatch(/ServiceEntry +networking.istio.io\/v1 +1 +default\/proxy\n/);
  expect(collected?.text).toMatch(/EnvoyFilter +networking.istio.io\/v1alpha3 +0\n/);
  expect(collected?.more?.map(({ file }) => file)).toEqual(['istio/serviceentries.yaml']);
});

it('keeps the configuration of each revision, and leaves certificates and locks out', async () => {
  const names = [
    ...['istio', 'istio-1-29-1', 'istio-sidecar-injector-1-29-1', 'values'],
    ...['istio-ca-root-cert', 'istio-ca-crl', 'istio-leader', 'istio-namespace-controller-election'],
    ...['istio-ip-autoallocate', 'kube-root-ca.crt'],
  ];
  const list = {
    apiVersion: 'v1',
    kind: 'ConfigMapList',
    items: names.map((name) => ({ metadata: { name, namespace: 'istio-system' } })),
  };
  const collectors = istioCollectors({ get: () => Promise.resolve(JSON.stringify(list)) });
  const configuration = collectors.find(({ file }) => file === 'istio/configmaps.txt');
  const collected = await configuration?.collect(new AbortController().signal);
  expect(collected?.more?.map(({ file }) => file)).toEqual([
    'istio/configmap-istio.yaml',
    'istio/configmap-istio-1-29-1.yaml',
    'istio/configmap-istio-sidecar-injector-1-29-1.yaml',
    'istio/configmap-values.yaml',
  ]);
});
