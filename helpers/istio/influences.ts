import type { KubernetesObject } from '@kubernetes/client-node';
import { apiStatus, type Kube } from '../kube/client.ts';

/** Kinds that can change where a sidecar sends a request, or what it logs of it, and the resources RBAC knows them by. */
const kinds = [
  ['networking.istio.io/v1', 'ServiceEntry', 'serviceentries'],
  ['networking.istio.io/v1', 'Sidecar', 'sidecars'],
  ['networking.istio.io/v1', 'VirtualService', 'virtualservices'],
  ['networking.istio.io/v1', 'DestinationRule', 'destinationrules'],
  ['networking.istio.io/v1', 'WorkloadEntry', 'workloadentries'],
  ['networking.istio.io/v1alpha3', 'EnvoyFilter', 'envoyfilters'],
  ['networking.istio.io/v1beta1', 'ProxyConfig', 'proxyconfigs'],
  ['telemetry.istio.io/v1', 'Telemetry', 'telemetries'],
  ['extensions.istio.io/v1alpha1', 'WasmPlugin', 'wasmplugins'],
  ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'],
] as const;

/** The same, as RBAC says them. */
export const influencingResources = kinds.map(([apiVersion, , resource]) => ({
  group: apiVersion.split('/')[0] ?? '',
  resource,
}));

/**
 * Objects of the whole cluster that can change the way of a request and are not of Istio's own installation; kinds that
 * the cluster does not know are left out.
 */
export async function influencing(
  kube: Kube,
  ignore: (object: KubernetesObject) => boolean,
): Promise<readonly KubernetesObject[]> {
  const lists = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      try {
        const { items } = await kube.objects.list(apiVersion, kind);
        return items.map((item) => ({ ...item, kind }));
      } catch (error) {
        if (apiStatus(error) === 404) return [];
        throw error;
      }
    }),
  );
  return lists.flat().filter((object) => !installed(object) && !ignore(object));
}

/** Istio's installation labels what it brings. */
function installed({ metadata }: KubernetesObject): boolean {
  return Object.keys(metadata?.labels ?? {}).some((label) =>
    /^(install\.)?operator\.istio\.io\//.test(label),
  );
}
