import { expect, test } from 'vitest';
import { discoverySelectors, isSelected, labelsForDiscovery } from './discovery-selectors.ts';

const name = 'kubernetes.io/metadata.name';
const namespaces = [{ [name]: 'conformance-mesh' }, { [name]: 'conformance-external' }];

function labels(...selectors: object[]): unknown {
  return labelsForDiscovery(discoverySelectors.parse(selectors), namespaces);
}

function expression(key: string, operator: string, ...values: string[]): object {
  return { key, operator, ...(values.length === 0 ? {} : { values }) };
}

test('no selectors, and an empty one, need nothing', () => {
  expect(labels()).toEqual({ labels: {} });
  expect(labels({})).toEqual({ labels: {} });
});

test('plain labels are added', () => {
  expect(labels({ matchLabels: { team: 'a', mesh: 'on' } })).toEqual({ labels: { team: 'a', mesh: 'on' } });
});

test('names that are left out need nothing of a namespace with another name', () => {
  const cluster = ['kube-system', 'kube-public', 'kube-node-lease'];
  expect(labels({ matchExpressions: [expression(name, 'NotIn', ...cluster)] })).toEqual({ labels: {} });
});

test.each([
  [expression('env', 'In', 'prod', 'test'), { env: 'prod' }],
  [expression('env', 'NotIn', 'prod'), {}],
  [expression('env', 'Exists'), { env: 'conformance' }],
  [expression('env', 'DoesNotExist'), {}],
])('%j', (one, added) => {
  expect(labels({ matchExpressions: [one] })).toEqual({ labels: added });
});

test('what is asked of one label is met together', () => {
  const both = [expression('env', 'In', 'prod', 'test'), expression('env', 'NotIn', 'prod')];
  expect(labels({ matchExpressions: both })).toEqual({ labels: { env: 'test' } });
  expect(labels({ matchLabels: { env: 'x' }, matchExpressions: [expression('env', 'Exists')] })).toEqual({
    labels: { env: 'x' },
  });
});

test('of several selectors the first that can be met', () => {
  const named = { matchExpressions: [expression(name, 'In', 'shop')] };
  expect(labels(named, { matchLabels: { mesh: 'on' } })).toEqual({ labels: { mesh: 'on' } });
});

test('what cannot be met is told, selector by selector', () => {
  expect(
    labels(
      { matchLabels: { [name]: 'shop' } },
      { matchExpressions: [expression('env', 'Exists'), expression('env', 'DoesNotExist')] },
      { matchExpressions: [expression('env', 'Gt', '1')] },
    ),
  ).toEqual({
    impossible: [
      `${name}=shop: a namespace has ${name}=conformance-mesh, which stays`,
      'env, !env: no value of env fits',
      'env Gt (1): operator Gt is not known',
    ],
  });
});

test('namespaces are taken that have no label, as the injector does with enableNamespacesByDefault', () => {
  const absent = ['istio-injection', 'istio.io/rev'].map((key) => expression(key, 'DoesNotExist'));
  const notSystem = expression(name, 'NotIn', 'kube-system');
  const [selector] = discoverySelectors.parse([{ matchExpressions: [...absent, notSystem] }]);
  const taken = (labels: Record<string, string>): boolean | undefined =>
    selector && isSelected(selector, labels);
  expect(taken({ [name]: 'conformance-external' })).toBe(true);
  expect(taken({ [name]: 'conformance-external', 'istio-injection': 'disabled' })).toBe(false);
  expect(taken({ [name]: 'kube-system' })).toBe(false);
});
