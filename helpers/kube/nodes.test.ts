import type { V1Node } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { schedulable } from './nodes.ts';

function node(name: string, spec: V1Node['spec'] = {}, ready = 'True'): V1Node {
  return { metadata: { name }, spec, status: { conditions: [{ type: 'Ready', status: ready }] } };
}

test('ordinary nodes take a pod, in the order of their names', () => {
  expect(schedulable([node('b'), node('a')])).toEqual({ names: ['a', 'b'], leftOut: [] });
});

test('a taint that is only a preference keeps nothing away', () => {
  const soft = node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] });
  expect(schedulable([soft]).names).toEqual(['a']);
});

test('the others are named with their reason', () => {
  const nodes = [
    node('a'),
    node('b', { unschedulable: true, taints: [{ key: 'k', effect: 'NoSchedule' }] }),
    node('c', { taints: [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' }] }),
    node('d', { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoExecute' }] }),
    node('e', {}, 'Unknown'),
  ];
  expect(schedulable(nodes)).toEqual({
    names: ['a'],
    leftOut: [
      'b: cordoned',
      'c: taint dedicated=batch:NoSchedule',
      'd: taint node-role.kubernetes.io/control-plane:NoExecute',
      'e: not ready',
    ],
  });
});
