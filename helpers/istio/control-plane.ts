import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { execOrThrow } from '../kube/exec.ts';
import type { Kube } from '../kube/client.ts';
import { deploymentMustBeReady, isReady, livePods } from '../kube/workloads.ts';
import { istiodOf, istiodPodsOf, istioSystem, type Revision } from './revision.ts';

/** Version that the running control plane itself tells, e.g. `1.29.1`. */
export async function controlPlaneVersion(
  kube: Kube,
  revision?: Revision,
  namespace = istioSystem,
): Promise<string> {
  const [pod] = await deploymentMustBeReady(kube, namespace, istiodOf(revision));
  const said = await ask(kube, pod?.metadata?.name ?? '', ['version', '--output', 'json'], namespace);
  const version = /"version":\s*"([^"]*)"/.exec(said)?.[1];
  if (version === undefined) throw new Error(`istiod tells no version: ${said.trim()}`);
  return version;
}

const connections = z.array(
  z.looseObject({ proxy: z.string().optional(), istio_version: z.string().optional() }),
);

/** A sidecar that a control plane serves, as the control plane tells it. */
export interface Served {
  /** Pod and namespace, `sleep-5f4d-x2x.default`. */
  readonly proxy: string;
  /** Version of the sidecar's Istio. */
  readonly version: string;
}

/** Sidecars that are connected to a revision's control plane at the moment. */
export async function servedBy(
  kube: Kube,
  revision: Revision,
  namespace = istioSystem,
): Promise<readonly Served[]> {
  const pods = await livePods(kube, namespace, istiodPodsOf(revision));
  const lists = await Promise.all(
    pods.filter(isReady).map(async ({ metadata }) => {
      const said = await ask(kube, metadata?.name ?? '', ['request', 'GET', '/debug/syncz'], namespace);
      return connections.parse(JSON.parse(said));
    }),
  );
  return lists
    .flat()
    .flatMap(({ proxy, istio_version: version = '' }) => (proxy === undefined ? [] : [{ proxy, version }]));
}

/** Every control plane of the mesh in a line: name, version, whether it serves; for people. */
export async function controlPlanes(kube: Kube): Promise<string[]> {
  const { items } = await kube.core.listNamespacedPod({
    namespace: istioSystem,
    labelSelector: 'app=istiod',
  });
  return items.map((pod) => {
    const { name = '', labels = {}, deletionTimestamp } = pod.metadata ?? {};
    const image = pod.spec?.containers[0]?.image ?? '';
    const state = deletionTimestamp !== undefined ? 'being deleted' : isReady(pod) ? 'ready' : 'not ready';
    return `${name}: revision ${labels['istio.io/rev'] ?? '?'}, ${image}, ${state}`;
  });
}

async function ask(
  kube: Kube,
  pod: string,
  args: readonly string[],
  namespace = istioSystem,
): Promise<string> {
  try {
    return await execOrThrow(kube, { namespace, pod, container: 'discovery' }, [
      '/usr/local/bin/pilot-discovery',
      ...args,
    ]);
  } catch (error) {
    throw new Error(`istiod does not answer (${pod}): ${messageOf(error)}`, { cause: error });
  }
}
