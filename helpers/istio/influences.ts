import type { KubernetesObject } from '@kubernetes/client-node';
import { apiStatus, listOf, type Kube } from '../kube/client.ts';
import type { Endpoint } from '../trip/endpoint.ts';
import { claimantsOf, hostMatches, selects, visibleTo, type ServiceEntry } from './taker-makers.ts';

/** Kinds that can change where a sidecar sends a request, or what it logs of it, and the resources RBAC knows them by. */
const kinds = [
  ['networking.istio.io/v1', 'ServiceEntry', 'serviceentries'],
  ['networking.istio.io/v1', 'Sidecar', 'sidecars'],
  ['networking.istio.io/v1', 'VirtualService', 'virtualservices'],
  ['networking.istio.io/v1', 'DestinationRule', 'destinationrules'],
  ['networking.istio.io/v1', 'WorkloadEntry', 'workloadentries'],
  ['networking.istio.io/v1', 'Gateway', 'gateways'],
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
        return await listOf(kube, apiVersion, kind);
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

/** The request whose way is in question. */
export interface InfluencedRequest {
  /** The hosts of the ServiceEntries that lead to the proxy. */
  readonly hosts: readonly string[];
  /** Where the client connects to; none while it is not known. */
  readonly to: readonly Endpoint[];
  readonly clientNamespace: string;
  readonly clientLabels: Readonly<Record<string, string>>;
  /** Every namespace that the request's pods are in. */
  readonly namespaces: readonly string[];
  readonly rootNamespace: string;
}

interface Influence extends KubernetesObject {
  readonly spec?: ServiceEntry['spec'] & {
    readonly host?: string;
    readonly gateways?: readonly string[];
    readonly address?: string;
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly targetRef?: unknown;
    readonly targetRefs?: readonly unknown[];
  };
}

/** Whether an object that `influencing` found can change the way of this request: by its host, address, namespace or selector. */
export function canTouch(object: Influence, request: InfluencedRequest): boolean {
  const { kind = '', spec = {}, metadata } = object;
  const { hosts, to, clientNamespace, clientLabels, rootNamespace } = request;
  const namespace = metadata?.namespace ?? '';
  const matches = (pattern: string): boolean => hosts.some((host) => hostMatches(pattern, host));
  const isProxy = (address: string | undefined): boolean => to.some(({ ip }) => ip === address);
  switch (kind) {
    case 'ServiceEntry':
      return (
        to.some((one) => claimantsOf([object], one, clientNamespace).length > 0) ||
        spec.hosts?.some(matches) === true
      );
    case 'DestinationRule':
      return matches(spec.host ?? '') && visibleTo(clientNamespace, spec.exportTo, namespace);
    case 'VirtualService': {
      const inMesh = spec.gateways === undefined || spec.gateways.includes('mesh');
      const named = spec.hosts?.some((one) => matches(one) || isProxy(one)) === true;
      return inMesh && named && visibleTo(clientNamespace, spec.exportTo, namespace);
    }
    case 'WorkloadEntry':
      return isProxy(spec.address) || hosts.includes(spec.address ?? '');
    case 'Gateway':
      // It leads nowhere by itself: a VirtualService does.
      return false;
    case 'NetworkPolicy':
      return request.namespaces.includes(namespace);
    default: {
      if (namespace !== clientNamespace && namespace !== rootNamespace) return false;
      // Those are for gateways and waypoints.
      if (spec.targetRef !== undefined || (spec.targetRefs?.length ?? 0) > 0) return false;
      const wanted = spec.workloadSelector?.labels ?? spec.selector?.matchLabels ?? {};
      return selects(wanted, clientLabels);
    }
  }
}
