import { planeLines, planesOf } from '../../helpers/existing/planes.ts';
import { controlPlanes } from '../../helpers/istio/control-plane.ts';
import { sidecarOf } from '../../helpers/istio/sidecar.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import type { SessionFacts } from '../../helpers/session/session.ts';

/** Control planes and sidecars as they are, a line each; in an existing mesh the suite's own sidecars alone. */
export async function meshState(
  kube: Kube,
  { existing, namespaces }: Pick<SessionFacts, 'existing' | 'namespaces'>,
): Promise<string[]> {
  const found = existing?.istio;
  const { items } =
    found === undefined
      ? await kube.core.listPodForAllNamespaces()
      : await kube.core.listNamespacedPod({ namespace: namespaces.mesh });
  const sidecars = items.flatMap((pod) => {
    const sidecar = sidecarOf(pod);
    const { name = '', namespace = '' } = pod.metadata ?? {};
    return sidecar === undefined
      ? []
      : [`${namespace}/${name}: ${sidecar.image}, ${sidecar.ready ? 'ready' : 'not ready'}`];
  });
  const planes =
    found === undefined ? await controlPlanes(kube) : planeLines(await planesOf(kube, found.namespace));
  return [...planes, ...sidecars];
}
