import type { V1Pod } from '@kubernetes/client-node';
import { merge } from './merge.ts';
import type { Kube } from './client.ts';
import { deploymentMustBeReady } from './workloads.ts';

/**
 * `kubectl rollout restart` and `rollout status`: new pods in place of the old ones, which are gone or going then.
 * @returns the new pods
 * @throws EventuallyError when they do not become ready, EnvironmentError when an image cannot be pulled
 */
export async function restartDeployment(
  kube: Kube,
  namespace: string,
  name: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<V1Pod[]> {
  const template = {
    metadata: {
      annotations: { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString(), ...annotations },
    },
  };
  await merge(kube, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: { template },
  });
  return deploymentMustBeReady(kube, namespace, name);
}
