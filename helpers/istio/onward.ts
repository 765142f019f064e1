import { formatEndpoint, sameEndpoint, type Endpoint } from '../trip/endpoint.ts';
import { clustersIn, loadAssignmentsIn, type SocketAddress } from './config-dump.ts';

/** Where a cluster connects to: to the proxy, or to what else. */
export interface Onward {
  readonly leads: boolean;
  /** Envoy's type of the cluster. */
  readonly type: string;
  /** Addresses or names that it connects to; none where it has no endpoint, or takes the client's own. */
  readonly to: readonly string[];
}

/**
 * Where Envoy's cluster of this name connects a connection to the proxy to; undefined when it has no such cluster.
 * @param clusters Entries of the dump of dynamic_active_clusters
 * @param endpoints What istiod told Envoy of the cluster's endpoints (EDS)
 * @param proxy Every endpoint that is the proxy
 */
export function onwardOf(
  name: string,
  clusters: readonly unknown[],
  endpoints: readonly unknown[],
  proxy: readonly Endpoint[],
): Onward | undefined {
  const cluster = clustersIn(clusters).find((one) => one.name === name);
  if (cluster === undefined) return undefined;
  const { type, original_dst_lb_config: original } = cluster;
  const ports = proxy.map(({ port }) => port);
  if (type === 'ORIGINAL_DST') {
    const { upstream_port_override: port } = original ?? {};
    const leads = port === undefined || ports.includes(port);
    return { leads, type, to: leads ? [] : [`port ${port} of the address that the client asks for`] };
  }
  const told = loadAssignmentsIn(endpoints).filter((one) => one.cluster_name === name);
  const all = [...(cluster.load_assignment === undefined ? [] : [cluster.load_assignment]), ...told]
    .flatMap((one) => one.endpoints.flatMap(({ lb_endpoints: each }) => each))
    .flatMap(({ endpoint }) => endpoint?.address?.socket_address ?? []);
  const isProxy = ({ address, port_value: port }: SocketAddress): boolean =>
    type.endsWith('_DNS')
      ? // Where a name leads, the request itself shows.
        ports.includes(port)
      : proxy.some((one) => sameEndpoint(one, { ip: address, port }));
  return {
    leads: all.length > 0 && all.every(isProxy),
    type,
    to: all.map(({ address, port_value }) => formatEndpoint({ ip: address, port: port_value })),
  };
}
