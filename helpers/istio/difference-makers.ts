import type { KubernetesObject } from '@kubernetes/client-node';
import { nameOf } from '../kube/client.ts';
import type { Difference } from './taker-differences.ts';

type What = Difference['what'];

/** Kinds that can make a difference, and how it is written in their specification. */
const makers: Readonly<Record<What, { readonly kinds: RegExp; readonly says: RegExp }>> = {
  http: { kinds: /^(ServiceEntry|EnvoyFilter)$/, says: /HTTP|http_connection_manager/i },
  'filter chain': { kinds: /^EnvoyFilter$/, says: /NETWORK_FILTER|FILTER_CHAIN|LISTENER/ },
  filter: { kinds: /^(EnvoyFilter|WasmPlugin)$/, says: /NETWORK_FILTER|FILTER_CHAIN|LISTENER|NETWORK/ },
  tunnel: { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /tunnel/i },
  weights: { kinds: /^(VirtualService|EnvoyFilter)$/, says: /weight/i },
  'cluster missing': { kinds: /^(VirtualService|EnvoyFilter)$/, says: /./ },
  'cluster type': {
    kinds: /^(ServiceEntry|WorkloadEntry|DestinationRule|EnvoyFilter)$/,
    says: /resolution|endpoints|address|type|localityLb|loadBalancer/i,
  },
  'transport socket': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /tls|transport_?socket/i },
  'connection limit': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /max_?connections/i },
  'idle timeout': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /idle_?timeout/i },
  'longest duration': {
    kinds: /^(DestinationRule|EnvoyFilter)$/,
    says: /max_?(downstream_?)?connection_?duration/i,
  },
  'connect timeout': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /connect_?timeout/i },
  'outlier detection': { kinds: /^(DestinationRule|EnvoyFilter)$/, says: /outlier_?detection/i },
};

/**
 * The objects that made a difference. Envoy's metadata name a DestinationRule for the whole cluster, also where an
 * EnvoyFilter added this setting: so the object itself must have the setting in it.
 * @param objects Those of the cluster that can touch the request, each with its kind
 * @returns `Kind namespace/name` of each; empty where no object of the cluster says so, e.g. where meshConfig does
 */
export function makersOfDifference(
  { what, madeBy }: Difference,
  objects: readonly KubernetesObject[],
): readonly string[] {
  const { kinds, says } = makers[what];
  const can = objects.filter(({ kind = '' }) => kinds.test(kind));
  const does = can.filter((object) => says.test(JSON.stringify((object as { spec?: unknown }).spec ?? {})));
  const names = does.map(nameOf);
  if (madeBy === undefined) return names.sort();
  // Not among them: the object was deleted a moment ago, or may not be read.
  const known = objects.some((object) => nameOf(object) === madeBy);
  if (names.includes(madeBy) || !known || names.length === 0) return [madeBy];
  return names.sort();
}
