import { describe, expect, it, test } from 'vitest';
import { configurationSchema } from '../configuration/configuration.ts';
import { clientNamed, podOf, toldClient } from './client-name.ts';
import type { Kube } from '../kube/client.ts';

describe('--client', () => {
  it.each([
    ['shop/web-1', { pod: 'web-1' }],
    ['shop/web-1/app', { pod: 'web-1', container: 'app' }],
    ['shop/deployment/web', { deployment: 'web' }],
    ['shop/deploy/web/app', { deployment: 'web', container: 'app' }],
    ['shop/app=web', { labels: 'app=web' }],
    [
      'shop/app.kubernetes.io/name=web,tier=front/app',
      { labels: 'app.kubernetes.io/name=web,tier=front', container: 'app' },
    ],
  ])('%s', (client, parts) => {
    expect(configurationSchema.parse({ client, kubeconfig: 'k' }).client).toBe(client);
    const all = {
      namespace: 'shop',
      pod: undefined,
      deployment: undefined,
      labels: undefined,
      container: undefined,
    };
    const named = clientNamed({ client });
    expect(named).toEqual({ ...all, ...parts });
    if (named !== undefined)
      expect(client.startsWith(toldClient(named).replace('deployment', 'deploy'))).toBe(
        !client.includes('deployment'),
      );
  });

  it.each(['web', 'shop/', 'shop/web/app/more', 'shop/=web'])('%s is refused', (client) => {
    expect(configurationSchema.safeParse({ client, kubeconfig: 'k' }).success).toBe(false);
  });
});

test('of several pods it is the youngest that is ready and stays', async () => {
  const pod = (name: string, day: number, ready: boolean, going = false): object => ({
    metadata: {
      name,
      creationTimestamp: new Date(Date.UTC(2026, 0, day)),
      ...(going ? { deletionTimestamp: new Date() } : {}),
    },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  let asked = '';
  const kube = {
    core: {
      listNamespacedPod: ({ labelSelector }: { labelSelector: string }) => {
        asked = labelSelector;
        return Promise.resolve({
          items: [
            pod('old', 1, true),
            pod('new', 3, true),
            pod('next', 4, false),
            pod('gone', 5, true, true),
          ],
        });
      },
    },
    apps: {
      readNamespacedDeployment: () =>
        Promise.resolve({
          spec: {
            selector: {
              matchLabels: { app: 'web' },
              matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['a', 'b'] }],
            },
          },
        }),
    },
  } as unknown as Kube;
  const client = clientNamed({ client: 'shop/deployment/web' });
  if (client === undefined) throw new Error('no client');
  expect((await podOf(kube, client)).metadata?.name).toBe('new');
  expect(asked).toBe('app=web,tier notin (a,b)');
});
