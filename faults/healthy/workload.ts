import { kubeObject } from '../../helpers/kube/manifests.ts';
import { deploymentMustBeReady } from '../../helpers/kube/workloads.ts';
import { shop, type HealthyRig } from './rig.ts';

/** Another team's workload in the mesh, with its own settings. */
const workload = kubeObject('Deployment', { namespace: shop, name: 'web' });

/** @param role Whose image it has: with a curl of its own, or without */
export async function startWorkload(
  rig: HealthyRig,
  role: 'curl' | 'squid',
  annotations: Readonly<Record<string, string>> = {},
): Promise<void> {
  const container = {
    name: 'web',
    image: rig.world.session.images.images[role].reference,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sleep', 'infinity'],
    env: [{ name: 'https_proxy', value: 'http://192.0.2.1:9' }],
    securityContext: { readOnlyRootFilesystem: true },
  };
  const matchLabels = { app: 'web' };
  const labels = { ...matchLabels, 'sidecar.istio.io/inject': 'true' };
  const template = {
    metadata: { labels, annotations },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  };
  await rig.apply(
    kubeObject('Deployment', workload.metadata, { spec: { selector: { matchLabels }, template } }),
  );
  await deploymentMustBeReady(rig.kube, shop, 'web');
}

export function stopWorkload(rig: HealthyRig): Promise<void> {
  return rig.remove(workload);
}

/** Replaces its pod. */
export async function replaceWorkload(rig: HealthyRig): Promise<void> {
  await rig.kube.core.deleteCollectionNamespacedPod({ namespace: shop, labelSelector: 'app=web' });
  await deploymentMustBeReady(rig.kube, shop, 'web');
}
