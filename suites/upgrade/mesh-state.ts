import { controlPlanes } from '../../helpers/istio/control-plane.ts';
import { sidecarOf } from '../../helpers/istio/sidecar.ts';
import type { Kube } from '../../helpers/kube/client.ts';

/** Control planes and sidecars as they are, a line each. */
export async function meshState(kube: Kube): Promise<string[]> {
  const { items } = await kube.core.listPodForAllNamespaces();
  const sidecars = items.flatMap((pod) => {
    const sidecar = sidecarOf(pod);
    const { name = '', namespace = '' } = pod.metadata ?? {};
    return sidecar === undefined
      ? []
      : [`${namespace}/${name}: ${sidecar.image}, ${sidecar.ready ? 'ready' : 'not ready'}`];
  });
  return [...(await controlPlanes(kube)), ...sidecars];
}
